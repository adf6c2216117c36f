// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package oci_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gitops/weir/kit/oci"
	"github.com/weir-gitops/weir/kit/oci/keychain"
	"github.com/weir-gitops/weir/kit/testkit"
)

const (
	app     = "org/app"
	missing = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
)

// newClient returns a client that does not wait long before it tries again.
func newClient(t *testing.T) *oci.Client {
	t.Helper()
	c := oci.NewClient(oci.Options{RetryWait: time.Millisecond})
	t.Cleanup(c.Close)
	return c
}

// open opens a repository of the registry at host.
func open(t *testing.T, c *oci.Client, host string, a oci.Access) *oci.Repository {
	t.Helper()
	n, err := oci.ParseURL("oci://" + host + "/" + app)
	if err != nil {
		t.Fatal(err)
	}
	r := c.Open(n, a)
	t.Cleanup(r.Close)
	return r
}

func trust(t *testing.T, certs testkit.Certificates) *tls.Config {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(certs.CA) {
		t.Fatal("no certificate")
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

func login(host, password string) keychain.Keychain {
	return keychain.Single(host, keychain.Credential{Username: "user", Password: password})
}

// Every way to a registry ends at the same manifest.
func TestAccess(t *testing.T) {
	certs := testkit.NewCertificates(t)
	proxy := testkit.NewProxy(t, "proxy", "hunter2")
	proxyURL, err := url.Parse(strings.Replace(proxy.URL, "://", "://proxy:hunter2@", 1))
	if err != nil {
		t.Fatal(err)
	}
	wrongProxy, err := url.Parse(strings.Replace(proxy.URL, "://", "://proxy:hunter3-hunter2@", 1))
	if err != nil {
		t.Fatal(err)
	}
	basic := testkit.RegistryOptions{Username: "user", Password: "secret"}
	token := testkit.RegistryOptions{Username: "user", Password: "secret", Token: true}
	secure := testkit.RegistryOptions{Certificates: &certs}
	type access = oci.Access
	cases := map[string]struct {
		reason  string
		options testkit.RegistryOptions
		access  func(host string) access
		wantErr error
		fails   bool
	}{
		"HTTP":           {"A local registry may speak HTTP.", testkit.RegistryOptions{}, func(string) access { return access{} }, nil, false},
		"Basic":          {"User and password.", basic, func(h string) access { return access{Keychain: login(h, "secret")} }, nil, false},
		"BasicAnonymous": {"Without them.", basic, func(string) access { return access{} }, oci.ErrUnauthorized, true},
		"BasicWrong":     {"With wrong ones.", basic, func(h string) access { return access{Keychain: login(h, "hunter2")} }, oci.ErrUnauthorized, true},
		"BasicElsewhere": {"With those of another registry, which are not sent.", basic, func(string) access { return access{Keychain: login("other", "secret")} }, oci.ErrUnauthorized, true},
		"Token":          {"A token service.", token, func(h string) access { return access{Keychain: login(h, "secret")} }, nil, false},
		"TokenWrong":     {"One that says no.", token, func(h string) access { return access{Keychain: login(h, "hunter2")} }, oci.ErrUnauthorized, true},
		"TLS":            {"A private authority.", secure, func(string) access { return access{TLS: trust(t, certs)} }, nil, false},
		"TLSUnknown":     {"One nobody told us of.", secure, func(string) access { return access{} }, nil, true},
		"TLSSkip":        {"Unless nobody cares.", secure, func(string) access { return access{SkipVerify: true, PlainHTTP: true} }, nil, false},
		"Proxy":          {"A proxy, which local addresses are reached through when it is asked for.", testkit.RegistryOptions{}, func(string) access { return access{Proxy: proxyURL} }, nil, false},
		"ProxyTLS":       {"Through a tunnel.", secure, func(string) access { return access{Proxy: proxyURL, TLS: trust(t, certs)} }, nil, false},
		"ProxyWrong":     {"A proxy that says no.", secure, func(string) access { return access{Proxy: wrongProxy, TLS: trust(t, certs)} }, nil, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			registry := testkit.NewRegistry(t, tc.options)
			want := registry.PushFiles(t, app, "v1", map[string]string{"a": "1"})
			proxy.Take()
			a := tc.access(registry.Host)
			got, err := open(t, newClient(t), registry.Host, a).Digest(t.Context(), "v1")
			if (err != nil) != tc.fails || tc.wantErr != nil && !errors.Is(err, tc.wantErr) {
				t.Fatalf("%s\nerror %v, want %v", tc.reason, err, tc.wantErr)
			}
			if err != nil {
				if strings.Contains(err.Error(), "hunter") {
					t.Errorf("error repeats a password: %v", err)
				}
				return
			}
			if got != want {
				t.Errorf("%s\ngot %s, want %s", tc.reason, got, want)
			}
			if used := len(proxy.Take()) > 0; used != (a.Proxy != nil) {
				t.Errorf("%s\nproxy used: %t", tc.reason, used)
			}
		})
	}
}

// A look at a tag is one HEAD request, except for the first time.
func TestLoginIsKept(t *testing.T) {
	registry := testkit.NewRegistry(t, testkit.RegistryOptions{Username: "user", Password: "secret", Token: true})
	registry.PushFiles(t, app, "v1", map[string]string{"a": "1"})
	client := newClient(t)
	look := func(password string) ([]string, error) {
		r := open(t, client, registry.Host, oci.Access{Keychain: login(registry.Host, password)})
		defer r.Close()
		_, err := r.Digest(t.Context(), "v1")
		return registry.Take(), err
	}
	head := "HEAD /v2/" + app + "/manifests/v1"
	first, err := look("secret")
	if diff := cmp.Diff([]string{"GET /v2/", "GET /token", head}, first); err != nil || diff != "" {
		t.Errorf("the first look: %v (-want +got):\n%s", err, diff)
	}
	second, err := look("secret")
	if diff := cmp.Diff([]string{head}, second); err != nil || diff != "" {
		t.Errorf("the second look: %v (-want +got):\n%s", err, diff)
	}
	if requests, err := look("other"); !errors.Is(err, oci.ErrUnauthorized) || slices.Contains(requests, head) {
		t.Errorf("other credentials log in anew: %v, %v", err, requests)
	}
}

func TestDigest(t *testing.T) {
	registry := testkit.NewRegistry(t, testkit.RegistryOptions{})
	want := registry.PushFiles(t, app, "v1", map[string]string{"a": "1"})
	cases := map[string]struct {
		reason    string
		reference string
		statuses  []int
		want      string
		wantErr   error
	}{
		"Tag":         {"A tag leads to its digest.", "v1", nil, want, nil},
		"Digest":      {"A digest to itself.", want, nil, want, nil},
		"MissingTag":  {"An unknown tag.", "v2", nil, "", oci.ErrNotFound},
		"Missing":     {"An unknown digest.", missing, nil, "", oci.ErrNotFound},
		"BadDigest":   {"A malformed digest is not sent.", "sha256:xyz", nil, "", oci.ErrReference},
		"OtherDigest": {"Nor one of another hash.", "md5:0123", nil, "", oci.ErrReference},
		"BadTag":      {"Nor a tag that would lead elsewhere.", "../../x", nil, "", oci.ErrReference},
		"NoTag":       {"Nor none.", "", nil, "", oci.ErrReference},
		"Retried":     {"Passing failures pass.", "v1", []int{http.StatusServiceUnavailable, http.StatusTooManyRequests}, want, nil},
		"NoHead":      {"Where HEAD does not work GET does.", "v1", []int{http.StatusMethodNotAllowed}, want, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := open(t, newClient(t), registry.Host, oci.Access{})
			if err := r.Login(t.Context()); err != nil {
				t.Fatal(err)
			}
			registry.Answer(tc.statuses...)
			got, err := r.Digest(t.Context(), tc.reference)
			if got != tc.want || !errors.Is(err, tc.wantErr) {
				t.Errorf("%s\ngot %s, %v, want %s, %v", tc.reason, got, err, tc.want, tc.wantErr)
			}
		})
	}
}

