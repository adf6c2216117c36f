// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	eventv1 "github.com/weir-gitops/weir/api/event/v1beta1"
	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/testkit"
)

// TestEndToEnd follows an event from the emitter's request to the payload at the service.
func TestEndToEnd(t *testing.T) {
	f := newFixture(t)
	service := newTarget(t, nil)
	f.alert("web", service.URL, func(a *notificationv1beta3.Alert, _ *notificationv1beta3.Provider) {
		a.Spec.EventMetadata = map[string]string{"env": "test"}
	})
	e := f.newEvent("web", "a < b")
	e.Metadata[sourceGroup+"token"], e.Metadata[sourceGroup+"digest"], e.Metadata["foreign/key"] = "x", "y", "z"
	e.Metadata["event.toolkit.fluxcd.io/summary"] = "web shop"
	f.accept(e)
	if status := f.post(f.events, e); status != http.StatusTooManyRequests {
		t.Errorf("status %d for a duplicate, want 429", status)
	}
	f.eventually("the event arrives", func() bool { return len(service.got()) == 1 })
	want := `{"involvedObject":{"kind":"GitRepository","namespace":"` + f.namespace + `","name":"web","uid":"u","apiVersion":"source.toolkit.fluxcd.io/v1"},` +
		`"severity":"error","timestamp":"2022-09-30T06:40:29Z","message":"a \u003c b","reason":"GitOperationFailed",` +
		`"metadata":{"env":"test","revision":"main@sha1:5394cb7f48332b2de7c17dd8b8384bbc84b7e738","summary":"web shop"},"reportingController":"source-controller"}`
	if diff := cmp.Diff(want, service.got()[0]); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}
	if got := service.header.Get("gotk-component"); got != "source-controller" {
		t.Errorf("header gotk-component %q", got)
	}
	if events := f.told("web"); len(events) != 0 {
		t.Errorf("nothing went wrong, and the Alert was told %v", events)
	}
}

// row is a line of the contract's section 13, "Event server", or of the part of "Provider" that does not belong to one service. All of them are
// answered with 202 and tell the Alert, if anybody.
type row struct {
	reason string
	// address is that of the target unless set.
	address string
	secret  map[string]string
	more    map[string]string // a second Secret with the name <row>-more
	edit    func(*notificationv1beta3.Alert, *notificationv1beta3.Provider)
	event   func(*eventv1.Event)
	answer  func(w http.ResponseWriter, r *http.Request)
	// want are the reason that the Alert is told and texts that are part of it; none when it is told nothing.
	want []string
	// wantSent is the number of requests that the target gets; with timed it is the most, as a busy machine may not come to it in time.
	wantSent int
	timed    bool
}

