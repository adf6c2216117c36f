// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package oci_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gitops/weir/kit/oci"
	"github.com/weir-gitops/weir/kit/testkit"
)

func TestTags(t *testing.T) {
	registry := testkit.NewRegistry(t, testkit.RegistryOptions{PageSize: 3})
	tags := []string{"a", "b", "c", "d", "e", "f", "g"}
	registry.PushTags(t, app, tags...)
	r := open(t, newClient(t), registry.Host, oci.Access{})

	var pages [][]string
	for page, err := range r.Tags(t.Context(), oci.Listing{}) {
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, page)
	}
	if diff := cmp.Diff([][]string{{"a", "b", "c"}, {"d", "e", "f"}, {"g"}}, pages); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	registry.Take()
	for page, err := range r.Tags(t.Context(), oci.Listing{After: "b", PageSize: 2}) {
		if diff := cmp.Diff([]string{"c", "d"}, page); err != nil || diff != "" {
			t.Errorf("from a tag on: %v (-want +got):\n%s", err, diff)
		}
		break
	}
	if requests := registry.Take(); len(requests) != 1 {
		t.Errorf("a listing that is left sends no more requests: %v", requests)
	}
	all, err := r.AllTags(t.Context())
	if diff := cmp.Diff(tags, all); err != nil || diff != "" {
		t.Errorf("all: %v (-want +got):\n%s", err, diff)
	}
	n, err := oci.ParseURL(registry.URL + "/none")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newClient(t).Open(n, oci.Access{}).AllTags(t.Context()); !errors.Is(err, oci.ErrNotFound) {
		t.Errorf("a repository that is not there: %v", err)
	}
}

// What a registry may answer to a request for tags.
func TestTagsHostile(t *testing.T) {
	cases := map[string]struct {
		reason  string
		link    string
		body    string
		want    []string
		wantErr error
	}{
		"Loop":      {"A page that leads to itself ends the listing.", `</v2/org/app/tags/list?n=1000>; rel="next"`, `{"tags":["a"]}`, []string{"a"}, nil},
		"OtherPath": {"The path of the next page does not count.", `</v2/secret/tags/list?n=1000>; rel=next`, `{"tags":["a"]}`, []string{"a"}, nil},
		"OtherHost": {"Credentials are not taken to another host.", `<https://evil.example/v2/x?last=a>; rel="next"`, `{"tags":["a"]}`, nil, oci.ErrContent},
		"NotNext":   {"Other links do not matter.", `</v2/x?last=a>; rel="first"`, `{"tags":["a"]}`, []string{"a"}, nil},
		"Malformed": {"Nor do malformed ones.", `v2/x?last=a; rel="next"`, `{"tags":["a"]}`, []string{"a"}, nil},
		"BadTags":   {"What is no tag is left out.", "", `{"tags":["../../x","a b","a\nb","ok","` + strings.Repeat("x", 129) + `",""]}`, []string{"ok"}, nil},
		"Null":      {"No tags are no tags.", "", `{"tags":null}`, nil, nil},
		"NotJSON":   {"What is no list is not read.", "", `<html>`, nil, oci.ErrContent},
		"TooLarge":  {"A page has a limit.", "", `{"tags":["` + strings.Repeat("x", 17<<20) + `"]}`, nil, oci.ErrTooLarge},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			requests := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				requests++
				if req.URL.Path != "/v2/" {
					if req.URL.Path != "/v2/"+app+"/tags/list" {
						t.Errorf("request to %s", req.URL.Path)
					}
					w.Header().Set("Link", tc.link)
					fmt.Fprint(w, tc.body)
				}
			}))
			t.Cleanup(server.Close)
			got, err := open(t, newClient(t), server.Listener.Addr().String(), oci.Access{}).AllTags(t.Context())
			if !errors.Is(err, tc.wantErr) || requests > 3 {
				t.Fatalf("%s\nerror %v, want %v, %d requests", tc.reason, err, tc.wantErr, requests)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestSelect(t *testing.T) {
	tags := []string{"1.0.0", "v1.2.0", "1.10.0", "2.0.0-rc.1", "1.10.0-dev", "latest", "1.3", "prod-1.99.0"}
	cases := map[string]struct {
		reason  string
		set     oci.Range
		tags    []string
		want    string
		wantErr error
	}{
		"Highest":       {"Versions are compared as such.", oci.Range{SemVer: ">=1.0.0"}, tags, "1.10.0", nil},
		"LetterV":       {"A leading v is allowed, and kept.", oci.Range{SemVer: "~1.2"}, tags, "v1.2.0", nil},
		"PreRelease":    {"Pre-releases count when they are asked for.", oci.Range{SemVer: ">=1.0.0-0"}, tags, "2.0.0-rc.1", nil},
		"Filter":        {"The filter sees the tag as it is.", oci.Range{SemVer: ">=1.0.0-0", Filter: "^1[.].*-dev$"}, tags, "1.10.0-dev", nil},
		"NoMatch":       {"Nothing may match.", oci.Range{SemVer: ">=3"}, tags, "", oci.ErrNoMatch},
		"ThreeParts":    {"Versions have three parts.", oci.Range{SemVer: "1.3"}, tags, "", oci.ErrNoMatch},
		"BadConstraint": {"A constraint that does not parse.", oci.Range{SemVer: "x y"}, tags, "", oci.ErrReference},
		"BadFilter":     {"A filter that does not parse.", oci.Range{SemVer: ">=1", Filter: "("}, tags, "", oci.ErrReference},
		"Chart":         {"Tags of charts write _ for +; the tag is returned as it is.", oci.Range{SemVer: "1.0.0", Chart: true}, []string{"1.0.0_build.7"}, "1.0.0_build.7", nil},
		"NoChart":       {"Other tags do not.", oci.Range{SemVer: "1.0.0"}, []string{"1.0.0_build.7"}, "", oci.ErrNoMatch},
		"Equal":         {"Among equals the last by name wins, whatever the order.", oci.Range{SemVer: "1.0.0", Chart: true}, []string{"1.0.0_b", "1.0.0_c", "1.0.0_a"}, "1.0.0_c", nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				got, err := tc.set.Select(tc.tags)
				if got != tc.want || !errors.Is(err, tc.wantErr) {
					t.Errorf("%s\ngot %q, %v, want %q, %v", tc.reason, got, err, tc.want, tc.wantErr)
				}
				tc.tags = slices.Clone(tc.tags)
				slices.Reverse(tc.tags)
			}
		})
	}
}