func TestManifest(t *testing.T) {
	registry := testkit.NewRegistry(t, testkit.RegistryOptions{})
	artifact := testkit.RegistryArtifact{
		Layers:      []testkit.RegistryLayer{{MediaType: "first", Content: []byte("1")}, {MediaType: oci.ChartLayer, Content: []byte("22")}, {MediaType: oci.ChartLayer, Content: []byte("333")}},
		Annotations: map[string]string{"org.opencontainers.image.source": "https://example.com"},
	}
	digest := registry.Push(t, app, "v1", artifact)
	index := registry.PushIndex(t, app, "multi", map[string]testkit.RegistryArtifact{"linux/amd64": artifact, "linux/arm64": {}})
	registry.PushIndex(t, app, "windows", map[string]testkit.RegistryArtifact{"windows/amd64": artifact})
	registry.Push(t, app, "empty", testkit.RegistryArtifact{})
	registry.Push(t, app, "verbose", testkit.RegistryArtifact{Annotations: map[string]string{"a": strings.Repeat("x", 300<<10)}})

	r := open(t, newClient(t), registry.Host, oci.Access{})
	for reference, want := range map[string]string{"v1": digest, digest: digest, "multi": index} {
		m, err := r.Manifest(t.Context(), reference)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(artifact.Annotations, m.Annotations); diff != "" || m.Digest != want || len(m.Layers) != 3 {
			t.Errorf("%s: %+v\n%s", reference, m, diff)
		}
		first, err := m.Layer("")
		if err != nil || first.MediaType != "first" || first.Size != 1 {
			t.Errorf("the first layer: %+v, %v", first, err)
		}
		chart, err := m.Layer(oci.ChartLayer)
		if err != nil || chart.Size != 2 {
			t.Errorf("the first layer of a type: %+v, %v", chart, err)
		}
		if _, err := m.Layer("other"); !errors.Is(err, oci.ErrLayer) || !strings.Contains(err.Error(), "other") {
			t.Errorf("a type that is not there: %v", err)
		}
	}
	empty, err := r.Manifest(t.Context(), "empty")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := empty.Layer(""); !errors.Is(err, oci.ErrLayer) {
		t.Errorf("no layer at all: %v", err)
	}
	for reference, want := range map[string]error{"windows": oci.ErrContent, "verbose": oci.ErrTooLarge, "none": oci.ErrNotFound} {
		if _, err := r.Manifest(t.Context(), reference); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", reference, err, want)
		}
	}
}

