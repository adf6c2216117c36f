// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"hash"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"

	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
)

// member is a type of Receiver in the family.
type member struct {
	// body is one that the sender could send.
	body string
	// headers prove the body with the token.
	headers func(body, token string) http.Header
	// open is set for types whose senders prove nothing but that they know the path.
	open bool
	// event is what headers say about the event; empty for types without.
	event string
	// wrong are requests that are refused, by what is wrong with them.
	wrong map[string]func(h http.Header, body string) string
}

// mac returns the value of a signature header.
func mac(name string, newHash func() hash.Hash, body, key string) string {
	m := hmac.New(newHash, []byte(key))
	m.Write([]byte(body))
	return name + "=" + hex.EncodeToString(m.Sum(nil))
}

func set(name, value string) func(http.Header, string) string {
	return func(h http.Header, body string) string { h.Set(name, value); return body }
}

func drop(name string) func(http.Header, string) string {
	return func(h http.Header, body string) string { h.Del(name); return body }
}

func content(text string) func(http.Header, string) string {
	return func(http.Header, string) string { return text }
}

// members is the family: a new type of Receiver joins with one line here and one in kinds.
func members() map[string]member {
	tampered := func(h http.Header, body string) string { return body + " " }
	return map[string]member{
		"generic": {body: `{"a":1}`, open: true, headers: func(string, string) http.Header { return http.Header{} }},
		"generic-hmac": {
			body: `{"a":1}`,
			headers: func(body, key string) http.Header {
				return http.Header{"X-Signature": {mac("sha256", sha256.New, body, key)}}
			},
			wrong: map[string]func(http.Header, string) string{
				"Missing": drop("X-Signature"), "Tampered": tampered, "Unknown": set("X-Signature", mac("md5", sha256.New, `{"a":1}`, token)),
				"NoAlgorithm": set("X-Signature", mac("", sha256.New, `{"a":1}`, token)[1:]), "NotHex": set("X-Signature", "sha256=zz"), "Short": set("X-Signature", "sha256=00"),
				"OtherHash": set("X-Signature", mac("sha512", sha256.New, `{"a":1}`, token)),
			},
		},
		"github": {
			body: `{"ref":"main"}`, event: "push",
			headers: func(body, key string) http.Header {
				return http.Header{"Content-Type": {"application/json"}, "X-Github-Event": {"push"}, "X-Hub-Signature-256": {mac("sha256", sha256.New, body, key)}}
			},
			wrong: map[string]func(http.Header, string) string{
				"Missing": drop("X-Hub-Signature-256"), "Tampered": tampered, "Unknown": set("X-Hub-Signature-256", "md5=00"),
				"TextPlain": set("Content-Type", "text/plain"), "NoContentType": drop("Content-Type"), "OlderIsNotAsked": func(h http.Header, body string) string {
					h.Set("X-Hub-Signature-256", "sha256=00")
					h.Set("X-Hub-Signature", mac("sha1", sha1.New, body, token))
					return body
				},
			},
		},
		"gitlab": {
			body: `{"object_kind":"push"}`, event: "Push Hook",
			headers: func(_, key string) http.Header {
				return http.Header{"X-Gitlab-Token": {key}, "X-Gitlab-Event": {"Push Hook"}}
			},
			wrong: map[string]func(http.Header, string) string{
				"Missing": drop("X-Gitlab-Token"), "Wrong": set("X-Gitlab-Token", token+"x"), "Prefix": set("X-Gitlab-Token", token[:3]),
			},
		},
		"harbor": {
			body:    `{"type":"PUSH_ARTIFACT"}`,
			headers: func(_, key string) http.Header { return http.Header{"Authorization": {key}} },
			wrong: map[string]func(http.Header, string) string{
				"Missing": drop("Authorization"), "Wrong": set("Authorization", "x"), "Scheme": set("Authorization", "Bearer "+token),
			},
		},
		"dockerhub": {
			body: `{"push_data":{"tag":"v1"},"repository":{"repo_url":"https://hub.docker.com/r/a/b"}}`, open: true,
			headers: func(string, string) http.Header { return http.Header{"Content-Type": {"application/json"}} },
			wrong: map[string]func(http.Header, string) string{
				"Empty": content(""), "Broken": content("{"), "Null": content("null"), "Array": content("[]"), "Text": content(`"x"`),
				"TagNoText": content(`{"push_data":{"tag":1}}`), "URLNoText": content(`{"repository":{"repo_url":{}}}`), "Trailing": content("{} {}"),
			},
		},
	}
}

