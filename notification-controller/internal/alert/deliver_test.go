// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	eventv1 "github.com/weir-gitops/weir/api/event/v1beta1"
	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	"github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/notification-controller/internal/notify"
	"github.com/weir-gitops/weir/notification-controller/internal/outbox"
)

// cache holds one Alert and one Provider, both in the namespace "apps".
type cache struct {
	client.Reader
	alert    *notificationv1beta3.Alert
	provider *notificationv1beta3.Provider
}

func (c *cache) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	switch o := obj.(type) {
	case *notificationv1beta3.Alert:
		if c.alert != nil && client.ObjectKeyFromObject(c.alert) == key {
			c.alert.DeepCopyInto(o)
			return nil
		}
	case *notificationv1beta3.Provider:
		if c.provider != nil && client.ObjectKeyFromObject(c.provider) == key {
			c.provider.DeepCopyInto(o)
			return nil
		}
	}
	return apierrors.NewNotFound(schema.GroupResource{Resource: "objects"}, key.Name)
}

// service answers attempts with the errors in turn, then takes the message; it says when attempts came.
type service struct {
	errs   []error
	unmade int // so many attempts to make the notifier fail first
	begun  time.Time
	at     []time.Duration
	got    []notify.Message
	slow   bool
	poison bool
}

func (s *service) Notifier(context.Context, *notificationv1beta3.Provider) (notify.Notifier, error) {
	if s.unmade > 0 {
		s.unmade--
		return nil, &notify.Error{Class: notify.Retryable}
	}
	return s, nil
}

func (s *service) Notify(ctx context.Context, m notify.Message) error {
	s.at = append(s.at, time.Since(s.begun))
	if s.poison {
		panic("poison")
	}
	if s.slow {
		<-ctx.Done()
		return ctx.Err()
	}
	if len(s.errs) > 0 {
		err := s.errs[0]
		if len(s.errs) > 1 {
			s.errs = s.errs[1:]
		} else {
			s.errs = nil
		}
		return err
	}
	s.got = append(s.got, m)
	return nil
}

// told keeps events.
type told struct{ events []events.Event }

func (r *told) Event(_ client.Object, e events.Event) { r.events = append(r.events, e) }

func (r *told) reasons() []string {
	list := []string{}
	for _, e := range r.events {
		list = append(list, e.Reason)
	}
	return list
}

