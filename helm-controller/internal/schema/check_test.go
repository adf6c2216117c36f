// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package schema_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"

	"github.com/weir-gitops/weir/helm-controller/internal/schema"
)

// withSchema returns a chart with the schema, and with others in it.
func withSchema(name, text string, inner ...*chart.Chart) *chart.Chart {
	c := &chart.Chart{Metadata: &chart.Metadata{APIVersion: chart.APIVersionV2, Name: name, Version: "1.0.0"}, Values: map[string]any{}}
	if text != "" {
		c.Schema = []byte(text)
	}
	c.SetDependencies(inner...)
	return c
}

// TestCheckLikeHelm holds that verdicts and texts are those of Helm.
func TestCheckLikeHelm(t *testing.T) {
	port := `{"properties":{"port":{"type":"integer"},"name":{"enum":["a","b"]}},"required":["name"]}`
	cases := map[string]struct {
		reason string
		chart  *chart.Chart
		values map[string]any
	}{
		"None":        {"Without a schema everything goes.", withSchema("app", ""), map[string]any{"port": "x"}},
		"Met":         {"Values that meet it are fine.", withSchema("app", port), map[string]any{"port": 1, "name": "a"}},
		"Unmet":       {"All that is wrong is told.", withSchema("app", port), map[string]any{"port": "x", "name": "c"}},
		"Inner":       {"Charts in the chart have theirs.", withSchema("app", port, withSchema("db", port)), map[string]any{"port": "x", "db": map[string]any{"port": "y"}}},
		"InnerOnly":   {"Also if only they have one.", withSchema("app", "", withSchema("mid", "", withSchema("db", port))), map[string]any{"mid": map[string]any{"db": map[string]any{}}}},
		"NotJSON":     {"A schema is JSON.", withSchema("app", `{`), nil},
		"NoSchema":    {"And a schema.", withSchema("app", `{"type": 7}`), nil},
		"Itself":      {"It may refer to itself.", withSchema("app", `{"$defs":{"x":{"type":"string"}},"properties":{"a":{"$ref":"#/$defs/x"},"b":{"$ref":"file:///values.schema.json#/$defs/x"}}}`), map[string]any{"a": 1, "b": 2}},
		"Identity":    {"Under the name that it gives itself, too.", withSchema("app", `{"$id":"https://nowhere.invalid/s.json","$defs":{"x":{"type":"string"}},"properties":{"a":{"$ref":"s.json#/$defs/x"}}}`), map[string]any{"a": 1}},
		"Draft4":      {"Drafts differ.", withSchema("app", `{"$schema":"http://json-schema.org/draft-04/schema#","properties":{"a":{"minimum":1,"exclusiveMinimum":true}}}`), map[string]any{"a": 1}},
		"Draft7":      {"Their own schemas are known.", withSchema("app", `{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"a":{"$ref":"http://json-schema.org/draft-07/schema#"}}}`), map[string]any{"a": map[string]any{"type": 1}}},
		"URN":         {"Of names nothing is asked.", withSchema("app", `{"properties":{"a":{"$ref":"urn:example:a"}}}`), map[string]any{"a": 1}},
		"Loop":        {"A schema that is itself is refused.", withSchema("app", `{"$ref":"#"}`), nil},
		"LoopLong":    {"In whatever way.", withSchema("app", `{"allOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"anyOf":[{"$ref":"#"}]}}}`), nil},
		"LoopDynamic": {"Or draft.", withSchema("app", `{"$dynamicRef":"#"}`), nil},
		"LoopOld":     {"Or older one.", withSchema("app", `{"$schema":"https://json-schema.org/draft/2019-09/schema","$recursiveRef":"#"}`), nil},
		"NoFragment":  {"What is not there cannot be referred to.", withSchema("app", `{"$ref":"#/$defs/none"}`), nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var want string
			if all, err := chartutil.CoalesceValues(tc.chart, tc.values); err != nil {
				t.Fatal(err)
			} else if err := chartutil.ValidateAgainstSchema(tc.chart, all); err != nil {
				want = "values don't meet the specifications of the schema(s) in the following chart(s):\n" + err.Error()
			}
			got := ""
			if err := schema.Check(t.Context(), tc.chart, tc.values, nil); err != nil {
				got = err.Error()
			}
			if !slices.Equal(lines(got), lines(want)) {
				t.Errorf("%s\ngot  %q\nwant %q", tc.reason, got, want)
			}
		})
	}
}

// lines are those of a text, sorted: the validator tells in no certain order what is wrong.
func lines(text string) []string { return slices.Sorted(strings.SplitSeq(text, "\n")) }