func TestSelectTag(t *testing.T) {
	registry := testkit.NewRegistry(t, testkit.RegistryOptions{PageSize: 2})
	registry.PushTags(t, app, "1.0.0", "1.1.0", "1.2.0", "latest", "0.9.0")
	r := open(t, newClient(t), registry.Host, oci.Access{})
	if got, err := r.SelectTag(t.Context(), oci.Range{SemVer: "1.x"}); err != nil || got != "1.2.0" {
		t.Errorf("got %s, %v", got, err)
	}
	registry.Take()
	if _, err := r.SelectTag(t.Context(), oci.Range{SemVer: "x y"}); !errors.Is(err, oci.ErrReference) || len(registry.Take()) > 0 {
		t.Errorf("what cannot be is not asked for: %v", err)
	}
}

// nameCase is the text of a name and what it stands for, or what the error says.
type nameCase struct{ reason, input, want, text string }

func TestParseURL(t *testing.T) {
	testNames(t, oci.ParseURL, map[string]nameCase{
		"Plain":     {"Host and path.", "oci://ghcr.io/org/app", "ghcr.io/org/app", ""},
		"Port":      {"A port is no tag.", "oci://localhost:5000/app", "localhost:5000/app", ""},
		"Slash":     {"A slash at the end says nothing.", "oci://ghcr.io/org/app/", "ghcr.io/org/app", ""},
		"Hub":       {"The Docker hub has a longer name.", "oci://docker.io/alpine", "index.docker.io/library/alpine", ""},
		"IPv6":      {"Addresses may have colons.", "oci://[::1]:5000/app", "[::1]:5000/app", ""},
		"Tag":       {"A tag belongs elsewhere.", "oci://ghcr.io/org/app:v1", "", "':v1'"},
		"Digest":    {"So does a digest.", "oci://ghcr.io/org/app@" + missing, "", "'@sha256:"},
		"Scheme":    {"Other schemes are refused.", "https://ghcr.io/org/app", "", "oci://"},
		"NoPath":    {"A host alone is no repository.", "oci://ghcr.io:443", "", "ghcr.io"},
		"Nothing":   {"Nor is nothing.", "oci://", "", "repository"},
		"UpperCase": {"Repositories are lower case.", "oci://ghcr.io/Org/app", "", "Org"},
		"Dots":      {"A path does not climb.", "oci://ghcr.io/../x", "", "dotted"},
		"Space":     {"Nor are there spaces.", "oci://bad host/x", "", "bad host"},
		"UserInfo":  {"Credentials do not belong into it.", "oci://u:hunter2@ghcr.io/x", "", "user information"},
	})
}

func TestParseImage(t *testing.T) {
	testNames(t, oci.ParseImage, map[string]nameCase{
		"Plain":  {"Host and path.", "ghcr.io/org/app", "ghcr.io/org/app", ""},
		"Short":  {"A short name is one of the Docker hub.", "alpine", "index.docker.io/library/alpine", ""},
		"Org":    {"So is one without host.", "org/app", "index.docker.io/org/app", ""},
		"Port":   {"A port is no tag.", "localhost:5000/app", "localhost:5000/app", ""},
		"Scheme": {"The contract's text.", "https://ghcr.io/org/app", "", "image 'https://ghcr.io/org/app' should not include URL scheme; remove 'https://'"},
		"Tag":    {"The contract's text.", "ghcr.io/org/app:v1", "", "image 'ghcr.io/org/app:v1' should not include a tag; remove ':v1'"},
		"Bare":   {"Also of a short name.", "alpine:3", "", "remove ':3'"},
		"User":   {"Nor is a password repeated.", "https://u:hunter2@ghcr.io/x", "", "image 'https://ghcr.io/x' should not"},
		"Bare@":  {"Or one without scheme.", "u:hunter2@ghcr.io/x", "", "user information"},
		"Digest": {"A digest is no name either.", "alpine@" + missing, "", "remove '@sha256:"},
	})
}

