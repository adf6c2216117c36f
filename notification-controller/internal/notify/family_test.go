// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package notify_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	eventv1 "github.com/weir-gitops/weir/api/event/v1beta1"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/testkit"
	"github.com/weir-gitops/weir/notification-controller/internal/notify"
)

var update = flag.Bool("update", false, "write the golden files") //nolint:gochecknoglobals // a flag of the test binary

// TestFamily holds every kind of service to the same rules.
func TestFamily(t *testing.T) {
	for name, m := range members() {
		t.Run(name, func(t *testing.T) {
			t.Run("Payload", func(t *testing.T) { testPayload(t, name, m) })
			t.Run("Context", func(t *testing.T) { testContext(t, m) })
			t.Run("Unreachable", func(t *testing.T) { testUnreachable(t, m) })
			t.Run("Classes", func(t *testing.T) { testClasses(t, m) })
			t.Run("Masked", func(t *testing.T) { testMasked(t, m) })
			t.Run("Limited", func(t *testing.T) { testLimited(t, m) })
			t.Run("Brief", func(t *testing.T) { testBrief(t, m) })
			t.Run("Parallel", func(t *testing.T) { testParallel(t, m) })
			t.Run("Redirect", func(t *testing.T) { testRedirect(t, m) })
			if m.fixed == "" {
				t.Run("Proxy", func(t *testing.T) { testProxy(t, m) })
				t.Run("TLS", func(t *testing.T) { testTLS(t, m) })
				t.Run("Address", func(t *testing.T) { testAddress(t, m) })
			}
		})
	}
}

// testPayload compares all requests with golden files.
func testPayload(t *testing.T, name string, m member) {
	t.Helper()
	cases := map[string]notify.Message{
		"info":  message(),
		"error": message(func(e *eventv1.Event) { e.Severity, e.Reason = eventv1.SeverityError, "HealthCheckFailed" }),
		"bare":  message(func(e *eventv1.Event) { e.Metadata = map[string]string{"revision": commit} }),
		"none":  message(func(e *eventv1.Event) { e.Metadata = nil }),
	}
	if notify.WritesStatus(m.kind) {
		delete(cases, "none")
	}
	for key, msg := range cases {
		t.Run(key, func(t *testing.T) {
			s := &service{}
			n, _ := m.start(t, s)
			if err := n.Notify(t.Context(), msg); err != nil {
				t.Fatal(err)
			}
			checkGolden(t, filepath.Join("testdata", name, key+".json"), s.take())
		})
	}
}

func checkGolden(t *testing.T, path string, got []call) {
	t.Helper()
	b, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, append(b, '\n'), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(b)+"\n"); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// testContext: a service that does not answer holds nobody.
func testContext(t *testing.T, m member) {
	t.Helper()
	asked := make(chan struct{}, 1)
	release := make(chan struct{})
	s := &service{handle: func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-r.Context().Done():
		case <-release:
		}
	}}
	n, _ := m.start(t, s)
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	err := n.Notify(ctx, message())
	if class, _ := notify.Classify(err); !errors.Is(err, context.Canceled) || class != notify.Retryable {
		t.Errorf("got %v", err)
	}
}

func testUnreachable(t *testing.T, m member) {
	t.Helper()
	n := m.notifier(t, m.options("http://"+testkit.FreeAddress(t), nil))
	err := n.Notify(t.Context(), message())
	if class, _ := notify.Classify(err); err == nil || class != notify.Retryable {
		t.Errorf("a service that cannot be reached may be later, got %v", err)
	}
}

// testClasses: what the service answers decides about another attempt.
func testClasses(t *testing.T, m member) {
	t.Helper()
	for status, want := range map[int]notify.Class{
		http.StatusBadRequest: notify.Permanent, http.StatusUnauthorized: notify.Permanent, http.StatusForbidden: notify.Permanent, http.StatusNotFound: notify.Permanent,
		http.StatusNotImplemented: notify.Permanent, http.StatusTooManyRequests: notify.Retryable, http.StatusInternalServerError: notify.Retryable,
		http.StatusServiceUnavailable: notify.Retryable,
	} {
		s := &service{handle: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"message":"it was the butler"}`)
		}}
		n, _ := m.start(t, s)
		err := n.Notify(t.Context(), message())
		own, ok := errors.AsType[*notify.Error](err)
		if !ok || own.Class != want || own.Status != status || !strings.Contains(err.Error(), fmt.Sprint(status)) {
			t.Errorf("%d: got %#v, %v", status, own, err)
			continue
		}
		asked := 7 * time.Second
		if status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
			asked = 0
		}
		if own.RetryAfter != asked {
			t.Errorf("%d: retry after %s", status, own.RetryAfter)
		}
		if calls := s.take(); len(calls) != 1 {
			t.Errorf("%d: one attempt is one attempt, got %d requests", status, len(calls))
		}
	}
}

// testMasked: an answer that repeats the credentials does not get them into the error, in whatever form.
func testMasked(t *testing.T, m member) {
	t.Helper()
	s := &service{}
	n, o := m.start(t, s)
	secrets := []string{o.Token, url.QueryEscape(o.Token), url.PathEscape(o.Token)}
	if o.Password != "" {
		secrets = append(secrets, o.Password)
	}
	if !m.open && m.fixed == "" {
		u, err := url.Parse(o.Address)
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, o.Address, u.RequestURI())
		if strings.Contains(m.path, "s3cr3thook") {
			secrets = append(secrets, "s3cr3thooks3cr3thook")
		}
	}
	// Every character escaped, in the case that no library of Go writes.
	var odd strings.Builder
	for _, b := range []byte(o.Token) {
		fmt.Fprintf(&odd, "%%%02x", b)
	}
	s.handle = func(w http.ResponseWriter, _ *http.Request) {
		text := fmt.Sprintf(`{"message":%q}`, "no: "+strings.Join(append(secrets, odd.String()), " and "))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, text)
	}
	err := n.Notify(t.Context(), message())
	if err == nil {
		t.Fatal("no error")
	}
	for _, secret := range append(secrets, odd.String()) {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q is in the error: %s", secret, err)
		}
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		if strings.Contains(inner.Error(), o.Token) {
			t.Errorf("an inner error holds the token: %s", inner)
		}
	}
}

// testLimited: an answer without end is not read to its end.
func testLimited(t *testing.T, m member) {
	t.Helper()
	for _, status := range []int{http.StatusOK, http.StatusBadRequest} {
		s := &service{handle: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, err := io.WriteString(w, `["`)
			for piece := make([]byte, 64<<10); err == nil; {
				_, err = w.Write(piece)
			}
		}}
		n, _ := m.start(t, s)
		err := n.Notify(t.Context(), message())
		if err != nil && len(err.Error()) > 8<<10 {
			t.Errorf("%d: error of %d bytes", status, len(err.Error()))
		}
		if status == http.StatusBadRequest && err == nil {
			t.Error("no error")
		}
	}
}