// busy answers that it is, and the second time that it will be for longer than any Provider waits.
func busy() func(w http.ResponseWriter, _ *http.Request) {
	var asked atomic.Int64
	return func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) > 1 {
			w.Header().Set("Retry-After", "36000")
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

func timeout(d time.Duration) *metav1.Duration { return &metav1.Duration{Duration: d} }

func rows() map[string]row {
	const failed = notificationv1beta3.NotificationDispatchFailedReason
	certificate := func(_ *notificationv1beta3.Alert, p *notificationv1beta3.Provider) {
		p.Spec.CertSecretRef = &meta.LocalObjectReference{Name: p.Name + "-more"}
	}
	labelled := func(a *notificationv1beta3.Alert, _ *notificationv1beta3.Provider) {
		a.Spec.EventSources[0].MatchLabels = map[string]string{"team": "blue"}
	}
	return map[string]row{
		"no-match": {
			reason: "An event that no Alert wants is accepted.",
			edit: func(a *notificationv1beta3.Alert, _ *notificationv1beta3.Provider) {
				a.Spec.EventSources[0].Name = "other"
			},
		},
		"suspended-alert": {
			reason: "A suspended Alert is skipped.",
			edit:   func(a *notificationv1beta3.Alert, _ *notificationv1beta3.Provider) { a.Spec.Suspend = true },
		},
		"star-namespace": {
			reason: "A star is accepted as namespace and never matches.",
			edit: func(a *notificationv1beta3.Alert, _ *notificationv1beta3.Provider) {
				a.Spec.EventSources[0].Namespace = "*"
			},
		},
		"missing-provider": {
			reason: "A missing Provider is told.",
			edit: func(a *notificationv1beta3.Alert, _ *notificationv1beta3.Provider) {
				a.Spec.ProviderRef.Name = "absent"
			},
			want: []string{failed, "GitRepository/", "/missing-provider", "absent", "not found"},
		},
		"suspended-provider": {
			reason: "A suspended Provider is skipped silently.",
			edit:   func(_ *notificationv1beta3.Alert, p *notificationv1beta3.Provider) { p.Spec.Suspend = true },
		},
		"missing-secret": {
			reason: "A missing Secret is told.",
			edit: func(_ *notificationv1beta3.Alert, p *notificationv1beta3.Provider) {
				p.Spec.SecretRef = &meta.LocalObjectReference{Name: "absent"}
			},
			want: []string{failed, "absent"},
		},
		"bad-inclusion": {
			reason: "A broken expression in the inclusion list lets nothing through.",
			edit: func(a *notificationv1beta3.Alert, _ *notificationv1beta3.Provider) {
				a.Spec.InclusionList = []string{"("}
			},
			want: []string{notificationv1beta3.InvalidConfigReason, "inclusionList"},
		},
		"bad-exclusion": {
			reason: "A broken expression in the exclusion list excludes nothing.",
			edit: func(a *notificationv1beta3.Alert, _ *notificationv1beta3.Provider) {
				a.Spec.ExclusionList = []string{"("}
			},
			want: []string{notificationv1beta3.InvalidConfigReason, "exclusionList"}, wantSent: 1,
		},
		"labels-gone": {
			reason: "Labels of an object that is gone cannot match.", edit: labelled,
			want: []string{notificationv1beta3.SourceFetchFailedReason, "not found"},
		},
		"labels-no-version": {
			reason: "Neither can those of an event without apiVersion.", edit: labelled,
			event: func(e *eventv1.Event) { e.InvolvedObject.APIVersion = "" },
			want:  []string{notificationv1beta3.SourceFetchFailedReason, "apiVersion"},
		},
		"labels-unusable": {
			reason: "Labels that are none are told.",
			edit: func(a *notificationv1beta3.Alert, _ *notificationv1beta3.Provider) {
				a.Spec.EventSources[0].MatchLabels = map[string]string{"no label": "!"}
			},
			want: []string{notificationv1beta3.InvalidConfigReason, "matchLabels"},
		},
		"severity": {
			reason: "An Alert for errors wants no news.",
			edit: func(a *notificationv1beta3.Alert, _ *notificationv1beta3.Provider) {
				a.Spec.EventSeverity = eventv1.SeverityError
			},
			event: func(e *eventv1.Event) { e.Severity = eventv1.SeverityInfo },
		},
		"answer-400": {
			reason: "A refusal is told after one attempt, with status and body, and without the address.",
			answer: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no such channel", http.StatusBadRequest) },
			want:   []string{failed, "400", "no such channel"}, wantSent: 1,
		},
		"answer-503": {
			reason: "A target that is busy for ever is tried again as long as that can be within the timeout.",
			edit: func(_ *notificationv1beta3.Alert, p *notificationv1beta3.Provider) {
				p.Spec.Timeout = timeout(time.Minute)
			},
			answer: busy(),
			want:   []string{failed, "503"}, wantSent: 2,
		},
		"slow": {
			reason: "A target slower than the timeout ends with the deadline.",
			edit: func(_ *notificationv1beta3.Alert, p *notificationv1beta3.Provider) {
				p.Spec.Timeout = timeout(2 * time.Second)
			},
			answer: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			want:   []string{failed, "deadline"}, wantSent: 1, timed: true,
		},
		"unsupported": {
			reason: "A service that this version does not have is refused.",
			edit: func(_ *notificationv1beta3.Alert, p *notificationv1beta3.Provider) {
				p.Spec.Type = notificationv1beta3.MatrixProvider
			},
			want: []string{failed, "'matrix' is not supported yet"},
		},
		"service-account": {
			reason: "A service account needs the feature gate.",
			edit: func(_ *notificationv1beta3.Alert, p *notificationv1beta3.Provider) {
				p.Spec.ServiceAccountName = "cloud"
			},
			want: []string{failed, "ObjectLevelWorkloadIdentity"},
		},
		"relative-address": {
			reason: "An address that is no absolute URL is told.", address: "no/url",
			want: []string{failed},
		},
		"long-address": {
			reason: "The address of a Secret has the same limit.", secret: map[string]string{"address": "http://x/" + strings.Repeat("x", 2048)},
			want: []string{failed, "address"},
		},
		"bad-headers": {
			reason: "Headers that are no map of texts are told.", secret: map[string]string{"headers": "[hunter2]"},
			want: []string{failed, "headers"},
		},
		"bad-proxy": {
			reason: "A proxy that does not parse is told.", secret: map[string]string{"proxy": "http://user:hunter2@exa mple"},
			want: []string{failed, "proxy"},
		},
		"proxy-without-address": {
			reason: "A proxy Secret needs an address.", more: map[string]string{"username": "hunter2"},
			edit: func(_ *notificationv1beta3.Alert, p *notificationv1beta3.Provider) {
				p.Spec.ProxySecretRef = &meta.LocalObjectReference{Name: p.Name + "-more"}
			},
			want: []string{failed, "address"},
		},
		"garbage-ca":     {reason: "An authority that is none is told.", more: map[string]string{"ca.crt": "hunter2"}, edit: certificate, want: []string{failed, "CA certificate"}},
		"half-pair":      {reason: "Half a pair is told.", more: map[string]string{"tls.crt": "hunter2"}, edit: certificate, want: []string{failed, "tls.key"}},
		"no-certificate": {reason: "A certificate Secret without any known key is told.", more: map[string]string{"x": "hunter2"}, edit: certificate, want: []string{failed, "ca.crt"}},
		"hmac-without-token": {
			reason: "A signature needs a token.",
			edit: func(_ *notificationv1beta3.Alert, p *notificationv1beta3.Provider) {
				p.Spec.Type = notificationv1beta3.GenericHMACProvider
			},
			want: []string{failed, "token"},
		},
		"status-expression": {
			reason: "An expression that does not compile is told.", address: "https://github.com/org/repo",
			edit: func(_ *notificationv1beta3.Alert, p *notificationv1beta3.Provider) {
				p.Spec.Type, p.Spec.CommitStatusExpr = notificationv1beta3.GitHubProvider, "nobody.name + ''"
			},
			want: []string{failed, "commitStatusExpr"},
		},
		"conflict": {
			reason: "A key from two places is told, with both as annotation, and the event is sent.",
			edit: func(a *notificationv1beta3.Alert, _ *notificationv1beta3.Provider) {
				a.Spec.EventMetadata = map[string]string{"revision": "x"}
			},
			want: []string{notificationv1beta3.MetadataAppendFailedReason, "revision (Alert object .spec.eventMetadata, involved object controller metadata)"}, wantSent: 1,
		},
	}
}

// TestBadInputEventServer walks the rows. What is not told must be shown to be over before "nothing happened" means anything: another Alert
// wants all events, and gets each only after all Alerts were looked at; what is told arrives in the order in which it happened, so that in the end
// one more fault is; and the controller ends only when everything that was queued is sent.
func TestBadInputEventServer(t *testing.T) {
	f := newIdleFixture(t)
	f.drain = testkit.Patience
	f.endpoints = f.start()
	control := newTarget(t, nil)
	f.alert("control", control.URL, func(a *notificationv1beta3.Alert, _ *notificationv1beta3.Provider) {
		a.Spec.EventSources[0].Name = "*"
	})
	silent := make(map[string]*target)
	for name, tc := range rows() {
		service := newTarget(t, tc.answer)
		if len(tc.want) == 0 {
			silent[name] = service
		}
		t.Run(name, func(t *testing.T) { f.in(t).walk(name, tc, service, control) })
	}
	f.alert("last", control.URL, func(a *notificationv1beta3.Alert, _ *notificationv1beta3.Provider) {
		a.Spec.ProviderRef.Name = "absent"
	})
	f.accept(f.newEvent("last", "hello"))
	f.awaitTold("last", notificationv1beta3.NotificationDispatchFailedReason)
	f.stop()
	for name, service := range silent {
		if events := f.told(name); len(events) != 0 || len(service.got()) != 0 {
			t.Errorf("%s: the Alert was told %v, the service %q", name, events, service.got())
		}
	}
	if strings.Contains(f.log.String(), "hunter2") {
		t.Error("a secret is in the log")
	}
}

// walk posts the event of a row and looks at what comes of it.
func (f *fixture) walk(name string, tc row, service, control *target) {
	f.t.Helper()
	f.prepare(name, service.URL, tc)
	e := f.newEvent(name, "hello")
	if tc.event != nil {
		tc.event(&e)
	}
	f.accept(e)
	f.eventually("the event is routed", func() bool {
		return strings.Contains(strings.Join(control.got(), ""), fmt.Sprintf("%q", name))
	})
	if len(tc.want) == 0 {
		return
	}
	told := f.awaitTold(name, tc.want[0])
	for _, text := range tc.want[1:] {
		if !strings.Contains(told.Message, text) {
			f.t.Errorf("%s\n%q does not say %q", tc.reason, told.Message, text)
		}
	}
	if strings.Contains(told.Message, "hunter2") || told.Type != corev1.EventTypeWarning || told.InvolvedObject.Kind != notificationv1beta3.AlertKind {
		f.t.Errorf("%s\nevent %+v", tc.reason, told)
	}
	f.eventually("the target has its requests", func() bool { return tc.timed || len(service.got()) >= tc.wantSent })
	if sent := len(service.got()); sent > tc.wantSent {
		f.t.Errorf("%s\n%d requests, want %d", tc.reason, sent, tc.wantSent)
	}
}

// prepare creates what a row needs.
func (f *fixture) prepare(name, address string, tc row) {
	f.t.Helper()
	if tc.secret != nil {
		f.cluster.Create(f.t, testkit.Secret(f.namespace, name, tc.secret))
	}
	if tc.more != nil {
		f.cluster.Create(f.t, testkit.Secret(f.namespace, name+"-more", tc.more))
	}
	if tc.address != "" {
		address = tc.address
	}
	f.alert(name, address, func(a *notificationv1beta3.Alert, p *notificationv1beta3.Provider) {
		if tc.secret != nil {
			p.Spec.SecretRef = &meta.LocalObjectReference{Name: name}
		}
		if tc.edit != nil {
			tc.edit(a, p)
		}
	})
}

func TestMatchLabels(t *testing.T) {
	f := newFixture(t)
	service := newTarget(t, nil)
	for name, team := range map[string]string{"blue": "blue", "red": "red"} {
		repo := &sourcev1.GitRepository{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name, Labels: map[string]string{"team": team}}}
		repo.Spec.URL, repo.Spec.Interval.Duration = "https://example.com/x", time.Hour
		f.cluster.Create(t, repo)
	}
	f.alert("team", service.URL, func(a *notificationv1beta3.Alert, _ *notificationv1beta3.Provider) {
		a.Spec.EventSources = []notificationv1.CrossNamespaceObjectReference{{Kind: "GitRepository", Name: "*", MatchLabels: map[string]string{"team": "blue"}}}
	})
	f.accept(f.newEvent("red", "hello"))
	f.accept(f.newEvent("blue", "hello"))
	f.eventually("the event about the blue one arrives", func() bool { return len(service.got()) == 1 })
	f.eventually("that about the red one has no taker", func() bool { return strings.Contains(f.log.String(), "no alert wants the event") })
	if got := service.got(); len(got) != 1 || !strings.Contains(got[0], `"blue"`) {
		t.Errorf("the service got %q", got)
	}
}