// TestFamily holds every type of Receiver to the same rules.
func TestFamily(t *testing.T) {
	if diff := slices.Sorted(maps.Keys(members())); !slices.Equal(diff, slices.Sorted(maps.Keys(kinds()))) {
		t.Errorf("the family is %v", diff)
	}
	for name, m := range members() {
		t.Run(name, func(t *testing.T) {
			t.Run("Taken", func(t *testing.T) { testTaken(t, name, m) })
			t.Run("Refused", func(t *testing.T) { testRefused(t, name, m) })
			t.Run("Unusable", func(t *testing.T) { testUnusable(t, name, m) })
			t.Run("Secret", func(t *testing.T) { testSecret(t, name, m) })
			t.Run("Events", func(t *testing.T) { testEvents(t, name, m) })
			t.Run("Size", func(t *testing.T) { testSize(t, name, m) })
		})
	}
}

// testTaken: a good request wakes, and so does its replay: nothing but one more run comes of it.
func testTaken(t *testing.T, name string, m member) {
	t.Helper()
	rcv := receiver(name)
	h, c := newHandler(t, rcv)
	for range 2 {
		if got := post(t, h, rcv.Status.WebhookPath, m.headers(m.body, token), m.body); got != http.StatusOK {
			t.Errorf("got %d", got)
		}
		if got := c.take(); !slices.Equal(got, []string{"GitRepository/apps/fleet"}) {
			t.Errorf("woken: %v", got)
		}
	}
	if len(c.values) != 2 || c.values[0] == c.values[1] || !strings.Contains(c.values[0], `{"metadata":{"annotations":{"reconcile.fluxcd.io/requestedAt":"`) {
		t.Errorf("annotations: %v", c.values)
	}
}

func testRefused(t *testing.T, name string, m member) {
	t.Helper()
	rcv := receiver(name)
	h, c := newHandler(t, rcv)
	for what, spoil := range m.wrong {
		headers := m.headers(m.body, token)
		body := spoil(headers, m.body)
		if got := post(t, h, rcv.Status.WebhookPath, headers, body); got != http.StatusBadRequest {
			t.Errorf("%s: got %d", what, got)
		}
	}
	if !m.open {
		if got := post(t, h, rcv.Status.WebhookPath, m.headers(m.body, "another token"), m.body); got != http.StatusBadRequest {
			t.Errorf("another token: got %d", got)
		}
	}
	if got := c.take(); len(got) > 0 {
		t.Errorf("woken: %v", got)
	}
}

// testUnusable: the answers for receivers that take no requests, and for paths without one.
func testUnusable(t *testing.T, name string, m member) {
	t.Helper()
	path := receiver(name).Status.WebhookPath
	cases := map[string]struct {
		path string
		edit func(*notificationv1.Receiver)
		want int
	}{
		"Suspended":   {path, func(r *notificationv1.Receiver) { r.Spec.Suspend = true }, http.StatusServiceUnavailable},
		"NotReady":    {path, func(r *notificationv1.Receiver) { conditions.MarkFalse(r, meta.ReadyCondition, "x", "x") }, http.StatusServiceUnavailable},
		"NoCondition": {path, func(r *notificationv1.Receiver) { r.Status.Conditions = nil }, http.StatusServiceUnavailable},
		"Reconciling": {path, func(r *notificationv1.Receiver) { conditions.MarkReconciling(r, "x", "x") }, http.StatusServiceUnavailable},
		"Stalled":     {path, func(r *notificationv1.Receiver) { conditions.MarkStalled(r, "x", "x") }, http.StatusServiceUnavailable},
		"NeverReady":  {path, func(r *notificationv1.Receiver) { r.Status.WebhookPath = "" }, http.StatusNotFound},
		"OtherPath":   {Path("x", "y", "z"), nil, http.StatusNotFound},
		"Query":       {path + "?a=b", nil, http.StatusNotFound},
		"Suffix":      {path + "/", nil, http.StatusNotFound},
		"Elsewhere":   {"/", nil, http.StatusNotFound},
		"Prefix":      {"/hook/", nil, http.StatusNotFound},
	}
	for what, tc := range cases {
		rcv := receiver(name)
		if tc.edit != nil {
			tc.edit(&rcv)
		}
		h, c := newHandler(t, rcv)
		if got := post(t, h, tc.path, m.headers(m.body, token), m.body); got != tc.want || len(c.take()) > 0 {
			t.Errorf("%s: got %d", what, got)
		}
	}
}

// testSecret: the Secret is read for each request.
func testSecret(t *testing.T, name string, m member) {
	t.Helper()
	for secret, want := range map[string]int{"token": http.StatusOK, "gone": http.StatusBadRequest, "other": http.StatusBadRequest} {
		rcv := receiver(name, func(r *notificationv1.Receiver) { r.Spec.SecretRef.Name = secret })
		h, _ := newHandler(t, rcv)
		if got := post(t, h, rcv.Status.WebhookPath, m.headers(m.body, token), m.body); got != want {
			t.Errorf("%s: got %d", secret, got)
		}
	}
	rcv := receiver(name, func(r *notificationv1.Receiver) { r.Spec.SecretRef.Name = "empty" })
	h, _ := newHandler(t, rcv)
	want := http.StatusBadRequest
	if m.open {
		want = http.StatusOK
	}
	if got := post(t, h, rcv.Status.WebhookPath, m.headers(m.body, ""), m.body); got != want {
		t.Errorf("a signature with an empty token: got %d", got)
	}
	h, c := newHandler(t, receiver(name))
	c.faults = map[string][]error{"cache": {errors.New("broken")}}
	if got := post(t, h, rcv.Status.WebhookPath, m.headers(m.body, token), m.body); got != http.StatusInternalServerError {
		t.Errorf("a cache that is broken: got %d", got)
	}
}

