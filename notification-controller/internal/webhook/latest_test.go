// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
)

// TestBehind posts while the cache is behind the API server, as right after somebody saw that the Receiver is ready.
func TestBehind(t *testing.T) {
	named := func(name string, edit ...func(*notificationv1.Receiver)) notificationv1.Receiver {
		return receiver("generic", append(edit, func(r *notificationv1.Receiver) { r.Name = name })...)
	}
	ready := named("rcv")
	suspended := func(r *notificationv1.Receiver) { r.Spec.Suspend = true }
	older := func(r *notificationv1.Receiver) { r.CreationTimestamp = metav1.Unix(1, 0) }
	cases := map[string]struct {
		reason       string
		cached, live []notificationv1.Receiver
		namespace    string
		faults       []error
		unread       []error
		want         int
		looks, reads int
	}{
		"New":     {reason: "The cache has not heard of it.", live: []notificationv1.Receiver{named("other"), ready}, want: http.StatusOK, looks: 1},
		"Known":   {reason: "What the cache has costs no request.", cached: []notificationv1.Receiver{ready}, want: http.StatusOK},
		"Resumed": {reason: "It was suspended a moment ago.", cached: []notificationv1.Receiver{named("rcv", suspended)}, live: []notificationv1.Receiver{ready}, want: http.StatusOK, reads: 1},
		"Ready": {
			reason: "It was not ready a moment ago.",
			cached: []notificationv1.Receiver{named("rcv", func(r *notificationv1.Receiver) { conditions.MarkFalse(r, meta.ReadyCondition, "x", "x") })},
			live:   []notificationv1.Receiver{ready}, want: http.StatusOK, reads: 1,
		},
		"Unusable": {reason: "It is suspended still, which costs no list.", cached: []notificationv1.Receiver{named("rcv", suspended)}, want: http.StatusServiceUnavailable, reads: 1},
		"Unread": {
			reason: "It was resumed while the API server was busy.", cached: []notificationv1.Receiver{named("rcv", suspended)},
			live: []notificationv1.Receiver{ready}, unread: []error{syscall.ECONNREFUSED}, want: http.StatusOK, reads: 1,
		},
		"Unreadable": {
			reason: "What is known of it is that it takes no requests.", cached: []notificationv1.Receiver{named("rcv", suspended)},
			unread: slices.Repeat([]error{syscall.ECONNREFUSED}, 99), want: http.StatusServiceUnavailable,
		},
		"Replaced": {
			reason: "Another one has the path now.", cached: []notificationv1.Receiver{named("rcv", suspended)},
			live:   []notificationv1.Receiver{named("rcv", func(r *notificationv1.Receiver) { r.Status.WebhookPath = "" }), named("heir")},
			unread: []error{apierrors.NewNotFound(schema.GroupResource{}, "rcv")}, want: http.StatusOK, looks: 1,
		},
		"Suspended": {reason: "It is suspended.", live: []notificationv1.Receiver{named("rcv", suspended)}, want: http.StatusServiceUnavailable, looks: 1},
		"Gone": {
			reason: "It has given up the path.", cached: []notificationv1.Receiver{named("rcv", suspended)},
			live: []notificationv1.Receiver{named("rcv", func(r *notificationv1.Receiver) { r.Status.WebhookPath = "" })}, want: http.StatusNotFound, looks: 1, reads: 1,
		},
		"Oldest": {
			reason: "The path is that of the oldest, here too.",
			live:   []notificationv1.Receiver{ready, named("first", older, suspended)}, want: http.StatusServiceUnavailable, looks: 1,
		},
		"Elsewhere": {reason: "Receivers of other namespaces are none of this process.", namespace: "other", live: []notificationv1.Receiver{ready}, want: http.StatusNotFound, looks: 1},
		"Own":       {reason: "Those of its own are.", namespace: "apps", live: []notificationv1.Receiver{ready}, want: http.StatusOK, looks: 1},
		"Passing":   {reason: "The API server is busy.", live: []notificationv1.Receiver{ready}, faults: []error{syscall.ECONNREFUSED}, want: http.StatusOK, looks: 1},
		"Fault":     {reason: "Contract, 7.4: nobody can tell.", live: []notificationv1.Receiver{ready}, faults: []error{errors.New("x")}, want: http.StatusInternalServerError},
		"Endless":   {reason: "As above.", faults: slices.Repeat([]error{syscall.ECONNREFUSED}, 99), want: http.StatusInternalServerError},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, c := newHandlerIn(t, tc.namespace, tc.cached...)
				for i := range tc.live { // whatever the name, the path is that of the request
					if tc.live[i].Status.WebhookPath != "" && tc.live[i].Name != "other" {
						tc.live[i].Status.WebhookPath = ready.Status.WebhookPath
					}
				}
				c.newer, c.faults = tc.live, map[string][]error{"look": tc.faults, "receiver": tc.unread}
				begun := time.Now()
				if got := post(t, h, ready.Status.WebhookPath, nil, "{}"); got != tc.want || c.looks != tc.looks || c.reads != tc.reads {
					t.Errorf("%s got %d after %d looks and %d reads, want %d, %d and %d", tc.reason, got, c.looks, c.reads, tc.want, tc.looks, tc.reads)
				}
				if woken := len(c.take()) > 0; woken != (tc.want == http.StatusOK) {
					t.Errorf("%s woken: %t", tc.reason, woken)
				}
				if took := time.Since(begun); took > 10*time.Second {
					t.Errorf("%s took %s, senders wait 10s", tc.reason, took)
				}
			})
		})
	}
}