func TestCrossNamespaceBlocked(t *testing.T) {
	f := newFixture(t, "--no-cross-namespace-refs")
	service := newTarget(t, nil)
	f.alert("foreign", service.URL, func(a *notificationv1beta3.Alert, _ *notificationv1beta3.Provider) {
		a.Spec.EventSources[0].Namespace = "elsewhere"
	})
	e := f.newEvent("foreign", "hello")
	e.InvolvedObject.Namespace = "elsewhere"
	f.accept(e)
	told := f.awaitTold("foreign", notificationv1beta3.NotificationDispatchFailedReason)
	if !strings.Contains(told.Message, "GitRepository/elsewhere/foreign") || !strings.Contains(told.Message, "cross-namespace references have been blocked") || len(service.got()) != 0 {
		t.Errorf("told %q, sent %q", told.Message, service.got())
	}
}

func TestCrossNamespace(t *testing.T) {
	f := newFixture(t)
	service := newTarget(t, nil)
	f.alert("foreign", service.URL, func(a *notificationv1beta3.Alert, _ *notificationv1beta3.Provider) {
		a.Spec.EventSources[0].Namespace = "elsewhere"
	})
	e := f.newEvent("foreign", "hello")
	e.InvolvedObject.Namespace = "elsewhere"
	f.accept(e)
	f.eventually("the event arrives", func() bool { return len(service.got()) == 1 })
}