// TestCheckFiles holds that no schema makes the process read its files.
func TestCheckFiles(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(secret, []byte(`{"const":"hunter22"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	file := "file://" + filepath.ToSlash(secret)
	cases := map[string]string{
		"Ref":          `{"$ref":"FILE"}`,
		"Fragment":     `{"$ref":"FILE#/const"}`,
		"Relative":     `{"$ref":"..PATH"}`,
		"Host":         `{"$ref":"file://localhostPATH"}`,
		"NoSlashes":    `{"$ref":"file:PATH"}`,
		"Upper":        `{"$ref":"FILE:///etc/hostname"}`,
		"Properties":   `{"properties":{"a":{"items":{"$ref":"FILE"}}}}`,
		"Dynamic":      `{"$dynamicRef":"FILE"}`,
		"Recursive":    `{"$schema":"https://json-schema.org/draft/2019-09/schema","$recursiveRef":"FILE"}`,
		"MetaSchema":   `{"$schema":"FILE"}`,
		"Identity":     `{"$id":"FILE","$ref":"hostname"}`,
		"IdentityBase": `{"$id":"file:///etc/","properties":{"a":{"$ref":"hostname"}}}`,
		"Draft4":       `{"$schema":"http://json-schema.org/draft-04/schema#","id":"file:///etc/","properties":{"a":{"$ref":"hostname"}}}`,
		"Inner":        `{"$defs":{"a":{"$id":"file:///etc/","$defs":{"b":{"$ref":"hostname"}}}},"$ref":"#/$defs/a/$defs/b"}`,
		"Device":       `{"$ref":"file:///dev/zero"}`,
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			text = strings.ReplaceAll(text, `"FILE"`, `"`+file+`"`)
			text = strings.ReplaceAll(text, `"FILE#`, `"`+file+`#`)
			text = strings.ReplaceAll(text, "PATH", filepath.ToSlash(secret))
			for _, c := range []*chart.Chart{withSchema("app", text), withSchema("app", "", withSchema("db", text))} {
				err := schema.Check(t.Context(), c, map[string]any{"a": "x", "db": map[string]any{"a": "x"}}, nil)
				if err == nil || !strings.Contains(err.Error(), "files are not read") || strings.Contains(err.Error(), "hunter22") {
					t.Errorf("got %v", err)
				}
			}
		})
	}
	other := withSchema("app", `{"$ref":"gopher://example.com/x"}`)
	if err := schema.Check(t.Context(), other, nil, nil); err == nil || !strings.Contains(err.Error(), "only http and https URLs are read") {
		t.Errorf("another scheme: %v", err)
	}
}

