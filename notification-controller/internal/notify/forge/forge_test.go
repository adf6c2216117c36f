// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package forge

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gitops/weir/notification-controller/internal/notify/delivery"
)

const hash = "5394cb7f48332b2de7c17dd8b8384bbc84b7e738"

func TestParseRepository(t *testing.T) {
	cases := map[string]struct{ reason, address, base, path string }{
		"SCP":       {reason: "Contract, 12.", address: "git@gitlab.com:foo/bar.git", base: "https://gitlab.com", path: "foo/bar"},
		"HTTPS":     {reason: "The usual form.", address: "https://github.com/foo/bar", base: "https://github.com", path: "foo/bar"},
		"Suffix":    {reason: "The suffix is dropped.", address: "https://github.com/foo/bar.git", base: "https://github.com", path: "foo/bar"},
		"SSH":       {reason: "SSH becomes HTTPS.", address: "ssh://git@host.invalid/foo/bar", base: "https://host.invalid", path: "foo/bar"},
		"Port":      {reason: "A port stays.", address: "http://host.invalid:3000/foo/bar", base: "http://host.invalid:3000", path: "foo/bar"},
		"User":      {reason: "User information is dropped.", address: "https://user:pass@host.invalid/foo/bar", base: "https://host.invalid", path: "foo/bar"},
		"Deep":      {reason: "Groups may be nested.", address: "https://gitlab.com/a/b/c/d", base: "https://gitlab.com", path: "a/b/c/d"},
		"Number":    {reason: "A project may be a number.", address: "https://gitlab.com/1234", base: "https://gitlab.com", path: "1234"},
		"NoUser":    {reason: "A user is not needed.", address: "host.invalid:foo/bar", base: "https://host.invalid", path: "foo/bar"},
		"Empty":     {reason: "An empty address.", address: ""},
		"NoPath":    {reason: "No repository.", address: "https://github.com"},
		"Traversal": {reason: "A path that leads elsewhere.", address: "https://github.com/foo/../bar"},
		"File":      {reason: "No host.", address: "file:///foo/bar"},
		"Local":     {reason: "A folder.", address: "./foo/bar"},
		"FTP":       {reason: "Another protocol.", address: "ftp://host.invalid/foo/bar"},
		"Double":    {reason: "An empty part.", address: "https://host.invalid/foo//bar"},
	}
	for key, tc := range cases {
		t.Run(key, func(t *testing.T) {
			got, err := parseRepository(tc.address)
			if tc.base == "" {
				if err == nil {
					t.Errorf("%s got %v", tc.reason, got)
				}
				return
			}
			if err != nil || got.base.String() != tc.base || got.path != tc.path {
				t.Errorf("%s got %v, %v", tc.reason, got, err)
			}
		})
	}
}

func TestDescribe(t *testing.T) {
	for reason, want := range map[string]string{
		"ReconciliationSucceeded": "reconciliation succeeded", "PDFLoader9x": "pdf loader 9 x", "HealthCheckFailed": "health check failed",
		"": "", "lower": "lower", "ABC": "abc", "A": "a", "Ab": "ab", "a1B2": "a 1 b 2", "Foo-Bar": "foo - bar", "Größe": "größe",
	} {
		if got := describe(reason); got != want {
			t.Errorf("%q: got %q, want %q", reason, got, want)
		}
	}
}

func TestCommitOf(t *testing.T) {
	cases := map[string]struct {
		reason   string
		metadata map[string]string
		fails    bool
	}{
		"Hash":       {reason: "The bare hash.", metadata: map[string]string{"revision": hash}},
		"Algorithm":  {reason: "With its algorithm.", metadata: map[string]string{"revision": "sha1:" + hash}},
		"Named":      {reason: "With a name before it.", metadata: map[string]string{"revision": "feat/x@sha1:" + hash}},
		"Older":      {reason: "The form of older versions.", metadata: map[string]string{"revision": "main/" + hash}},
		"Head":       {reason: "A detached commit.", metadata: map[string]string{"revision": "HEAD/" + hash}},
		"Commit":     {reason: "The annotation wins.", metadata: map[string]string{"commit": hash, "originRevision": "x", "revision": "y"}},
		"Origin":     {reason: "Then comes the origin.", metadata: map[string]string{"originRevision": "main@sha1:" + hash, "revision": "latest@sha256:" + strings.Repeat("a", 64)}},
		"Missing":    {reason: "Contract, 13: without revision.", metadata: nil, fails: true},
		"Chart":      {reason: "Contract, 13: a chart version.", metadata: map[string]string{"revision": "6.5.4"}, fails: true},
		"SHA256":     {reason: "Another length.", metadata: map[string]string{"revision": "latest@sha256:" + strings.Repeat("a", 64)}, fails: true},
		"NoHash":     {reason: "Forty characters that are no hash.", metadata: map[string]string{"revision": "main@sha1:" + strings.Repeat("../a", 10)}, fails: true},
		"AfterColon": {reason: "The text after the last colon counts.", metadata: map[string]string{"revision": "a/b:" + hash}},
	}
	for key, tc := range cases {
		t.Run(key, func(t *testing.T) {
			got, err := commitOf(tc.metadata)
			if (err != nil) != tc.fails || err == nil && got != hash {
				t.Errorf("%s got %q, %v", tc.reason, got, err)
			}
		})
	}
}