func newDispatcher(t *testing.T, c *cache, s *service) (*Dispatcher, *told) {
	t.Helper()
	ids, err := notify.NewStatusIDs()
	if err != nil {
		t.Fatal(err)
	}
	recorder := &told{}
	d, err := New(Options{
		Cached: c, Live: c, Notifiers: s, StatusIDs: ids, Recorder: recorder, MaxAge: time.Hour,
		Registerer: prometheus.NewRegistry(), Clock: time.Now, Log: logr.Discard(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return d, recorder
}

func newCache(edit func(*cache)) *cache {
	c := &cache{
		alert: &notificationv1beta3.Alert{
			ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "all", UID: "1-2"},
			Spec:       notificationv1beta3.AlertSpec{EventMetadata: map[string]string{"env": "test"}},
		},
		provider: &notificationv1beta3.Provider{
			ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "chat", UID: "0c9c2e41-d2f9"},
			Spec:       notificationv1beta3.ProviderSpec{Type: notificationv1beta3.GenericProvider},
		},
	}
	c.alert.Spec.ProviderRef.Name = "chat"
	if edit != nil {
		edit(c)
	}
	return c
}

const body = `{"involvedObject":{"kind":"Kustomization","namespace":"apps","name":"web","apiVersion":"kustomize.toolkit.fluxcd.io/v1"},` +
	`"severity":"error","message":"failed","metadata":{"kustomize.toolkit.fluxcd.io/revision":"main@sha1:1","kustomize.toolkit.fluxcd.io/token":"x"}}`

func TestDeliver(t *testing.T) {
	busy := &notify.Error{Class: notify.Retryable, Status: 503}
	bad := &notify.Error{Class: notify.Permanent, Status: 400}
	later := &notify.Error{Class: notify.Retryable, Status: 429, RetryAfter: 5 * time.Second}
	muchLater := &notify.Error{Class: notify.Retryable, Status: 429, RetryAfter: time.Minute}
	forever := []error{busy, busy, busy, busy, busy, busy, busy}
	second := time.Second
	cases := map[string]struct {
		reason     string
		edit       func(*cache)
		service    service
		age        time.Duration
		wantAt     []time.Duration
		wantSent   int
		wantEvents []string
		// wantTime is how long the delivery holds its place.
		wantTime time.Duration
	}{
		"Taken": {
			reason: "A message that is taken at once leaves no trace.",
			wantAt: []time.Duration{0}, wantSent: 1, wantEvents: []string{},
		},
		"Busy": {
			reason:  "A service that is busy gets the message again, after 2 and 4 s.",
			service: service{errs: []error{busy, busy}},
			wantAt:  []time.Duration{0, 2 * second, 6 * second}, wantSent: 1, wantEvents: []string{}, wantTime: 6 * second,
		},
		"Unavailable503Forever": {
			reason:  "With the default timeout of 15 s there are four attempts; the fifth would come too late.",
			service: service{errs: forever},
			wantAt:  []time.Duration{0, 2 * second, 6 * second, 14 * second}, wantTime: 14 * second,
			wantEvents: []string{notificationv1beta3.NotificationDispatchFailedReason},
		},
		"LongTimeout": {
			reason:  "There are never more than four retries.",
			edit:    func(c *cache) { c.provider.Spec.Timeout = &metav1.Duration{Duration: 5 * time.Minute} },
			service: service{errs: forever},
			wantAt:  []time.Duration{0, 2 * second, 6 * second, 14 * second, 30 * second}, wantTime: 30 * second,
			wantEvents: []string{notificationv1beta3.NotificationDispatchFailedReason},
		},
		"Answer400": {
			reason:  "What the service refuses is not sent again.",
			service: service{errs: []error{bad}},
			wantAt:  []time.Duration{0}, wantEvents: []string{notificationv1beta3.NotificationDispatchFailedReason},
		},
		"RetryAfter": {
			reason:  "The service may say when.",
			service: service{errs: []error{later}},
			wantAt:  []time.Duration{0, 5 * second}, wantSent: 1, wantEvents: []string{}, wantTime: 5 * second,
		},
		"RetryAfterTimeout": {
			reason:  "When that is too late the place is given up at once.",
			service: service{errs: []error{muchLater}},
			wantAt:  []time.Duration{0}, wantEvents: []string{notificationv1beta3.NotificationDispatchFailedReason},
		},
		"Slow": {
			reason:  "A target slower than the timeout ends with the deadline.",
			service: service{slow: true},
			wantAt:  []time.Duration{0}, wantTime: 15 * second, wantEvents: []string{notificationv1beta3.NotificationDispatchFailedReason},
		},
		"Poison": {
			reason:  "An event that makes a notifier panic is told and given up.",
			service: service{poison: true},
			wantAt:  []time.Duration{0}, wantEvents: []string{notificationv1beta3.NotificationDispatchFailedReason},
		},
		"SecretsUnavailable": {
			reason:  "An API server that does not answer counts as an attempt.",
			service: service{unmade: 1},
			wantAt:  []time.Duration{2 * second}, wantSent: 1, wantEvents: []string{}, wantTime: 2 * second,
		},
		"TooOld": {
			reason: "What waited too long for its turn is old news.",
			age:    time.Hour + second, wantEvents: []string{notificationv1beta3.NotificationDispatchFailedReason},
		},
		"ProviderGone": {
			reason: "A Provider that is gone meanwhile is an error.",
			edit:   func(c *cache) { c.provider = nil }, wantEvents: []string{notificationv1beta3.NotificationDispatchFailedReason},
		},
		"ProviderSuspended": {
			reason: "A suspended Provider is skipped silently.",
			edit:   func(c *cache) { c.provider.Spec.Suspend = true }, wantEvents: []string{},
		},
		"AlertGone":      {reason: "An Alert that is gone wants nothing.", edit: func(c *cache) { c.alert = nil }, wantEvents: []string{}},
		"AlertReplaced":  {reason: "One of the same name is another Alert.", edit: func(c *cache) { c.alert.UID = "3" }, wantEvents: []string{}},
		"AlertSuspended": {reason: "A suspended Alert wants nothing.", edit: func(c *cache) { c.alert.Spec.Suspend = true }, wantEvents: []string{}},
		"ServiceAccount": {
			reason:     "A service account needs the feature gate.",
			edit:       func(c *cache) { c.provider.Spec.ServiceAccountName = "cloud" },
			wantEvents: []string{notificationv1beta3.NotificationDispatchFailedReason},
		},
		"StatusExpression": {
			reason: "An expression that does not compile is an error.",
			edit: func(c *cache) {
				c.provider.Spec.Type, c.provider.Spec.CommitStatusExpr = notificationv1beta3.GitHubProvider, "nobody.name"
			},
			wantEvents: []string{notificationv1beta3.NotificationDispatchFailedReason},
		},
		"Conflict": {
			reason: "A key from two places is told, and the message is sent.",
			edit:   func(c *cache) { c.alert.Spec.EventMetadata["revision"] = "x" },
			wantAt: []time.Duration{0}, wantSent: 1, wantEvents: []string{notificationv1beta3.MetadataAppendFailedReason},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := tc.service
				s.begun = time.Now()
				c := newCache(nil)
				to := target(c.alert)
				if tc.edit != nil {
					tc.edit(c)
				}
				d, recorder := newDispatcher(t, c, &s)
				if err := d.Deliver(t.Context(), outbox.Entry{Body: []byte(body), Accepted: time.Now().Add(-tc.age)}, to); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(s.begun); took != tc.wantTime {
					t.Errorf("%s\nit took %s, want %s", tc.reason, took, tc.wantTime)
				}
				if diff := cmp.Diff(tc.wantAt, s.at); diff != "" {
					t.Errorf("%s\nattempts (-want +got):\n%s", tc.reason, diff)
				}
				if diff := cmp.Diff(tc.wantEvents, recorder.reasons()); diff != "" {
					t.Errorf("%s\nevents (-want +got):\n%s", tc.reason, diff)
				}
				if len(s.got) != tc.wantSent {
					t.Errorf("%s\n%d messages, want %d", tc.reason, len(s.got), tc.wantSent)
				}
				for _, e := range recorder.events {
					if e.Severity != events.Error || e.To != events.Cluster {
						t.Errorf("event %+v, want a warning in the cluster alone", e)
					}
				}
			})
		})
	}
}