// TestCheckRemote holds what becomes of references to URLs.
func TestCheckRemote(t *testing.T) {
	var asked atomic.Int32
	mux := http.NewServeMux()
	answer := func(path, text string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			fmt.Fprint(w, text)
		})
	}
	answer("/text.json", `{"type":"string","$defs":{"n":{"type":"integer"}}}`)
	answer("/other.json", `{"$ref":"text.json#/$defs/n"}`)
	answer("/file.json", `{"$ref":"file:///etc/hostname"}`)
	answer("/token", "hunter22")
	answer("/large.json", `["`+strings.Repeat("x", 5<<20)+`"]`)
	mux.HandleFunc("/gone.json", func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusGone)
	})
	mux.HandleFunc("/chain/{n}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"$ref":"%s0"}`, r.PathValue("n"))
	})
	mux.HandleFunc("/round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round", http.StatusFound) })
	mux.HandleFunc("/once", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/text.json", http.StatusFound) })
	mux.HandleFunc("/out", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "file:///etc/hostname", http.StatusFound)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	cases := map[string]struct {
		reason, ref string
		value       any
		want        string // empty: it is met
	}{
		"Met":      {"A schema elsewhere is read.", "/text.json", "x", ""},
		"Unmet":    {"And has to be met.", "/text.json", 1, "at '/a': got number, want string"},
		"Fragment": {"A part of it, too.", "/text.json#/$defs/n", 1, ""},
		"Further":  {"It may refer to others.", "/other.json", "x", "at '/a': got string, want integer"},
		"Redirect": {"It may be somewhere else.", "/once", 1, "at '/a': got number, want string"},
		"Round":    {"But not everywhere.", "/round", 1, "more than 5 redirects"},
		"Out":      {"Nor in a file.", "/out", 1, "unsupported protocol scheme"},
		"File":     {"To which it may not refer either.", "/file.json", 1, `"file:///etc/hostname": files are not read`},
		"Missing":  {"What is not there cannot be read.", "/none?secret=hunter22", 1, `/none": the answer has status 404`},
		"Token":    {"What is no schema is not shown.", "/token", 1, `/token": no schema of a size that is read`},
		"Large":    {"What is too large is not read.", "/large.json", 1, "larger than 5242880 bytes"},
		"Chain":    {"Nor is what never ends.", "/chain/1", 1, "more than 50 documents"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := withSchema("app", fmt.Sprintf(`{"properties":{"a":{"$ref":%q}}}`, server.URL+tc.ref))
			idle := 0
			err := schema.Check(t.Context(), c, map[string]any{"a": tc.value}, func(download func()) { idle++; download() })
			switch {
			case tc.want == "" && err != nil, tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("%s\ngot %v, want %q", tc.reason, err, tc.want)
			case err != nil && strings.Contains(err.Error(), "hunter22"):
				t.Errorf("%s\n%v tells a secret", tc.reason, err)
			case idle == 0:
				t.Errorf("%s\nthe place of the worker was held", tc.reason)
			}
		})
	}
	before := asked.Load()
	ref := fmt.Sprintf(`{"properties":{"a":{"$ref":%q},"b":{"$ref":%q}}}`, server.URL+"/text.json", server.URL+"/text.json#/$defs/n")
	if err := schema.Check(t.Context(), withSchema("app", ref, withSchema("db", ref)), map[string]any{"db": map[string]any{"a": "x"}}, nil); err != nil {
		t.Error(err)
	}
	if n := asked.Load() - before; n != 1 {
		t.Errorf("one document was read %d times", n)
	}
	before = asked.Load()
	ref = fmt.Sprintf(`{"properties":{"a":{"$ref":%q}}}`, server.URL+"/gone.json")
	if err := schema.Check(t.Context(), withSchema("app", ref, withSchema("db", ref)), map[string]any{"db": map[string]any{}}, nil); err == nil {
		t.Error("a document that does not exist is no schema")
	}
	if n := asked.Load() - before; n != 1 {
		t.Errorf("a document that does not exist was asked for %d times", n)
	}
}

// TestCheckCancelled holds that a server which never answers holds nobody up that is told to end.
func TestCheckCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel(errors.New("told to end"))
		select {
		case <-r.Context().Done():
		case <-ended:
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(ended) })
	err := schema.Check(ctx, withSchema("app", fmt.Sprintf(`{"$ref":%q}`, server.URL)), nil, nil)
	if err == nil || err.Error() != "told to end" {
		t.Errorf("got %v", err)
	}
}

// TestCheckEnded holds that no chart is looked at any more when the action is to end.
func TestCheckEnded(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked.Add(1)
		cancel(errors.New("told to end"))
	}))
	t.Cleanup(server.Close)
	idle := 0
	inner := func(name string) *chart.Chart {
		return withSchema(name, fmt.Sprintf(`{"$ref":"%s/%s"}`, server.URL, name))
	}
	err := schema.Check(ctx, withSchema("app", "", inner("a"), inner("b"), inner("c")), nil, func(work func()) { idle++; work() })
	if err == nil || err.Error() != "told to end" || idle != 1 || asked.Load() != 1 {
		t.Errorf("%v after %d charts and %d questions", err, idle, asked.Load())
	}
}

// TestCheckObjects holds that the work for a schema is bounded.
func TestCheckObjects(t *testing.T) {
	text := `{"properties":{` + strings.TrimSuffix(strings.Repeat(`"a":{},`, 3), ",") + `},"allOf":[` + strings.TrimSuffix(strings.Repeat(`{},`, 100_000), ",") + `]}`
	err := schema.Check(t.Context(), withSchema("app", text), nil, nil)
	if err == nil || !strings.Contains(err.Error(), "schema of more than 100000 objects") {
		t.Errorf("got %v", err)
	}
}

func FuzzCheck(f *testing.F) {
	for _, text := range []string{`{"$ref":"#"}`, `{"$id":"urn:a","$ref":"b"}`, `{"type":["string",1]}`, `[]`, `{"$schema":"x"}`, `{"pattern":"("}`} {
		f.Add([]byte(text), []byte(`{"a":1}`))
	}
	f.Fuzz(func(t *testing.T, text, content []byte) {
		values, err := chartutil.ReadValues(content)
		if err != nil || strings.Contains(string(text), "http") { // no test asks others
			return
		}
		_ = schema.Check(t.Context(), withSchema("app", string(text)), values, nil)
	})
}