func TestCopy(t *testing.T) {
	registry := testkit.NewRegistry(t, testkit.RegistryOptions{})
	content := bytes.Repeat([]byte("content "), 10_000)
	registry.Push(t, app, "v1", testkit.RegistryArtifact{Layers: []testkit.RegistryLayer{{MediaType: "x", Content: content}}})
	r := open(t, newClient(t), registry.Host, oci.Access{})
	m, err := r.Manifest(t.Context(), "v1")
	if err != nil {
		t.Fatal(err)
	}
	layer := m.Layers[0]
	cases := map[string]struct {
		reason  string
		edit    func(*oci.Layer)
		limit   int64
		wantErr error
	}{
		"Good":      {"A layer is copied as it is.", func(*oci.Layer) {}, layer.Size, nil},
		"TooLarge":  {"One over the limit is not asked for.", func(*oci.Layer) {}, layer.Size - 1, oci.ErrTooLarge},
		"Longer":    {"One that is longer than it says ends there.", func(l *oci.Layer) { l.Size = 10 }, 1 << 20, oci.ErrContent},
		"Shorter":   {"One that is shorter is not what was said.", func(l *oci.Layer) { l.Size++ }, 1 << 20, oci.ErrContent},
		"Negative":  {"A negative size is nonsense.", func(l *oci.Layer) { l.Size = -1 }, 1 << 20, oci.ErrContent},
		"BadDigest": {"So is a digest that is none.", func(l *oci.Layer) { l.Digest = "../../x" }, 1 << 20, oci.ErrContent},
		"Missing":   {"A blob may be gone.", func(l *oci.Layer) { l.Digest = missing }, 1 << 20, oci.ErrNotFound},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			l := layer
			tc.edit(&l)
			var out bytes.Buffer
			err := r.Copy(t.Context(), &out, l, tc.limit)
			if !errors.Is(err, tc.wantErr) || err == nil && !bytes.Equal(out.Bytes(), content) {
				t.Errorf("%s\nerror %v, want %v", tc.reason, err, tc.wantErr)
			}
		})
	}
}

