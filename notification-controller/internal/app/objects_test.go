// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	"github.com/weir-gitops/weir/kit/manager"
)

// TestBadInputProvider walks the rows of the contract's section 13, "Provider", that the API server decides.
func TestBadInputProvider(t *testing.T) {
	f := newIdleFixture(t)
	cases := map[string]func(*notificationv1beta3.ProviderSpec){
		"UnknownType":             func(s *notificationv1beta3.ProviderSpec) { s.Type = "pigeon" },
		"StatusExprOnOtherType":   func(s *notificationv1beta3.ProviderSpec) { s.CommitStatusExpr = "'x'" },
		"LongAddress":             func(s *notificationv1beta3.ProviderSpec) { s.Address = strings.Repeat("x", 2049) },
		"SocksProxyInSpec":        func(s *notificationv1beta3.ProviderSpec) { s.Proxy = "socks5://proxy" },
		"LongChannel":             func(s *notificationv1beta3.ProviderSpec) { s.Channel = strings.Repeat("x", 2049) },
		"LongUsername":            func(s *notificationv1beta3.ProviderSpec) { s.Username = strings.Repeat("x", 2049) },
		"NoType":                  func(s *notificationv1beta3.ProviderSpec) { s.Type = "" },
		"TimeoutWithHours (1h)":   nil,
		"TimeoutWithHours (1.5h)": nil,
	}
	for name, edit := range cases {
		t.Run(name, func(t *testing.T) {
			p := &notificationv1beta3.Provider{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, GenerateName: "bad-"}}
			p.Spec.Type = notificationv1beta3.SlackProvider
			var err error
			if edit != nil {
				edit(&p.Spec)
				err = f.cluster.Client.Create(t.Context(), p)
			} else { // the Go type would write another form of the duration
				_, text, _ := strings.Cut(strings.TrimSuffix(name, ")"), "(")
				if err = f.cluster.Client.Create(t.Context(), p); err != nil {
					t.Fatal(err)
				}
				err = f.cluster.Client.Patch(t.Context(), p, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"timeout":"`+text+`"}}`)))
			}
			if !apierrors.IsInvalid(err) {
				t.Errorf("error %v, want the API server to refuse it", err)
			}
		})
	}
}

// TestProviderFinalizer adds the finalizer, adds it again, and lets the object go.
func TestProviderFinalizer(t *testing.T) {
	f := newFixture(t)
	p := &notificationv1beta3.Provider{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "later"}}
	p.Spec.Type = notificationv1beta3.TelegramProvider
	f.cluster.Create(t, p)
	has := func() bool {
		f.read(p.Name, p)
		return len(p.Finalizers) == 1 && p.Finalizers[0] == notificationv1beta3.Finalizer
	}
	f.eventually("the finalizer is there", has)
	base := p.DeepCopy()
	p.Finalizers = nil
	if err := f.cluster.Client.Patch(t.Context(), p, client.MergeFrom(base)); err != nil {
		t.Fatal(err)
	}
	f.eventually("the finalizer is back", has)
	told := f.awaitTold(p.Name, "Unsupported")
	if !strings.Contains(told.Message, "'telegram' is not supported yet") {
		t.Errorf("told %q", told.Message)
	}
	if err := f.cluster.Client.Delete(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	f.eventually("the provider is gone", func() bool {
		return apierrors.IsNotFound(f.cluster.Client.Get(t.Context(), client.ObjectKeyFromObject(p), p))
	})
}

// TestAlertMigration removes the finalizer of older versions, but not from a suspended Alert.
func TestAlertMigration(t *testing.T) {
	f := newFixture(t)
	suspended := &notificationv1beta3.Alert{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "asleep", Finalizers: []string{notificationv1beta3.Finalizer}}}
	suspended.Spec.ProviderRef.Name, suspended.Spec.Suspend = "none", true
	suspended.Spec.EventSources = []notificationv1.CrossNamespaceObjectReference{}
	f.cluster.Create(t, suspended)
	probe := f.probe("old")
	f.eventually("the finalizer is gone", func() bool { f.read(probe.Name, probe); return len(probe.Finalizers) == 0 })
	if told := f.awaitTold(probe.Name, notificationv1beta3.MigrationReason); told.Type != "Normal" {
		t.Errorf("event %+v", told)
	}
	if f.read(suspended.Name, suspended); len(suspended.Finalizers) != 1 {
		t.Error("a suspended Alert was changed")
	}
	if err := f.cluster.Client.Delete(t.Context(), suspended); err != nil {
		t.Fatal(err)
	}
	f.eventually("a suspended Alert that is deleted goes", func() bool {
		return apierrors.IsNotFound(f.cluster.Client.Get(t.Context(), client.ObjectKeyFromObject(suspended), suspended))
	})
}

// TestNotElected serves events on a replica that does not lead.
func TestNotElected(t *testing.T) {
	f := newFixture(t, "--enable-leader-election")
	service := newTarget(t, nil)
	f.alert("web", service.URL, nil)
	f.endpoints = f.start("--enable-leader-election")
	f.accept(f.newEvent("web", "hello"))
	f.eventually("the event arrives", func() bool { return len(service.got()) == 1 })
	if strings.Contains(f.log.String(), "Starting workers") {
		t.Error("the second replica leads: the test shows nothing")
	}
}

// TestPortTaken ends the process with 1 when a port is taken.
func TestPortTaken(t *testing.T) {
	f := newIdleFixture(t)
	var config net.ListenConfig
	taken, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, flag := range []string{"--events-addr=", "--receiverAddr="} {
		program := Program()
		program.Config = f.cluster.Config
		var out bytes.Buffer
		args := []string{"--metrics-addr=0", "--health-addr=0", "--events-addr=127.0.0.1:0", "--receiverAddr=127.0.0.1:0", "--outbox-path=" + t.TempDir(), flag + taken.Addr().String()}
		if code := manager.Run(t.Context(), program, args, &out, &out); code != 1 || !strings.Contains(out.String(), "address already in use") {
			t.Errorf("%s: exit code %d: %s", flag, code, out.String())
		}
	}
}

func TestHTTPMetrics(t *testing.T) {
	cases := map[string]struct {
		reason string
		whole  bool
		want   string
	}{
		"Hidden": {reason: "The path of a receiver is a secret.", want: "/hook/"},
		"Whole":  {reason: "Unless asked for.", whole: true, want: "/hook/abc"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			registry := prometheus.NewRegistry()
			h, err := observe(endpoint{name: "x", metrics: "gotk_receiver", path: "/hook/", handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodPost {
					http.Error(w, "no", http.StatusTooManyRequests)
				}
			})}, tc.whole, registry)
			if err != nil {
				t.Fatal(err)
			}
			for _, method := range []string{http.MethodPost, "FOO"} {
				h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), method, "/hook/abc", nil))
			}
			var text bytes.Buffer
			families, err := registry.Gather()
			if err != nil {
				t.Fatal(err)
			}
			for _, family := range families {
				text.WriteString(family.String())
			}
			for _, want := range []string{"gotk_receiver_http_request_duration_seconds", "gotk_receiver_http_response_size_bytes", `value:"` + tc.want + `"`, `value:"429"`, `value:"other"`} {
				if !strings.Contains(text.String(), want) {
					t.Errorf("%s\nno %s in %s", tc.reason, want, text.String())
				}
			}
			want := "# HELP gotk_receiver_http_requests_inflight The number of inflight requests being handled at the same time.\n" +
				"# TYPE gotk_receiver_http_requests_inflight gauge\n"
			for _, handler := range slices.Compact([]string{"/hook/", tc.want}) { // nobody knows a path before its first success
				want += `gotk_receiver_http_requests_inflight{handler="` + handler + `",service=""} 0` + "\n"
			}
			if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "gotk_receiver_http_requests_inflight"); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestHTTPMetricsFlood shows whole paths while strangers make some up: there is an end to the series.
func TestHTTPMetricsFlood(t *testing.T) {
	registry := prometheus.NewRegistry()
	answer := func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/hook/absent") {
			http.NotFound(w, r)
		}
	}
	h, err := observe(endpoint{name: "x", metrics: "gotk_receiver", path: "/hook/", handler: http.HandlerFunc(answer)}, true, registry)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(path string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hook/", http.NoBody)
		r.URL.Path = path
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	count := func(want int) {
		t.Helper()
		if n, err := testutil.GatherAndCount(registry, "gotk_receiver_http_request_duration_seconds"); err != nil || n != want {
			t.Errorf("%d series, want %d, %v", n, want, err)
		}
	}
	for i := range 2 * maxPaths {
		ask(fmt.Sprint("/hook/absent", i))
	}
	count(1)
	ask("/hook/first")
	count(2) // strangers take no places
	for i := range 2 * maxPaths {
		ask(fmt.Sprint("/hook/", i))
	}
	for _, path := range []string{strings.Repeat("x", maxPathBytes+1), "/hook/\xff", "/hook/first"} {
		ask(path)
	}
	count(maxPaths + 2) // and those of answers 404 and 200 for all others
}
