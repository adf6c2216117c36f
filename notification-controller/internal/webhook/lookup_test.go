// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
)

// TestPath holds the vectors of the contract, 12.
func TestPath(t *testing.T) {
	if got := Path("test-token", "rcv", "apps"); got != "/hook/98f0d8024906790dc2331dabc8c4edb4efe60415d05113deb94d9cd2b20d264f" {
		t.Error(got)
	}
	if got := Path("", "generic-oidc-receiver", "default"); got != "/hook/4399e88762a0abe9a87e588d0c42b27f13ac7a4fb04bb1ed28be8cb4b2fb4f31" {
		t.Error(got)
	}
}

// stream sends a body whose length is not announced.
func stream(tb testing.TB, h http.Handler, path string, header http.Header, body string) int {
	tb.Helper()
	r := httptest.NewRequest(http.MethodPost, path, struct{ *strings.Reader }{strings.NewReader(body)})
	r.Header, r.ContentLength = header.Clone(), -1
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

// TestClash: of several receivers with one path the oldest has it, in whatever order they are found.
func TestClash(t *testing.T) {
	named := func(name string, created int64) notificationv1.Receiver {
		return receiver("generic", func(r *notificationv1.Receiver) {
			r.Name, r.CreationTimestamp = name, metav1.Unix(created, 0)
			r.Spec.Resources[0].Name = name
		})
	}
	for what, all := range map[string][]notificationv1.Receiver{
		"ByAge":  {named("new", 3000), named("old", 1000), named("mid", 2000)},
		"ByName": {named("old2", 1000), named("old", 1000)},
		"Listed": {named("old", 1000), named("new", 2000)},
	} {
		h, c := newHandler(t, all...)
		if got := post(t, h, all[0].Status.WebhookPath, nil, ""); got != http.StatusOK {
			t.Errorf("%s: got %d", what, got)
		}
		if got := c.take(); !slices.Equal(got, []string{"GitRepository/apps/old"}) {
			t.Errorf("%s: woken %v", what, got)
		}
	}
	suspended := named("old", 1000)
	suspended.Spec.Suspend = true
	h, c := newHandler(t, named("new", 2000), suspended)
	if got := post(t, h, suspended.Status.WebhookPath, nil, ""); got != http.StatusServiceUnavailable || len(c.take()) > 0 {
		t.Errorf("the path stays with the oldest even if that is suspended, got %d", got)
	}
}

// TestBounded: objects are woken several at once, but not all of them, and to the end even if the sender goes away.
func TestBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const objects = 3 * maxPatches
		rcv := receiver("generic", func(r *notificationv1.Receiver) {
			template := r.Spec.Resources[0]
			r.Spec.Resources = nil
			for i := range objects {
				template.Name = fmt.Sprint("o", i)
				r.Spec.Resources = append(r.Spec.Resources, template)
			}
		})
		h, c := newHandler(t, rcv)
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		now, most := 0, 0
		count := func(more int) {
			mu.Lock()
			defer mu.Unlock()
			now += more
			most = max(most, now)
		}
		c.patching = func() {
			cancel()
			count(1)
			time.Sleep(time.Second)
			count(-1)
		}
		w := httptest.NewRecorder()
		started := time.Now()
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodPost, rcv.Status.WebhookPath, http.NoBody))
		if w.Code != http.StatusOK || len(c.take()) != objects || most != maxPatches || time.Since(started) != 3*time.Second {
			t.Errorf("%d, %d at once, %s", w.Code, most, time.Since(started))
		}
	})
}

// TestDocumentedFilters: the filters of docs/spec/notification/receivers.md compile.
func TestDocumentedFilters(t *testing.T) {
	filters, err := NewFilters()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"req.type == 'PUSH_ARTIFACT'", "req.event_data.repository.repo_full_name.endsWith('/' + res.metadata.name)", "req.?tag.orValue('') == 'x'",
	} {
		if _, err := filters.Compile(text); err != nil {
			t.Error(err)
		}
	}
}

func TestNewNeedsAll(t *testing.T) {
	if _, err := New(Options{Clock: time.Now}); err == nil {
		t.Error("no error")
	}
}

// FuzzPath: no path but that of the receiver finds it.
func FuzzPath(f *testing.F) {
	rcv := receiver("generic")
	for _, seed := range []string{rcv.Status.WebhookPath, "/", "/hook/", rcv.Status.WebhookPath + "?a", "/hook/../hook/x", "/hook/%00", rcv.Status.WebhookPath[:20] + "%61"} {
		f.Add(seed)
	}
	h, c := newHandler(f, rcv)
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		r := &http.Request{Method: http.MethodPost, URL: u, RequestURI: path, Header: http.Header{}, Body: http.NoBody}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(t.Context()))
		woken := len(c.take()) > 0
		if found := u.RequestURI() == rcv.Status.WebhookPath; found != (w.Code == http.StatusOK) || found != woken || !found && w.Code != http.StatusNotFound {
			t.Errorf("%q: %d", path, w.Code)
		}
	})
}

// FuzzSignature: what is no signature of the key is refused.
func FuzzSignature(f *testing.F) {
	for _, seed := range []string{"", "=", "sha256=", "sha1=00", "sha512=zz", "SHA256=00", "sha256==00"} {
		f.Add(seed, []byte("body"))
	}
	f.Fuzz(func(t *testing.T, signature string, body []byte) {
		if verify(signature, body, []byte("a key that nobody guesses")) == nil {
			t.Errorf("%q", signature)
		}
	})
}

// FuzzPayload: no body makes any of the types panic or wake something without proof.
func FuzzPayload(f *testing.F) {
	types := []string{"generic-hmac", "github", "gitlab", "harbor", "dockerhub"}
	for i, name := range types {
		f.Add(uint8(i), "application/json", members()[name].body)
	}
	f.Add(uint8(1), typeForm, "payload=%7B%7D")
	f.Add(uint8(1), "application/json, text/plain; x=", "[")
	f.Fuzz(func(t *testing.T, which uint8, contentType, body string) {
		name := types[int(which)%len(types)]
		rcv := receiver(name, func(r *notificationv1.Receiver) { r.Spec.ResourceFilter = "has(req.ref) || size(req) >= 0" })
		h, c := newHandler(t, rcv)
		got := post(t, h, rcv.Status.WebhookPath, http.Header{"Content-Type": {contentType}}, body)
		if name != "dockerhub" && (got != http.StatusBadRequest || len(c.take()) > 0) {
			t.Errorf("%s: %d", name, got)
		}
		// The body as filters see it.
		_, _ = variables(request{header: http.Header{"Content-Type": {contentType}}, body: []byte(body)})
	})
}