// A registry that returns other bytes than the digest names is found out.
func TestCopyChecksDigest(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.Contains(req.URL.Path, "/blobs/") || strings.Contains(req.URL.Path, "/manifests/") {
			_, _ = w.Write([]byte("evil"))
		}
	}))
	t.Cleanup(server.Close)
	r := open(t, newClient(t), server.Listener.Addr().String(), oci.Access{})
	if err := r.Copy(t.Context(), &bytes.Buffer{}, oci.Layer{Digest: missing, Size: 4}, 10); !errors.Is(err, oci.ErrContent) {
		t.Errorf("layer: %v", err)
	}
	if _, err := r.Manifest(t.Context(), missing); !errors.Is(err, oci.ErrContent) {
		t.Errorf("manifest: %v", err)
	}
}

// Redirects go to the storage of blobs, without credentials, and nowhere strange.
func TestRedirects(t *testing.T) {
	var seen []string
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		seen = append(seen, req.Header.Get("Authorization"))
		_, _ = w.Write([]byte("x"))
	}))
	t.Cleanup(storage.Close)
	target := storage.URL + "/x?signature=hunter2"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.Contains(req.URL.Path, "/blobs/") {
			http.Redirect(w, req, target, http.StatusTemporaryRedirect)
			return
		}
		if _, _, ok := req.BasicAuth(); !ok {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)
	host := server.Listener.Addr().String()
	r := open(t, newClient(t), host, oci.Access{Keychain: login(host, "secret")})
	layer := oci.Layer{Digest: "sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881", Size: 1}
	if err := r.Copy(t.Context(), &bytes.Buffer{}, layer, 10); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{""}, seen); diff != "" {
		t.Errorf("credentials at another host (-want +got):\n%s", diff)
	}
	for _, to := range []string{"file:///etc/passwd", "http://127.0.0.1:1/x?signature=hunter2"} {
		target = to
		if err := r.Copy(t.Context(), &bytes.Buffer{}, layer, 10); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("redirect to %s: %v", to, err)
		}
	}
}

// Texts are the same in every run, and the cause of an end is told rather than its symptom.
func TestErrorTexts(t *testing.T) {
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() }))
	t.Cleanup(silent.CloseClientConnections)
	errSlow := errors.New("timeout of 50ms")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errSlow)
	defer cancel()
	if _, err := open(t, newClient(t), silent.Listener.Addr().String(), oci.Access{}).Digest(ctx, "v1"); !errors.Is(err, errSlow) {
		t.Errorf("a silent registry: %v", err)
	}
	_, err := open(t, newClient(t), "127.0.0.1:1", oci.Access{}).Digest(t.Context(), "v1")
	if err == nil || !strings.Contains(err.Error(), "refused") || strings.Contains(err.Error(), "->") {
		t.Errorf("nobody there: %v", err)
	}
	talker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/v2/" {
			return
		}
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"errors":[{"code":"DENIED","message":"no\n%s https://u:p@h/?q=1 %s"}]}`, "hunter2", strings.Repeat("x", 10_000))
	}))
	t.Cleanup(talker.Close)
	host := talker.Listener.Addr().String()
	_, err = open(t, newClient(t), host, oci.Access{Keychain: login(host, "hunter2")}).Digest(t.Context(), "v1")
	if !errors.Is(err, oci.ErrUnauthorized) || !strings.Contains(err.Error(), "DENIED") {
		t.Errorf("a registry that says no: %v", err)
	}
	if text := err.Error(); len(text) > 600 || strings.Contains(text, "hunter2") || strings.ContainsAny(text, "\n?") || strings.Contains(text, "u:p") {
		t.Errorf("a registry that says too much: %s", text)
	}
}

// Equal settings share connections, others do not.
func TestTransportsAreShared(t *testing.T) {
	certs, others := testkit.NewCertificates(t), testkit.NewCertificates(t)
	registry := testkit.NewRegistry(t, testkit.RegistryOptions{Certificates: &certs})
	registry.PushFiles(t, app, "v1", map[string]string{"a": "1"})
	client := newClient(t)
	for range 3 {
		r := open(t, client, registry.Host, oci.Access{TLS: trust(t, certs)})
		if _, err := r.Digest(t.Context(), "v1"); err != nil {
			t.Fatal(err)
		}
		r.Close()
	}
	if n := len(slices.DeleteFunc(registry.Take(), func(s string) bool { return s != "GET /v2/" })); n != 1 {
		t.Errorf("%d logins with equal settings", n)
	}
	if _, err := open(t, client, registry.Host, oci.Access{TLS: trust(t, others)}).Digest(t.Context(), "v1"); err == nil {
		t.Error("another authority is trusted")
	}
}