// TestRestart ends the controller while the service takes nothing: the next one delivers what was accepted.
func TestRestart(t *testing.T) {
	f := newIdleFixture(t)
	f.drain = time.Millisecond // no use in waiting for it
	path := "--outbox-path=" + t.TempDir()
	f.endpoints = f.start(path)
	reached := make(chan struct{}, 100)
	var dead atomic.Bool
	dead.Store(true)
	service := newTarget(t, func(_ http.ResponseWriter, r *http.Request) {
		if dead.Load() {
			reached <- struct{}{}
			<-r.Context().Done()
		}
	})
	f.alert("web", service.URL, func(_ *notificationv1beta3.Alert, p *notificationv1beta3.Provider) {
		p.Spec.Timeout = timeout(time.Minute)
	})
	for i := range 10 {
		f.accept(f.newEvent("web", fmt.Sprint("message ", i)))
	}
	<-reached
	f.stop()
	dead.Store(false)
	before := len(service.got())
	f.endpoints = f.start(path)
	f.eventually("everything is delivered", func() bool { return len(service.got()) == before+10 })
	for i, body := range service.got()[before:] {
		if !strings.Contains(body, fmt.Sprintf(`"message %d"`, i)) {
			t.Errorf("delivery %d is %s: the order is lost", i, body)
		}
	}
	if events := f.told("web"); len(events) != 0 {
		t.Errorf("the Alert was told %v", events)
	}
}