// forge is a Git host with one status of a commit, as each service lists it.
type forge struct {
	mu     sync.Mutex
	listed string
	posts  []map[string]any
	paths  []string
	auth   string
	// issued counts the tokens of the app that were given out, revoked those of them that do not count any more.
	issued, revoked int
}

// ServeHTTP implements http.Handler.
func (h *forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.paths = append(h.paths, r.Method+" "+r.URL.Path)
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, "/version"):
		_, _ = io.WriteString(w, `{"version":"1.22.0"}`)
	case strings.HasSuffix(r.URL.Path, "/orgs/team/installation"):
		http.Error(w, `{"message":"Not Found"}`, http.StatusNotFound)
	case strings.HasSuffix(r.URL.Path, "/users/team/installation"):
		_, _ = io.WriteString(w, `{"id":77}`)
	case strings.HasSuffix(r.URL.Path, "/app/installations/77/access_tokens"):
		h.issued++
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprintf(w, `{"token":"ghs_%d","expires_at":%q}`, h.issued, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	case h.revoked > 0 && r.Header.Get("Authorization") <= fmt.Sprint("Bearer ghs_", h.revoked):
		http.Error(w, `{"message":"Bad credentials"}`, http.StatusUnauthorized)
	case r.Method == http.MethodGet:
		_, _ = io.WriteString(w, h.listed)
	default:
		var body map[string]any
		_ = json.NewDecoder(r.Body).Decode(&body)
		h.posts, h.auth = append(h.posts, body), r.Header.Get("Authorization")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{}`)
	}
}

func message(reason, severity string) delivery.Message {
	m := delivery.Message{StatusID: "id"}
	m.Event.Reason, m.Event.Severity, m.Event.Metadata = reason, severity, map[string]string{"revision": "main@sha1:" + hash}
	return m
}

// TestDuplicates: what is there already is not written again.
func TestDuplicates(t *testing.T) {
	makers := map[string]func(delivery.Options) (delivery.Notifier, error){"github": GitHub, "gitlab": GitLab, "gitea": Gitea}
	cases := map[string]struct {
		reason string
		listed map[string]string
		writes map[string]bool
	}{
		"Same": {
			reason: "The same state and words.",
			listed: map[string]string{
				"github": `[{"context":"other","state":"failure","description":"x"},{"context":"id","state":"success","description":"all good"}]`,
				"gitlab": `[{"sha":"` + hash + `","name":"id","status":"success","description":"all good"}]`,
				"gitea":  `[{"context":"id","status":"success","description":"all good"}]`,
			},
		},
		"Changed": {
			reason: "The newest decides at GitHub and Gitea, any at GitLab.",
			listed: map[string]string{
				"github": `[{"context":"id","state":"failure","description":"all good"},{"context":"id","state":"success","description":"all good"}]`,
				"gitlab": `[{"sha":"` + hash + `","name":"id","status":"failed","description":"all good"},{"sha":"` + hash + `","name":"id","status":"success","description":"all good"}]`,
				"gitea":  `[{"context":"id","status":"failure","description":"all good"},{"context":"id","status":"success","description":"all good"}]`,
			},
			writes: map[string]bool{"github": true, "gitea": true},
		},
		"OtherWords": {
			reason: "Words count.",
			listed: map[string]string{
				"github": `[{"context":"id","state":"success","description":"x"}]`,
				"gitlab": `[{"sha":"` + hash + `","name":"id","status":"success","description":"x"}]`,
				"gitea":  `[{"context":"id","status":"success","description":"x"}]`,
			},
			writes: map[string]bool{"github": true, "gitlab": true, "gitea": true},
		},
	}
	for key, tc := range cases {
		for kind, newNotifier := range makers {
			t.Run(key+"/"+kind, func(t *testing.T) {
				h := &forge{listed: tc.listed[kind]}
				server := httptest.NewServer(h)
				defer server.Close()
				n, err := newNotifier(delivery.Options{Address: server.URL + "/team/fleet", Token: "t"})
				if err != nil {
					t.Fatal(err)
				}
				if err := n.Notify(t.Context(), message("AllGood", "info")); err != nil {
					t.Fatal(err)
				}
				if got := len(h.posts) > 0; got != tc.writes[kind] {
					t.Errorf("%s wrote %t", tc.reason, got)
				}
			})
		}
	}
}

// TestProgressing: work under way is pending at Gitea, and nothing elsewhere.
func TestProgressing(t *testing.T) {
	for kind, newNotifier := range map[string]func(delivery.Options) (delivery.Notifier, error){"github": GitHub, "gitlab": GitLab, "gitea": Gitea} {
		h := &forge{listed: `[]`}
		server := httptest.NewServer(h)
		n, err := newNotifier(delivery.Options{Address: server.URL + "/team/fleet", Token: "t"})
		if err != nil {
			t.Fatal(err)
		}
		err = n.Notify(t.Context(), message("Progressing", "info"))
		server.Close()
		switch {
		case err != nil:
			t.Error(err)
		case kind == "gitea" && (len(h.posts) != 1 || h.posts[0]["state"] != "pending"):
			t.Errorf("gitea got %v", h.posts)
		case kind != "gitea" && len(h.paths) != 0:
			t.Errorf("%s was asked %v", kind, h.paths)
		}
	}
}

// TestBadEvents are the events that have no commit status.
func TestBadEvents(t *testing.T) {
	n, err := GitHub(delivery.Options{Address: "https://host.invalid/team/fleet", Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	noRevision := message("AllGood", "info")
	noRevision.Event.Metadata = nil
	noID := message("AllGood", "info")
	noID.StatusID = ""
	for name, m := range map[string]delivery.Message{"NoRevision": noRevision, "NoID": noID, "Trace": message("AllGood", "trace")} {
		err := n.Notify(t.Context(), m)
		if class, _ := delivery.Classify(err); err == nil || class != delivery.Permanent {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestGitHubApp: the token of the installation is fetched once, by owner or by number.
func TestGitHubApp(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	forms := map[string][]byte{
		"pkcs1": pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
		"pkcs8": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}),
	}
	lookup := []string{"GET /api/v3/orgs/team/installation", "GET /api/v3/users/team/installation"}
	for form, text := range forms {
		for _, byOwner := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/%t", form, byOwner), func(t *testing.T) {
				h := &forge{listed: `[]`}
				server := httptest.NewServer(h)
				defer server.Close()
				tokens, err := delivery.NewTokens(10, time.Hour)
				if err != nil {
					t.Fatal(err)
				}
				app := &delivery.GitHubApp{ID: "1", PrivateKey: string(text), InstallationID: "77", Tokens: tokens}
				want := []string{"POST /api/v3/app/installations/77/access_tokens"}
				if byOwner {
					app.InstallationID, app.InstallationOwner = "", "team"
					want = append(lookup[:2:2], want...)
				}
				once := []string{"GET /api/v3/repos/team/fleet/commits/" + hash + "/statuses", "POST /api/v3/repos/team/fleet/statuses/" + hash}
				for range 2 {
					n, err := GitHub(delivery.Options{Address: server.URL + "/team/fleet", GitHubApp: app})
					if err != nil {
						t.Fatal(err)
					}
					if err := n.Notify(t.Context(), message("AllGood", "info")); err != nil {
						t.Fatal(err)
					}
				}
				want = append(append(want, once...), once...)
				if diff := cmp.Diff(want, h.paths); diff != "" || h.auth != "Bearer ghs_1" {
					t.Errorf("as %s (-want +got):\n%s", h.auth, diff)
				}
			})
		}
	}
}

// TestGitHubAppRevoked: a token that was kept and is refused is replaced once, a new one that is refused is an error.
func TestGitHubAppRevoked(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	h := &forge{listed: `[]`}
	server := httptest.NewServer(h)
	defer server.Close()
	tokens, err := delivery.NewTokens(10, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		reason  string
		revoked int
		issued  int
		written int
	}{
		{"The first token.", 0, 1, 1},
		{"It is kept.", 0, 1, 2},
		{"It was revoked: another is asked for, and the status is written.", 1, 2, 3},
		{"That one is kept.", 1, 2, 4},
		{"No token is any good: once is enough.", 9, 3, 4},
		{"The next event tries again.", 9, 4, 4},
		{"When the service takes tokens again, all is well.", 4, 5, 5},
	}
	for _, step := range steps {
		h.revoked = step.revoked
		n, err := GitHub(delivery.Options{
			Address:   server.URL + "/team/fleet",
			GitHubApp: &delivery.GitHubApp{ID: "1", PrivateKey: string(text), InstallationID: "77", Tokens: tokens},
		})
		if err != nil {
			t.Fatal(err)
		}
		err = n.Notify(t.Context(), message("AllGood", "info"))
		if refused, _ := errors.AsType[*delivery.Error](err); (step.revoked == 9) != (refused != nil && refused.Status == http.StatusUnauthorized) {
			t.Errorf("%s got %v", step.reason, err)
		}
		if h.issued != step.issued || len(h.posts) != step.written {
			t.Errorf("%s %d tokens, %d statuses, want %d and %d", step.reason, h.issued, len(h.posts), step.issued, step.written)
		}
	}
}

func TestGitHubAppBadKey(t *testing.T) {
	for _, key := range []string{"", "hunter2", "-----BEGIN X-----\naHVudGVyMg==\n-----END X-----\n"} {
		if _, err := appToken(&delivery.GitHubApp{PrivateKey: key}, time.Now()); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: got %v", key, err)
		}
	}
}

// urls keeps what it is asked for, and knows no status.
type urls struct{ asked []string }

// RoundTrip implements http.RoundTripper.
func (u *urls) RoundTrip(r *http.Request) (*http.Response, error) {
	u.asked = append(u.asked, r.Method+" "+r.URL.String())
	body := `[]`
	if r.Method == http.MethodPost {
		body = `{}`
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// TestGitHubHosts: where the API is, by the host of the repository.
func TestGitHubHosts(t *testing.T) {
	for address, want := range map[string]string{
		"https://github.com/team/fleet":        "https://api.github.com/repos/team/fleet/",
		"git@github.com:team/fleet.git":        "https://api.github.com/repos/team/fleet/",
		"https://ghes.invalid/team/fleet":      "https://ghes.invalid/api/v3/repos/team/fleet/",
		"https://api.ghes.invalid/team/fleet":  "https://api.ghes.invalid/repos/team/fleet/",
		"https://x.api.ghe.invalid/team/fleet": "https://x.api.ghe.invalid/repos/team/fleet/",
		"https://ghes.invalid/te%3Fam/fl%23et": "https://ghes.invalid/api/v3/repos/te%3Fam/fl%23et/",
	} {
		u := &urls{}
		n, err := GitHub(delivery.Options{Address: address, Token: "t", Transport: u})
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Notify(t.Context(), message("AllGood", "info")); err != nil {
			t.Error(err)
		}
		wantAll := []string{"GET " + want + "commits/" + hash + "/statuses?per_page=50", "POST " + want + "statuses/" + hash}
		if diff := cmp.Diff(wantAll, u.asked); diff != "" {
			t.Errorf("%s (-want +got):\n%s", address, diff)
		}
	}
}

func FuzzParseRepository(f *testing.F) {
	for _, seed := range []string{"git@gitlab.com:foo/bar.git", "ssh://git@h:22/a/b", "https://u:p@h/a/b", ":", "@:", "://", "https://[::1]/a", "h:../x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		repo, err := parseRepository(address)
		if err != nil {
			return
		}
		if repo.base.User != nil || repo.base.Path != "" || repo.base.Host == "" || repo.path == "" || strings.Contains("/"+repo.path+"/", "/../") {
			t.Errorf("%q: %v %q", address, repo.base, repo.path)
		}
	})
}

func FuzzCommitOf(f *testing.F) {
	for _, seed := range []string{hash, "main@sha1:" + hash, "a/" + hash, ":", "/", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, revision string) {
		got, err := commitOf(map[string]string{"revision": revision})
		if err == nil && (len(got) != commitHashChars || strings.ContainsFunc(got, notHex)) {
			t.Errorf("%q: %q", revision, got)
		}
	})
}