func TestMessage(t *testing.T) {
	c := newCache(func(c *cache) { c.provider.Spec.Type = notificationv1beta3.GitHubProvider })
	s := &service{}
	d, _ := newDispatcher(t, c, s)
	if err := d.Deliver(t.Context(), outbox.Entry{Body: []byte(body), Accepted: time.Now()}, target(c.alert)); err != nil || len(s.got) != 1 {
		t.Fatalf("%d messages, error %v", len(s.got), err)
	}
	got := s.got[0]
	if diff := cmp.Diff(map[string]string{"env": "test", "revision": "main@sha1:1"}, got.Event.Metadata); diff != "" {
		t.Errorf("metadata is merged, without prefixes and token (-want +got):\n%s", diff)
	}
	if got.StatusID != "kustomization/web/0c9c2e41" || got.Event.Severity != eventv1.SeverityError {
		t.Errorf("message %+v", got)
	}
}

// TestDeliverEnds ends the process in the middle of the attempts: nothing is told, and the outbox keeps the event.
func TestDeliverEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := newCache(nil), &service{slow: true, begun: time.Now()}
		d, recorder := newDispatcher(t, c, s)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := d.Deliver(ctx, outbox.Entry{Body: []byte(body), Accepted: time.Now()}, target(c.alert))
		if !errors.Is(err, context.DeadlineExceeded) || len(recorder.events) != 0 {
			t.Errorf("error %v, events %v", err, recorder.reasons())
		}
	})
}

func TestConflictAnnotations(t *testing.T) {
	c, s := newCache(nil), &service{}
	d, recorder := newDispatcher(t, c, s)
	d.tell(c.alert, "Reason", "text", map[string]string{"env": "a, b", "no key of Kubernetes!": "c", "Upper": "d"})
	if diff := cmp.Diff(map[string]string{"env": "a, b", "Upper": "d"}, recorder.events[0].Metadata); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
}

// TestHugeEvent delivers an event whose sender wrote as much as it may wherever it may: what is logged and told of it has a size that others read.
func TestHugeEvent(t *testing.T) {
	long := strings.Repeat("x", 100<<10)
	metadata := map[string]string{}
	for i := range 5000 { // each from two places
		metadata[fmt.Sprintf("event.toolkit.fluxcd.io/key-%d", i)], metadata[fmt.Sprintf("k/key-%d", i)] = "1", "2"
	}
	body, err := json.Marshal(eventv1.Event{
		InvolvedObject: corev1.ObjectReference{Kind: long, Namespace: long, Name: long, APIVersion: "k/v1"}, Severity: eventv1.SeverityError, Reason: long, Message: long,
		Metadata: metadata,
	})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	c, s := newCache(nil), &service{errs: []error{errors.New(long)}}
	d, recorder := newDispatcher(t, c, s)
	d.Log = funcr.New(func(_, args string) { log.WriteString(args) }, funcr.Options{})
	if err := d.Deliver(t.Context(), outbox.Entry{Body: body, Accepted: time.Now()}, target(c.alert)); err != nil {
		t.Fatal(err)
	}
	if want := []string{notificationv1beta3.MetadataAppendFailedReason, notificationv1beta3.NotificationDispatchFailedReason}; !slices.Equal(recorder.reasons(), want) {
		t.Errorf("told %v, want %v", recorder.reasons(), want)
	}
	for _, e := range recorder.events {
		if len(e.Message) > maxToldBytes || len(e.Metadata) > maxAnnotations {
			t.Errorf("told %d bytes and %d annotations", len(e.Message), len(e.Metadata))
		}
	}
	if log.Len() > 64<<10 {
		t.Errorf("%d bytes of log", log.Len())
	}
}

func TestFailedNamesObject(t *testing.T) {
	c, s := newCache(func(c *cache) { c.provider = nil }), &service{}
	d, recorder := newDispatcher(t, c, s)
	if err := d.Deliver(t.Context(), outbox.Entry{Body: []byte(body), Accepted: time.Now()}, target(newCache(nil).alert)); err != nil {
		t.Fatal(err)
	}
	text := recorder.events[0].Message
	if !strings.Contains(text, "Kustomization/apps/web") || !strings.Contains(text, "apps/chat") {
		t.Errorf("message %q names neither object nor cause", text)
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("a dispatcher without anything was made")
	}
}
