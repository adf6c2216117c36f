// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/kit/testkit"
)

func TestDocument(t *testing.T) {
	obj := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Namespace: "team", Name: "app", UID: "42", ResourceVersion: "7",
		Annotations: map[string]string{"event.toolkit.fluxcd.io/summary": "web shop", "example.com/other": "no"},
	}}
	involved := corev1.ObjectReference{APIVersion: "v1", Kind: "ConfigMap", Namespace: "team", Name: "app", UID: "42", ResourceVersion: "7"}
	cases := map[string]struct {
		reason string
		event  Event
		want   eventv1.Event
	}{
		"Full": {
			reason: "Metadata of the event and annotations meant for events travel together.",
			event: Event{
				Severity: Error, Reason: "BuildFailed", Message: "no such file",
				Metadata: map[string]string{"kustomize.toolkit.fluxcd.io/revision": "main@sha1:0"},
			},
			want: eventv1.Event{
				InvolvedObject: involved, Severity: "error", Reason: "BuildFailed", Message: "no such file",
				Metadata: map[string]string{
					"kustomize.toolkit.fluxcd.io/revision": "main@sha1:0",
					"event.toolkit.fluxcd.io/summary":      "web shop",
				},
				ReportingController: "test-controller",
			},
		},
		"Defaults": {
			reason: "Severity is info, and reason the severity, unless said otherwise.",
			event:  Event{Message: "done"},
			want: eventv1.Event{
				InvolvedObject: involved, Severity: "info", Reason: "info", Message: "done",
				Metadata:            map[string]string{"event.toolkit.fluxcd.io/summary": "web shop"},
				ReportingController: "test-controller",
			},
		},
		"NotificationOnly": {
			reason: "An event for the notification address alone goes there.",
			event:  Event{Message: "done", To: Notification},
			want: eventv1.Event{
				InvolvedObject: involved, Severity: "info", Reason: "info", Message: "done",
				Metadata:            map[string]string{"event.toolkit.fluxcd.io/summary": "web shop"},
				ReportingController: "test-controller",
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			sink := testkit.NewEventSink(t)
			recorder := newRecorder(t, sink.URL, logr.Discard())
			given := tc.event.Metadata
			recorder.Event(obj, tc.event)
			if _, leaked := given["event.toolkit.fluxcd.io/summary"]; leaked {
				t.Error("the caller's metadata was changed")
			}
			run(t, recorder)
			got := sink.Wait(t, func(eventv1.Event) bool { return true })
			if got.ReportingInstance == "" || time.Since(got.Timestamp.Time) > time.Hour {
				t.Errorf("%s\ninstance %q, timestamp %s", tc.reason, got.ReportingInstance, got.Timestamp)
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.IgnoreFields(eventv1.Event{}, "Timestamp", "ReportingInstance")); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestFieldOrder(t *testing.T) {
	// The receiver signs the document as it came, so the order of its fields is part of the contract (notification-controller, section 2).
	recorder := newRecorder(t, "http://localhost", logr.Discard())
	_, body, err := recorder.document(object("app"), Event{Severity: Info, Reason: "r", Message: "a < b", Metadata: map[string]string{"k": "v"}})
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	var keys []string
	for depth, isKey := 0, false; ; {
		token, err := decoder.Token()
		if err != nil {
			break
		}
		switch delim, _ := token.(json.Delim); delim {
		case '{':
			depth++
			isKey = depth == 1
			continue
		case '}':
			depth--
			isKey = depth == 1
			continue
		}
		if key, ok := token.(string); ok && depth == 1 && isKey {
			keys = append(keys, key)
		}
		isKey = depth == 1 && !isKey
	}
	want := []string{"involvedObject", "severity", "timestamp", "message", "reason", "metadata", "reportingController", "reportingInstance"}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

func TestClusterOnly(t *testing.T) {
	sink := testkit.NewEventSink(t)
	recorder := newRecorder(t, sink.URL, logr.Discard())
	recorder.Event(object("trace"), Event{Message: "trace", To: Cluster})
	recorder.Event(object("app"), Event{Message: "done"})
	run(t, recorder)
	sink.Wait(t, func(e eventv1.Event) bool { return e.Message == "done" })
	if events := sink.Events(); len(events) != 1 {
		t.Errorf("%d events posted, want only the one that is no trace", len(events))
	}
}

func TestDelivery(t *testing.T) {
	cases := map[string]struct {
		reason  string
		answers []int
		// want are the messages that arrive when the events "a" and "b" are sent.
		want []string
		// log is what the log says, empty for nothing.
		log string
	}{
		"Accepted": {
			reason: "Events arrive in the order they were recorded.",
			want:   []string{"a", "b"},
		},
		"Unavailable": {
			reason:  "An error of the server is tried again, and holds the order.",
			answers: []int{http.StatusInternalServerError, http.StatusBadGateway},
			want:    []string{"a", "b"},
			log:     "event not delivered yet",
		},
		"Duplicate": {
			reason:  "A 429 says that the receiver has the event: it is not sent again.",
			answers: []int{http.StatusTooManyRequests},
			want:    []string{"b"},
		},
		"Refused": {
			reason:  "A request that the receiver refuses is not sent again.",
			answers: []int{http.StatusBadRequest},
			want:    []string{"b"},
			log:     "notification address answered 400 Bad Request",
		},
		"NotImplemented": {
			reason:  "A 501 will not get better.",
			answers: []int{http.StatusNotImplemented},
			want:    []string{"b"},
			log:     "notification address answered 501 Not Implemented",
		},
		"Restart": {
			reason:  "However long the receiver is away, nothing is lost, and the order holds; the log says so once.",
			answers: slices.Repeat([]int{http.StatusServiceUnavailable}, 20),
			want:    []string{"a", "b"},
			log:     "event not delivered yet",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			sink := testkit.NewEventSink(t)
			sink.Answer(tc.answers...)
			var mu sync.Mutex
			var log strings.Builder
			logger := funcr.New(func(_, args string) {
				mu.Lock()
				defer mu.Unlock()
				log.WriteString(args)
			}, funcr.Options{})
			recorder := newRecorder(t, sink.URL, logger)
			recorder.Event(object("app"), Event{Message: "a"})
			recorder.Event(object("app"), Event{Message: "b"})
			run(t, recorder)
			sink.Wait(t, func(e eventv1.Event) bool { return e.Message == "b" })
			var got []string
			for _, e := range sink.Events() {
				got = append(got, e.Message)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
			mu.Lock()
			defer mu.Unlock()
			if (tc.log == "") != (log.Len() == 0) || tc.log != "" && strings.Count(log.String(), tc.log) != 1 {
				t.Errorf("%s\nlog: %q", tc.reason, log.String())
			}
		})
	}
}

func TestDrain(t *testing.T) {
	sink := testkit.NewEventSink(t)
	recorder := newRecorder(t, sink.URL, logr.Discard())
	for range 50 {
		recorder.Event(object("app"), Event{Message: "last words"})
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := recorder.Start(ended); err != nil {
		t.Fatal(err)
	}
	if got := len(sink.Events()); got != 50 {
		t.Errorf("%d events delivered at the end, want 50", got)
	}
}

// TestOtherObjects makes the receiver refuse the events of one object for as long as the test runs: those of others arrive.
func TestOtherObjects(t *testing.T) {
	var mu sync.Mutex
	var got []string
	arrived := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var e eventv1.Event
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil || e.InvolvedObject.Name == "sick" {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if got = append(got, e.Message); len(got) == 3 {
			close(arrived)
		}
	}))
	defer server.Close()
	registry := prometheus.NewRegistry()
	recorder, err := New(Options{Controller: "c", Address: server.URL, Scheme: clientgoscheme.Scheme, Log: logr.Discard(), Registerer: registry})
	if err != nil {
		t.Fatal(err)
	}
	patient(recorder)
	for range 2 * posters {
		recorder.Event(object("sick"), Event{Message: "lost"})
	}
	for _, message := range []string{"a", "b", "c"} {
		recorder.Event(object("well"), Event{Message: message})
	}
	ctx, end := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = recorder.Start(ctx) })
	<-arrived
	end()
	running.Wait()
	if diff := cmp.Diff([]string{"a", "b", "c"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want := `
# HELP weir_events_dropped_total Events that never reached the notification address, by reason: full, refused, expired, end.
# TYPE weir_events_dropped_total counter
weir_events_dropped_total{reason="end"} 16
# HELP weir_events_queued Events that wait for the notification address.
# TYPE weir_events_queued gauge
weir_events_queued 0
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

// TestRedirects follows those that post the document again, and takes no other for success.
func TestRedirects(t *testing.T) {
	for status, want := range map[int]int{
		http.StatusTemporaryRedirect: 1, http.StatusPermanentRedirect: 1,
		http.StatusMovedPermanently: 0, http.StatusFound: 0, http.StatusSeeOther: 0,
	} {
		sink := testkit.NewEventSink(t)
		server := httptest.NewServer(http.RedirectHandler(sink.URL, status))
		defer server.Close()
		var log strings.Builder
		recorder := newRecorder(t, server.URL, funcr.New(func(_, args string) { log.WriteString(args) }, funcr.Options{}))
		recorder.Event(object("app"), Event{Message: "a"})
		ended, end := context.WithCancel(t.Context())
		end()
		if err := recorder.Start(ended); err != nil {
			t.Fatal(err)
		}
		if got := len(sink.Events()); got != want || strings.Contains(log.String(), fmt.Sprint("answered ", status)) != (want == 0) {
			t.Errorf("%d: %d events, log %q", status, got, log.String())
		}
	}
}

// TestRedirectLoop keeps the document: a loop ends when whoever redirects is set up right.
func TestRedirectLoop(t *testing.T) {
	sink := testkit.NewEventSink(t)
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target := sink.URL
		if asked.Add(1) <= 2*maxRedirects {
			target = "/again"
		}
		http.Redirect(w, r, target, http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	recorder := newRecorder(t, server.URL, logr.Discard())
	run(t, recorder)
	recorder.Event(object("app"), Event{Message: "a"})
	sink.Wait(t, func(e eventv1.Event) bool { return e.Message == "a" })
}

// TestExpired gives up what is too old for anybody to care.
func TestExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := newPoster("http://receiver.invalid", logr.Discard(), nil)
		if err != nil {
			t.Fatal(err)
		}
		p.client.Transport = dead{}
		p.add("app", []byte("{}"))
		ctx, end := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { p.run(ctx) })
		time.Sleep(maxAge - time.Minute)
		if got := p.queue.len(); got != 1 {
			t.Errorf("%d documents before their time is over, want 1", got)
		}
		time.Sleep(2 * time.Minute)
		if got := p.queue.len(); got != 0 {
			t.Errorf("%d documents after their time was over, want 0", got)
		}
		end()
		running.Wait()
	})
}

// dead is an address that never answers.
type dead struct{}

func (dead) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("connection refused")
}

func TestErrorsHideAddress(t *testing.T) {
	var lines strings.Builder
	log := funcr.New(func(_, args string) { lines.WriteString(args) }, funcr.Options{})
	recorder := newRecorder(t, "http://user:hunter2@127.0.0.1:1/?token=hunter2", log)
	recorder.Event(object("app"), Event{Message: "a"})
	ended, end := context.WithCancel(t.Context())
	end()
	if err := recorder.Start(ended); err != nil {
		t.Fatal(err)
	}
	if got := lines.String(); !strings.Contains(got, "event not delivered") || strings.Contains(got, "hunter2") {
		t.Errorf("log %q, want the failure without the secret", got)
	}
}

// TestLongestEnd holds that no part of the end takes longer than what is promised.
func TestLongestEnd(t *testing.T) {
	if quiet, posting := LongestEnd(""), LongestEnd("http://receiver.invalid"); quiet != clusterDrainTimeout || posting < quiet || posting < drainTimeout {
		t.Errorf("%s without address, %s with one", quiet, posting)
	}
}

func TestTruncate(t *testing.T) {
	cases := map[string]struct {
		reason  string
		message string
		want    int
	}{
		"Short":   {reason: "A short message stays as it is.", message: "done", want: 4},
		"Limit":   {reason: "The limit counts characters, not bytes.", message: strings.Repeat("é", maxMessageRunes), want: maxMessageRunes},
		"TooLong": {reason: "A long message is cut to the limit.", message: strings.Repeat("é", maxMessageRunes+1), want: maxMessageRunes},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := utf8.RuneCountInString(truncate(tc.message)); got != tc.want {
				t.Errorf("%s\n%d characters, want %d", tc.reason, got, tc.want)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("a recorder without name and scheme was made")
	}
}

func TestKubernetesEvents(t *testing.T) {
	cluster := testkit.APIServer(t, nil)
	namespace := cluster.Namespace(t, "events")
	recorder, err := New(Options{Controller: "test-controller", Config: cluster.Config, Scheme: clientgoscheme.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	run(t, recorder)
	probe := testkit.ConfigMap(namespace, "probe", nil)
	busy := testkit.ConfigMap(namespace, "busy", nil)
	cluster.Create(t, probe, busy)
	// What comes before the recorder runs is lost.
	testkit.Eventually(t, "Kubernetes Events are recorded", func() bool {
		recorder.Event(probe, Event{Message: "probe"})
		return len(cluster.Events(t, namespace, probe.Name)) > 0
	})
	// More than client-go lets through for one object by default.
	const count = 60
	for i := range count {
		recorder.Event(busy, Event{Severity: Error, Reason: "Failed", Message: strings.Repeat("x", i%5), Metadata: map[string]string{"example.com/n": "1"}})
	}
	testkit.Eventually(t, "all events reach the API server", func() bool {
		var total int32
		for _, e := range cluster.Events(t, namespace, busy.Name) {
			total += e.Count
			if e.Type != corev1.EventTypeWarning || e.Reason != "Failed" || e.Source.Component != "test-controller" || e.Annotations["example.com/n"] != "1" {
				t.Fatalf("event %+v", e)
			}
		}
		return total == count
	})
}

func object(name string) client.Object {
	return testkit.ConfigMap("team", name, nil)
}

// newRecorder retries within milliseconds, so that tests are quick, and has patience with a machine that is not.
func newRecorder(t *testing.T, address string, log logr.Logger) *Recorder {
	t.Helper()
	recorder, err := New(Options{Controller: "test-controller", Address: address, Scheme: clientgoscheme.Scheme, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	patient(recorder)
	recorder.post.minWait = time.Microsecond
	return recorder
}

// patient lets attempts and the end take what a busy machine needs.
func patient(r *Recorder) {
	r.post.drain, r.post.client.Timeout = testkit.Patience, testkit.Patience
}

// run starts the recorder until the test ends.
func run(t *testing.T, recorder *Recorder) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error)
	go func() { ended <- recorder.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("recorder ended: %v", err)
		}
	})
}