// testBrief: what a service says at length, in the form that its clients understand, is told in brief.
func testBrief(t *testing.T, m member) {
	t.Helper()
	s := &service{handle: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"ok":false,"message":%[1]q,"error":%[1]q}`, strings.Repeat("no! ", 100<<10))
	}}
	n, _ := m.start(t, s)
	if err := n.Notify(t.Context(), message()); err == nil || len(err.Error()) > 8<<10 || !strings.Contains(err.Error(), "400") {
		t.Errorf("error %.100v of %d bytes", err, len(fmt.Sprint(err)))
	}
}

func testParallel(t *testing.T, m member) {
	t.Helper()
	s := &service{}
	n, _ := m.start(t, s)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if err := n.Notify(t.Context(), message()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// testRedirect: a redirect takes no credential to another host.
func testRedirect(t *testing.T, m member) {
	t.Helper()
	other := &service{}
	stranger := httptest.NewServer(other)
	defer stranger.Close()
	s := &service{handle: func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, stranger.URL+"/elsewhere", http.StatusTemporaryRedirect)
	}}
	n, o := m.start(t, s)
	if m.fixed != "" {
		return // every host is the same one here
	}
	_ = n.Notify(t.Context(), message())
	for _, c := range other.take() {
		text := fmt.Sprint(c.Header, c.URI)
		if strings.Contains(text, o.Token) || c.Header["Authorization"] != "" || c.Header["Private-Token"] != "" || c.Header["X-Team"] != "" {
			t.Errorf("another host got %s", text)
		}
	}
}

// testProxy: requests go to the proxy of the Provider, with its credentials.
func testProxy(t *testing.T, m member) {
	t.Helper()
	s := &service{}
	var mu sync.Mutex
	var seen []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen = append(seen, r.URL.Host+" "+r.Header.Get("Proxy-Authorization"))
		mu.Unlock()
		s.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	address.User = url.UserPassword("user", "pass")
	transports := notify.NewTransports()
	defer transports.Close()
	n := m.notifier(t, m.options("http://service.invalid", transports.For(address, nil)))
	if err := n.Notify(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) == 0 || seen[0] != "service.invalid Basic dXNlcjpwYXNz" {
		t.Errorf("the proxy saw %v", seen)
	}
}

// testTLS: the authority of the Provider is trusted, and only that; the client certificate is shown.
func testTLS(t *testing.T, m member) {
	t.Helper()
	certs := testkit.NewCertificates(t)
	pair, err := tls.X509KeyPair(certs.Cert, certs.Key)
	if err != nil {
		t.Fatal(err)
	}
	s := &service{}
	server := httptest.NewUnstartedServer(s)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	defer server.Close()
	reader := &auth.Reader{Client: shelf{"tls": {"ca.crt": string(certs.CA), "tls.crt": string(certs.Cert), "tls.key": string(certs.Key)}}}
	config, err := reader.PinnedTLS(t.Context(), "team", "tls")
	if err != nil {
		t.Fatal(err)
	}
	transports := notify.NewTransports()
	defer transports.Close()
	if err := m.notifier(t, m.options(server.URL, transports.For(nil, config))).Notify(t.Context(), message()); err != nil {
		t.Errorf("with the authority: %v", err)
	}
	err = m.notifier(t, m.options(server.URL, transports.For(nil, nil))).Notify(t.Context(), message())
	if class, _ := notify.Classify(err); err == nil || class != notify.Permanent {
		t.Errorf("an authority that is not trusted stays so, got %v", err)
	}
}

// testAddress: an address that cannot be used is refused without being repeated.
func testAddress(t *testing.T, m member) {
	t.Helper()
	for _, address := range []string{"", "not a url", "/only/a/path", "ftp://host.invalid/t/hunter2", "https://", "http://user:hunter2@[::1/x"} {
		o := m.options("", nil)
		o.Address = address
		_, err := notify.New(o)
		if class, _ := notify.Classify(err); err == nil || class != notify.Permanent || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: got %v", address, err)
		}
	}
}

// shelf holds Secrets of any namespace.
type shelf map[string]map[string]string

// Get implements client.Reader.
func (s shelf) Get(ctx context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	return s.get(ctx, key, obj)
}

// List implements client.Reader.
func (s shelf) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return errors.ErrUnsupported
}
