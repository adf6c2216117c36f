// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package notify_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	eventv1 "github.com/weir-gitops/weir/api/event/v1beta1"
	"github.com/weir-gitops/weir/notification-controller/internal/notify"
)

// call is a request that a service got, as golden files hold it.
type call struct {
	Method string            `json:"method"`
	URI    string            `json:"uri"`
	Header map[string]string `json:"header,omitempty"`
	Body   any               `json:"body,omitempty"`
}

// shown are the headers that the contract says something about.
func shown() []string {
	return []string{"Authorization", "Content-Type", "Gotk-Component", "Private-Token", "X-Signature", "X-Team"}
}

// service stands in for all services: it takes what it gets, and answers as they do when they are well.
type service struct {
	// handle, if set, answers instead.
	handle http.HandlerFunc

	mu    sync.Mutex
	calls []call
}

// ServeHTTP implements http.Handler.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c := call{Method: r.Method, URI: r.URL.RequestURI(), Header: map[string]string{}}
	for _, name := range shown() {
		if value := r.Header.Get(name); value != "" {
			c.Header[name] = value
		}
	}
	c.Body = decode(r.Header.Get("Content-Type"), body)
	s.mu.Lock()
	s.calls = append(s.calls, c)
	s.mu.Unlock()
	if s.handle != nil {
		s.handle(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, "/version"):
		_, _ = io.WriteString(w, `{"version":"1.22.0"}`)
	case r.Method == http.MethodGet:
		_, _ = io.WriteString(w, `[]`)
	case strings.HasSuffix(r.URL.Path, "/chat.postMessage"):
		_, _ = io.WriteString(w, `{"ok":true,"channel":"C1","ts":"1.1"}`)
	default:
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{}`)
	}
}

// decode makes bodies comparable.
func decode(contentType string, body []byte) any {
	if len(body) == 0 {
		return nil
	}
	if strings.HasPrefix(contentType, "application/x-www-form-urlencoded") {
		form, _ := url.ParseQuery(string(body))
		return form
	}
	var document any
	if json.Unmarshal(body, &document) != nil {
		return string(body)
	}
	return document
}

func (s *service) take() []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

// token is the credential of all members. It needs escaping in a URL.
const token = "s3cr3t/t0ken+value"

// commit is the hash that the events of the suite are about.
const commit = "5394cb7f48332b2de7c17dd8b8384bbc84b7e738"

// member is a kind of service in the suite.
type member struct {
	kind string
	// path is where the service listens, below its host.
	path string
	// fixed is set for a service whose host nobody chooses.
	fixed string
	// edit changes the options of the suite: all have a token and a channel.
	edit func(o *notify.Options)
	// open is set for services whose address is no credential.
	open bool
}

// members is the family: a new kind of service joins with one line.
func members() map[string]member {
	return map[string]member{
		"slack":        {kind: "slack", path: "/services/T0/B0/s3cr3thooks3cr3thook"},
		"slack-bot":    {kind: "slack", fixed: "https://slack.com/api/chat.postMessage"},
		"discord":      {kind: "discord", path: "/api/webhooks/1/s3cr3thooks3cr3thook?wait=true"},
		"msteams":      {kind: "msteams", path: "/workflows/s3cr3thooks3cr3thook?sig=s3cr3tsigs3cr3tsig"},
		"googlechat":   {kind: "googlechat", path: "/v1/spaces/1/messages?key=k&token=s3cr3thooks3cr3thook"},
		"generic":      {kind: "generic", path: "/hook/s3cr3thooks3cr3thook", edit: func(o *notify.Options) { o.Headers = map[string]string{"X-Team": "ops"} }},
		"generic-hmac": {kind: "generic-hmac", path: "/hook/s3cr3thooks3cr3thook", edit: func(o *notify.Options) { o.Headers = map[string]string{"x-signature": "mine"} }},
		"alertmanager": {kind: "alertmanager", path: "/api/v2/alerts/", edit: func(o *notify.Options) { o.Username, o.Password = "user", "p4ssw0rd" }},
		"grafana":      {kind: "grafana", path: "/api/annotations", edit: func(o *notify.Options) { o.Username, o.Password = "user", "p4ssw0rd" }},
		"github":       {kind: "github", path: "/team/fleet.git", open: true},
		"gitlab":       {kind: "gitlab", path: "/group/team/fleet", open: true},
		"gitea":        {kind: "gitea", path: "/team/fleet", open: true},
	}
}

// options describe the member at that base URL.
func (m member) options(base string, transport http.RoundTripper) notify.Options {
	o := notify.Options{Type: m.kind, Address: base + m.path, Channel: "general", Token: token, Transport: transport}
	if m.fixed != "" {
		o.Address, o.Transport = m.fixed, detour{to: base, next: transport}
	}
	if m.edit != nil {
		m.edit(&o)
	}
	return o
}

// detour takes requests to another host.
type detour struct {
	to   string
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (d detour) RoundTrip(r *http.Request) (*http.Response, error) {
	to, err := url.Parse(d.to)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = to.Scheme, to.Host
	if d.next == nil {
		return http.DefaultTransport.RoundTrip(r)
	}
	return d.next.RoundTrip(r)
}

// start runs a service and returns the notifier that sends to it.
func (m member) start(t *testing.T, s *service) (notify.Notifier, notify.Options) {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	transports := notify.NewTransports()
	t.Cleanup(transports.Close)
	o := m.options(server.URL, transports.For(nil, nil))
	return m.notifier(t, o), o
}

func (m member) notifier(t *testing.T, o notify.Options) notify.Notifier {
	t.Helper()
	n, err := notify.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// message is an event about a Kustomization.
func message(edit ...func(*eventv1.Event)) notify.Message {
	m := notify.Message{
		StatusID: "kustomization/apps/0c9c2e41",
		Event: eventv1.Event{
			InvolvedObject: corev1.ObjectReference{
				APIVersion: "kustomize.toolkit.fluxcd.io/v1", Kind: "Kustomization", Namespace: "flux-system", Name: "apps", UID: "0c9c2e41-d2f9-4f9b-9c41-bebc1984d67a",
			},
			Severity: eventv1.SeverityInfo, Timestamp: metav1.NewTime(time.Date(2022, 9, 30, 6, 40, 29, 0, time.UTC)),
			Message: "Deployment/apps/web configured\n<b>second</b> line", Reason: "ReconciliationSucceeded",
			Metadata:            map[string]string{"revision": "main@sha1:" + commit, "summary": "a summary", "env:zone": "b:1"},
			ReportingController: "kustomize-controller", ReportingInstance: "kustomize-controller-xyz",
		},
	}
	for _, e := range edit {
		e(&m.Event)
	}
	return m
}

// TestRepeatedRequest asks a service that answers with the request that it got, as some do to help: no credential of it is in the error.
func TestRepeatedRequest(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, credential, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		http.Error(w, "cannot use "+credential+" of scheme "+scheme, http.StatusBadRequest)
	}))
	defer server.Close()
	cases := map[string]struct {
		reason  string
		options notify.Options
		secret  string
	}{
		"Basic": {
			reason:  "User and password are encoded together.",
			options: notify.Options{Type: "alertmanager", Username: "user", Password: "hunter2"},
			secret:  base64.StdEncoding.EncodeToString([]byte("user:hunter2")),
		},
		"Header": {
			reason:  "What follows the scheme is repeated alone.",
			options: notify.Options{Type: "generic", Headers: map[string]string{"Authorization": "Bearer hunter2hunter2"}},
			secret:  "hunter2hunter2",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tc.options.Address = server.URL
			n, err := notify.New(tc.options)
			if err != nil {
				t.Fatal(err)
			}
			err = n.Notify(t.Context(), message())
			if err == nil || strings.Contains(err.Error(), tc.secret) || !strings.Contains(err.Error(), "*****") {
				t.Errorf("%s got %v", tc.reason, err)
			}
		})
	}
}