func testNames(t *testing.T, parse func(string) (oci.Name, error), cases map[string]nameCase) {
	t.Helper()
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			n, err := parse(tc.input)
			if (err != nil) != (tc.text != "") || err != nil && (!errors.Is(err, oci.ErrName) || !strings.Contains(err.Error(), tc.text)) {
				t.Fatalf("%s\nerror %v, want %q", tc.reason, err, tc.text)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error repeats a password: %v", err)
			}
			if err == nil && n.String() != tc.want {
				t.Errorf("%s\ngot %s, want %s", tc.reason, n, tc.want)
			}
		})
	}
}

func TestParseReference(t *testing.T) {
	for image, want := range map[string][2]string{
		"ghcr.io/org/app":                  {"ghcr.io/org/app", "latest"},
		"ghcr.io/org/app:v1":               {"ghcr.io/org/app", "v1"},
		"ghcr.io/org/app@" + missing:       {"ghcr.io/org/app", missing},
		"ghcr.io/org/app:v1@" + missing:    {"ghcr.io/org/app", missing},
		"localhost:5000/app:v1":            {"localhost:5000/app", "v1"},
		"alpine:3":                         {"index.docker.io/library/alpine", "3"},
		"ghcr.io/org/app:" + "not/a tag":   {},
		"ghcr.io/org/app@sha256:tooshort0": {},
	} {
		n, reference, err := oci.ParseReference(image)
		if want[0] == "" {
			if err == nil {
				t.Errorf("%s: no error", image)
			}
			continue
		}
		if err != nil || n.String() != want[0] || reference != want[1] {
			t.Errorf("%s: %s, %s, %v", image, n, reference, err)
		}
	}
}

// FuzzParseReference holds that every text that is taken leads to requests below /v2/ of the host it names.
func FuzzParseReference(f *testing.F) {
	for _, seed := range []string{"ghcr.io/org/app:v1", "alpine", "h:1/a@" + missing, "a/../b", "[::1]:5000/x", "a//b", "host/%2e%2e/x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, reference, err := oci.ParseReference(text)
		if err != nil {
			return
		}
		for element := range strings.SplitSeq(n.Path(), "/") {
			if element == "" || element == "." || element == ".." || strings.ContainsAny(element, "%?#\\ :@") {
				t.Errorf("path %q", n.Path())
			}
		}
		if strings.ContainsAny(reference, "/%?# ") || strings.ContainsAny(n.Host(), "/?#@ ") {
			t.Errorf("host %q, reference %q", n.Host(), reference)
		}
		if again, err := oci.ParseImage(n.String()); err != nil || again != n {
			t.Errorf("%s is not canonical: %s, %v", n, again, err)
		}
	})
}

// FuzzSelect holds that no tag, constraint or filter breaks the selection.
func FuzzSelect(f *testing.F) {
	f.Add(">=1.0.0", "^v", "v1.0.0 1.2.3_x", true)
	f.Add("x", "(", "", false)
	f.Fuzz(func(t *testing.T, constraint, filter, tags string, chart bool) {
		list := strings.Fields(tags)
		got, err := oci.Range{SemVer: constraint, Filter: filter, Chart: chart}.Select(list)
		if err == nil && !slices.Contains(list, got) {
			t.Errorf("%q is not among %q", got, list)
		}
	})
}

// A registry that says nothing, or says it very slowly, is left after the time of a page, however long the caller has.
func TestTagsSlow(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter, req *http.Request){
		"Silent": func(http.ResponseWriter, *http.Request) {},
		"Slow": func(w http.ResponseWriter, req *http.Request) {
			for req.Context().Err() == nil {
				fmt.Fprint(w, " ")
				w.(http.Flusher).Flush()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if req.URL.Path != "/v2/" {
					answer(w, req)
					<-req.Context().Done()
				}
			}))
			t.Cleanup(server.Close)
			repository := open(t, newClient(t), server.Listener.Addr().String(), oci.Access{})
			for _, err := range repository.Tags(t.Context(), oci.Listing{PageTimeout: 50 * time.Millisecond}) {
				if !errors.Is(err, oci.ErrSlow) || t.Context().Err() != nil {
					t.Errorf("got %v", err)
				}
			}
			limited, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if _, err := repository.AllTags(limited); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, oci.ErrSlow) {
				t.Errorf("without a bound of its own: %v", err)
			}
		})
	}
}

// A registry that leads from one empty page to the next is left at some time.
func TestTagsEndless(t *testing.T) {
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests++
		w.Header().Set("Link", fmt.Sprintf(`<?last=%d>; rel="next"`, requests))
		fmt.Fprint(w, `{"tags":[]}`)
	}))
	t.Cleanup(server.Close)
	_, err := open(t, newClient(t), server.Listener.Addr().String(), oci.Access{}).AllTags(t.Context())
	if !errors.Is(err, oci.ErrTooLarge) {
		t.Errorf("%d requests, %v", requests, err)
	}
}