// TestFlood asks for paths that do not exist, more of them than anybody should: the API server hardly notices, a Receiver that the cache does not have
// yet is found among them, and nobody waits for long.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const strangers, seconds = 50, 10
		ready := receiver("generic")
		h, c := newHandler(t)
		c.newer = []notificationv1.Receiver{ready}
		begun := time.Now()
		var group sync.WaitGroup
		ask := func(path string, want int) {
			asked := time.Now()
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, http.NoBody))
			if took := time.Since(asked); w.Code != want || took > time.Second {
				t.Errorf("got %d after %s, want %d", w.Code, took, want)
			}
		}
		for i := range strangers {
			group.Go(func() {
				for n := 0; time.Since(begun) < seconds*time.Second; n++ {
					ask(Path(fmt.Sprint(i, n), "x", "y"), http.StatusNotFound)
					time.Sleep(40 * time.Millisecond)
				}
			})
		}
		for range seconds {
			time.Sleep(time.Second - 5*time.Millisecond)
			ask(ready.Status.WebhookPath, http.StatusOK)
		}
		group.Wait()
		if most := looksBurst + looksPerSecond*(seconds+1); c.looks > most {
			t.Errorf("%d looks, want at most %d", c.looks, most)
		}
		before := c.looks
		for _, path := range []string{"/", "/hook/", "/hook/x", ready.Status.WebhookPath + "?a=b", ready.Status.WebhookPath + "0", "/hook/" + fmt.Sprintf("%064X", 10)} {
			ask(path, http.StatusNotFound)
		}
		if c.looks != before {
			t.Error("a path that no Receiver can have was looked for")
		}
	})
}

// TestSlowLooks asks for paths that do not exist while the API server answers slowly: only one request to it is under way, and nobody waits for more
// than the look that is under way and the next one.
func TestSlowLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const strangers, slow, lasts = 50, 2 * time.Second, 20 * time.Second
		ready := receiver("generic")
		h, c := newHandler(t)
		c.newer = []notificationv1.Receiver{ready}
		var now, most atomic.Int32
		c.looking = func() {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(slow)
			now.Add(-1)
		}
		begun := time.Now()
		var group sync.WaitGroup
		ask := func(path string, want int) {
			asked := time.Now()
			if got := post(t, h, path, nil, ""); got != want || time.Since(asked) > 2*slow+time.Second {
				t.Errorf("got %d after %s, want %d", got, time.Since(asked), want)
			}
		}
		for i := range strangers {
			group.Go(func() {
				for n := 0; time.Since(begun) < lasts; n++ {
					ask(Path(fmt.Sprint(i, n), "x", "y"), http.StatusNotFound)
					time.Sleep(time.Duration(i) * time.Millisecond)
				}
			})
		}
		time.Sleep(lasts / 2)
		ask(ready.Status.WebhookPath, http.StatusOK)
		group.Wait()
		if most.Load() != 1 {
			t.Errorf("%d looks at once", most.Load())
		}
	})
}

// TestLookOutlivesSender: who comes first looks for all that came with it, even if it goes away itself.
func TestLookOutlivesSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ready := receiver("generic")
		h, c := newHandler(t)
		c.newer = []notificationv1.Receiver{ready}
		for range looksBurst { // so that the next has to wait for its turn
			post(t, h, Path("no", "such", "path"), nil, "")
		}
		ctx, leave := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodPost, ready.Status.WebhookPath, http.NoBody))
		})
		synctest.Wait()
		leave()
		if got := post(t, h, ready.Status.WebhookPath, nil, ""); got != http.StatusOK {
			t.Errorf("got %d", got)
		}
		group.Wait()
	})
}

// TestPanic lets the code fail on an object: the others are woken, and the process goes on.
func TestPanic(t *testing.T) {
	for what, name := range map[string]string{"Named": "fleet", "Selected": all} {
		t.Run(what, func(t *testing.T) {
			rcv := receiver("generic", func(r *notificationv1.Receiver) {
				first := r.Spec.Resources[0]
				first.Name, first.MatchLabels = name, map[string]string{"team": "red"}
				second := first
				second.Name, second.Namespace = "other", "team"
				r.Spec.Resources = []notificationv1.ReceiverResource{first, second}
			})
			h, c := newHandler(t, rcv)
			c.pages = [][]string{{"fleet"}}
			c.poison = "fleet"
			if got := post(t, h, rcv.Status.WebhookPath, nil, "{}"); got != http.StatusInternalServerError {
				t.Errorf("got %d", got)
			}
			if woken := c.take(); !slices.Equal(woken, []string{"GitRepository/team/other"}) {
				t.Errorf("woken %v", woken)
			}
		})
	}
}
