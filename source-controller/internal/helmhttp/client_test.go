// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmhttp

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/testkit"
)

// site is a server that notes who asked for what.
type site struct {
	URL string

	mu   sync.Mutex
	seen []string
}

func newSite(t *testing.T, handler http.HandlerFunc) *site {
	t.Helper()
	s := &site{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _, _ := r.BasicAuth()
		s.mu.Lock()
		s.seen = append(s.seen, user+" "+r.URL.RequestURI())
		s.mu.Unlock()
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

func text(content string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, content) }
}

// Where a chart is, and who gets the credentials.
func TestChart(t *testing.T) {
	other := newSite(t, text("other"))
	own := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/away") {
			http.Redirect(w, r, other.URL+"/charts/x.tgz", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, "own")
	})
	cases := map[string]struct {
		reason   string
		base     string
		ref      string
		pass     bool
		own, oth []string
		err      error
	}{
		"Relative":     {reason: "A relative URL is below the repository.", base: own.URL + "/repo", ref: "charts/a.tgz", own: []string{"user /repo/charts/a.tgz"}},
		"Rooted":       {reason: "One from the root is not.", base: own.URL + "/repo", ref: "/a.tgz", own: []string{"user /a.tgz"}},
		"Query":        {reason: "The query of the repository may be its key.", base: own.URL + "/repo?token=x", ref: "a.tgz", own: []string{"user /repo/a.tgz?token=x"}},
		"OtherHostRef": {reason: "It is not for the host that a relative URL names.", base: own.URL + "/repo?token=x", ref: strings.TrimPrefix(other.URL, "http:") + "/a.tgz", oth: []string{" /a.tgz"}},
		"Escaped":      {reason: "A slash in an element of the path stays one.", base: own.URL + "/projects/group%2Fname/stable/", ref: "a.tgz", own: []string{"user /projects/group%2Fname/stable/a.tgz"}},
		"EscapedChart": {reason: "Also in the URL of the chart.", base: own.URL + "/repo", ref: "group%2Fa.tgz", own: []string{"user /repo/group%2Fa.tgz"}},
		"Absolute":     {reason: "An absolute URL on the same host gets the credentials.", base: own.URL, ref: own.URL + "/a.tgz?q=1", own: []string{"user /a.tgz?q=1"}},
		"OtherHost":    {reason: "Another host does not.", base: own.URL, ref: other.URL + "/a.tgz", oth: []string{" /a.tgz"}},
		"OtherHostOK":  {reason: "Unless it may.", base: own.URL, ref: other.URL + "/a.tgz", pass: true, oth: []string{"user /a.tgz"}},
		"Redirect":     {reason: "Nor does one that a redirect leads to.", base: own.URL, ref: "away", own: []string{"user /away"}, oth: []string{" /charts/x.tgz"}},
		"RedirectOK":   {reason: "Unless it may.", base: own.URL, ref: "away", pass: true, own: []string{"user /away"}, oth: []string{"user /charts/x.tgz"}},
		"UserInURL":    {reason: "User information of the index is not for the chart.", base: own.URL, ref: strings.Replace(other.URL, "//", "//root:hunter2@", 1) + "/a.tgz", oth: []string{" /a.tgz"}},
		"OtherScheme":  {reason: "A chart is behind HTTP.", base: own.URL, ref: "file:///etc/passwd", err: ErrURL},
		"NoHost":       {reason: "On a host.", base: own.URL, ref: "http:///a.tgz", err: ErrURL},
		"NotParseable": {reason: "At a URL.", base: own.URL, ref: "%zz", err: ErrURL},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			own.seen, other.seen = nil, nil
			r, err := NewClient().Open(tc.base, Access{Credentials: auth.HTTP{Username: "user", Password: "hunter2"}, PassCredentials: tc.pass})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if err := r.Chart(t.Context(), io.Discard, tc.ref, 100); !errors.Is(err, tc.err) {
				t.Errorf("%s\n%v", tc.reason, err)
			}
			if diff := cmp.Diff([][]string{tc.own, tc.oth}, [][]string{own.seen, other.seen}); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// An archive that a server says is compressed on the way stays as it is; an index does not.
func TestEncoding(t *testing.T) {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := io.WriteString(w, "content"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(zipped.Bytes())
	})
	r, err := NewClient().Open(s.URL, Access{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var chart, index bytes.Buffer
	if err := r.Chart(t.Context(), &chart, "a.tgz", 1000); err != nil || !bytes.Equal(chart.Bytes(), zipped.Bytes()) {
		t.Errorf("chart %q, %v", chart.Bytes(), err)
	}
	if _, _, err := r.Index(t.Context(), &index, Validators{}, 1000); err != nil || index.String() != "content" {
		t.Errorf("index %q, %v", index.Bytes(), err)
	}
	if _, _, err := r.Index(t.Context(), io.Discard, Validators{}, 6); !errors.Is(err, ErrTooLarge) {
		t.Errorf("the limit is that of the content: %v", err)
	}
}

// Where an index is.
func TestIndexURL(t *testing.T) {
	s := newSite(t, text("index"))
	cases := map[string]struct{ reason, base, want string }{
		"Root":    {"At the host.", "", "/index.yaml"},
		"Path":    {"Below a path.", "/repo", "/repo/index.yaml"},
		"Slashes": {"Slashes at its end do not count.", "/repo//", "/repo/index.yaml"},
		"Query":   {"The query stays.", "/repo?token=x", "/repo/index.yaml?token=x"},
		"Escaped": {"What is escaped, too: GitLab has the path of a project in one element.", "/projects/group%2Fname/stable", "/projects/group%2Fname/stable/index.yaml"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s.seen = nil
			r, err := NewClient().Open(s.URL+tc.base, Access{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if _, _, err := r.Index(t.Context(), io.Discard, Validators{}, 100); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{" " + tc.want}, s.seen); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestValidators(t *testing.T) {
	const answered, before, longBefore = "Sat, 21 Nov 2026 14:01:30 GMT", "Sat, 21 Nov 2026 14:01:29 GMT", "Sat, 21 Nov 2026 14:01:28 GMT"
	cases := map[string]struct {
		reason                    string
		etag, lastModified, dated string
		want                      Validators
	}{
		"Settled": {"A file that rested tells itself from a later one.", "", longBefore, answered, Validators{LastModified: longBefore}},
		"Fresh":   {"One written within a second of the answer may be written again in that second.", "", before, answered, Validators{}},
		"Same":    {"The more so in the same second.", "", answered, answered, Validators{}},
		"ETag":    {"An ETag is exact.", "x", answered, answered, Validators{ETag: "x", LastModified: answered}},
		"Undated": {"Without a date nobody knows how fresh it was.", "", longBefore, "", Validators{}},
		"Broken":  {"What is no time is no validator.", "", "yesterday", answered, Validators{}},
		"None":    {"A server may say nothing.", "", "", answered, Validators{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := validators(http.Header{"Etag": {tc.etag}, "Last-Modified": {tc.lastModified}, "Date": {tc.dated}})
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/loop/index.yaml":
			http.Redirect(w, r, r.URL.String(), http.StatusFound)
		case "/private/index.yaml":
			w.WriteHeader(http.StatusForbidden)
		case "/long/index.yaml":
			w.Header().Set("Content-Length", "1000000")
		case "/cut/index.yaml":
			w.Header().Set("Content-Length", "50")
			_, _ = io.WriteString(w, "x")
		case "/reset/index.yaml":
			reset(t, w)
		case "/odd/index.yaml":
			w.WriteHeader(http.StatusNotModified)
		default:
			w.WriteHeader(http.StatusTeapot)
		}
	})
	certs := testkit.NewCertificates(t)
	secure := testkit.NewHelmServer(t, testkit.HelmServerOptions{Certificates: &certs})
	cases := map[string]struct {
		reason, url string
		is          error
		mentions    string
	}{
		"Loop":        {"Redirects have an end.", s.URL + "/loop", nil, "redirects"},
		"Forbidden":   {"A refusal is told apart.", s.URL + "/private", ErrUnauthorized, "403"},
		"Certificate": {"Also that of a certificate.", secure.URL, ErrUnauthorized, "certificate"},
		"Long":        {"A long answer is not read.", s.URL + "/long", ErrTooLarge, "100 bytes"},
		"Cut":         {"Half an answer is none.", s.URL + "/cut", io.ErrUnexpectedEOF, "index.yaml"},
		"Reset":       {"No text names our end of a connection, which differs each time.", s.URL + "/reset", nil, "/reset/index.yaml: read: connection reset by peer"},
		"Status":      {"An answer without content is none.", s.URL + "/x?token=hunter2", nil, "418"},
		"Refused":     {"A server may be down.", "http://user:hunter2@127.0.0.1:1/?token=hunter2", nil, "refused"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r, err := NewClient().Open(tc.url, Access{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			_, _, err = r.Index(t.Context(), io.Discard, Validators{}, 100)
			if err == nil || tc.is != nil && !errors.Is(err, tc.is) || !strings.Contains(err.Error(), tc.mentions) {
				t.Fatalf("%s\n%v", tc.reason, err)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error repeats a secret: %v", err)
			}
		})
	}
	r, err := NewClient().Open(s.URL+"/odd", Access{})
	if err != nil {
		t.Fatal(err)
	}
	if _, unchanged, _ := r.Index(t.Context(), io.Discard, Validators{}, 100); unchanged {
		t.Error("nothing is unchanged that was not there before")
	}
}

// reset ends a connection in the rough way.
func reset(t *testing.T, w http.ResponseWriter) {
	t.Helper()
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		t.Errorf("%T is no TCP connection", conn)
		return
	}
	if err := errors.Join(tcp.SetLinger(0), tcp.Close()); err != nil {
		t.Error(err)
	}
}

func TestTimeout(t *testing.T) {
	s := newSite(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	r, err := NewClient().Open(s.URL, Access{})
	if err != nil {
		t.Fatal(err)
	}
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, _, err := r.Index(ctx, io.Discard, Validators{}, 100); !errors.Is(err, why) {
		t.Errorf("the cause is told: %v", err)
	}
}

func TestOpen(t *testing.T) {
	for reason, address := range map[string]string{
		"A registry is not read over HTTP.": "oci://host/charts", "A host is needed.": "http:///x", "A URL is needed.": "http://user:hunter2@ho st",
	} {
		if _, err := NewClient().Open(address, Access{}); !errors.Is(err, ErrURL) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s\n%v", reason, err)
		}
	}
}