// testEvents: spec.events is about types whose senders name the event, and only those.
func testEvents(t *testing.T, name string, m member) {
	t.Helper()
	for list, want := range map[string]int{"": http.StatusOK, m.event: http.StatusOK, strings.ToUpper(m.event): http.StatusOK, "other": http.StatusBadRequest} {
		if m.event == "" {
			want = http.StatusOK
		}
		rcv := receiver(name, func(r *notificationv1.Receiver) {
			if list != "" {
				r.Spec.Events = []string{"tag", list}
			}
		})
		h, _ := newHandler(t, rcv)
		if got := post(t, h, rcv.Status.WebhookPath, m.headers(m.body, token), m.body); got != want {
			t.Errorf("%q: got %d", list, got)
		}
	}
}

// testSize: a body of 3 MiB is read, one byte more is not, whether it is announced or not.
func testSize(t *testing.T, name string, m member) {
	t.Helper()
	rcv := receiver(name)
	h, c := newHandler(t, rcv)
	body := m.body + strings.Repeat(" ", 3<<20-len(m.body))
	headers := m.headers(body, token)
	if got := post(t, h, rcv.Status.WebhookPath, headers, body); got != http.StatusOK || len(c.take()) != 1 {
		t.Errorf("3 MiB: got %d", got)
	}
	headers = m.headers(body+" ", token)
	if got := post(t, h, rcv.Status.WebhookPath, headers, body+" "); got != http.StatusRequestEntityTooLarge {
		t.Errorf("one byte more: got %d", got)
	}
	if got := stream(t, h, rcv.Status.WebhookPath, headers, body+" "); got != http.StatusRequestEntityTooLarge || len(c.take()) > 0 {
		t.Errorf("one byte more, not announced: got %d", got)
	}
	if got := stream(t, h, Path("no", "such", "path"), headers, body+" "); got != http.StatusRequestEntityTooLarge {
		t.Errorf("for nobody: got %d", got)
	}
}

// TestSignatures: senders may use any of the three algorithms.
func TestSignatures(t *testing.T) {
	for name, newHash := range map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New} {
		for _, signature := range []string{mac(name, newHash, "body", "key"), name + "=" + strings.ToUpper(strings.TrimPrefix(mac(name, newHash, "body", "key"), name+"="))} {
			if err := verify(signature, []byte("body"), []byte("key")); err != nil {
				t.Errorf("%s: %v", signature, err)
			}
			if err := verify(signature, []byte("body!"), []byte("key")); err == nil {
				t.Errorf("%s: another body", signature)
			}
		}
	}
	if err := verify(mac("sha256", sha256.New, "body", ""), []byte("body"), nil); err == nil {
		t.Error("an empty key proves nothing")
	}
}

// TestGitHubForms: the older signature and the form of a webhook are taken.
func TestGitHubForms(t *testing.T) {
	rcv := receiver("github")
	h, c := newHandler(t, rcv)
	form := url.Values{"payload": {`{"ref":"main"}`}}.Encode()
	for what, tc := range map[string]struct {
		headers http.Header
		body    string
		want    int
	}{
		"Older":      {http.Header{"Content-Type": {"application/json; charset=utf-8"}, "X-Hub-Signature": {mac("sha1", sha1.New, "{}", token)}}, "{}", 200},
		"Form":       {http.Header{"Content-Type": {typeForm}, "X-Hub-Signature-256": {mac("sha256", sha256.New, form, token)}}, form, 200},
		"BrokenForm": {http.Header{"Content-Type": {typeForm}, "X-Hub-Signature-256": {mac("sha256", sha256.New, "payload=%zz", token)}}, "payload=%zz", 400},
	} {
		if got := post(t, h, rcv.Status.WebhookPath, tc.headers, tc.body); got != tc.want || (len(c.take()) == 1) != (got == 200) {
			t.Errorf("%s: got %d", what, got)
		}
	}
}

// TestUnsupported: a type that this version does not have takes no requests, even where its status was written by another one.
func TestUnsupported(t *testing.T) {
	for _, kind := range []string{"generic-oidc", "bitbucket", "quay", "gcr", "nexus", "acr", "cdevents", "nonsense"} {
		rcv := receiver(kind)
		h, c := newHandler(t, rcv)
		if got := post(t, h, rcv.Status.WebhookPath, nil, "{}"); got != http.StatusServiceUnavailable || len(c.take()) > 0 || Supported(kind) {
			t.Errorf("%s: got %d", kind, got)
		}
	}
}
