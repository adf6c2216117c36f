// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"k8s.io/apimachinery/pkg/types"
)

func TestTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens, err := NewTokens(1, 2*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		fetched := 0
		get := func(key string, life time.Duration) {
			t.Helper()
			if _, _, err := tokens.Get(t.Context(), TokenKey{Credentials: key}, func(context.Context) (string, time.Time, error) {
				fetched++
				return "t", time.Now().Add(life), nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		steps := []struct {
			reason string
			after  time.Duration
			key    string
			life   time.Duration
			want   int
		}{
			{"The first is fetched.", 0, "a", time.Hour, 1},
			{"It is kept.", 47 * time.Minute, "a", time.Hour, 1},
			{"It is used for 80 % of its life.", 2 * time.Minute, "a", 10 * time.Hour, 2},
			{"An hour at most.", 61 * time.Minute, "a", time.Hour, 3},
			{"There is room for one.", 0, "b", time.Hour, 4},
			{"The other is gone.", 0, "a", time.Hour, 5},
		}
		for _, step := range steps {
			time.Sleep(step.after)
			if get(step.key, step.life); fetched != step.want {
				t.Errorf("%s fetched %d", step.reason, fetched)
			}
		}
	})
	none, err := NewTokens(0, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := none.Get(t.Context(), TokenKey{Credentials: "a"}, func(context.Context) (string, time.Time, error) { return "", time.Time{}, errors.New("x") }); err == nil {
		t.Error("the error is lost")
	}
}

// TestTokensDropped: a token that is refused goes, but not the one that came in its place.
func TestTokensDropped(t *testing.T) {
	tokens, err := NewTokens(2, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	key := TokenKey{Credentials: "a"}
	next := "first"
	get := func(want string, wantOld bool) {
		t.Helper()
		token, old, err := tokens.Get(t.Context(), key, func(context.Context) (string, time.Time, error) { return next, time.Now().Add(time.Hour), nil })
		if token != want || old != wantOld || err != nil {
			t.Errorf("got %q, old %t, %v, want %q, old %t", token, old, err, want, wantOld)
		}
	}
	get("first", false)
	next = "second"
	get("first", true)
	tokens.Drop(key, "first")
	get("second", false)
	tokens.Drop(key, "first") // by somebody who was late
	get("second", true)
	none, err := NewTokens(0, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	none.Drop(key, "first")
}

// TestTokenMetrics holds the names and labels of the contract (1.6).
func TestTokenMetrics(t *testing.T) {
	tokens, err := NewTokens(1, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	if err := registry.Register(tokens); err != nil {
		t.Fatal(err)
	}
	get := func(name, credentials string, fails error) {
		t.Helper()
		key := TokenKey{Provider: types.NamespacedName{Namespace: "apps", Name: name}, Credentials: credentials}
		_, _, err := tokens.Get(t.Context(), key, func(context.Context) (string, time.Time, error) { return "t", time.Now().Add(time.Hour), fails })
		if !errors.Is(err, fails) {
			t.Fatal(err)
		}
	}
	get("one", "a", nil)
	get("one", "a", nil)
	get("two", "a", nil)
	get("two", "b", errors.New("no"))
	get("two", "b", nil)
	const others = `
# HELP gotk_token_cache_evictions_total Total number of cache evictions.
# TYPE gotk_token_cache_evictions_total counter
gotk_token_cache_evictions_total 1
# HELP gotk_token_cache_requests_total Total number of cache requests, by status: success, failure.
# TYPE gotk_token_cache_requests_total counter
gotk_token_cache_requests_total{status="failure"} 1
gotk_token_cache_requests_total{status="success"} 4
# HELP gotk_token_cached_items Total number of items in the cache.
# TYPE gotk_token_cached_items gauge
gotk_token_cached_items 1
`
	const head = `
# HELP gotk_token_cache_events_total Total number of cache retrieval events for a Gitops Toolkit resource reconciliation.
# TYPE gotk_token_cache_events_total counter
`
	const one = `gotk_token_cache_events_total{event_type="cache_hit",kind="Provider",name="one",namespace="apps",operation="post"} 1
gotk_token_cache_events_total{event_type="cache_miss",kind="Provider",name="one",namespace="apps",operation="post"} 1
`
	const two = `gotk_token_cache_events_total{event_type="cache_hit",kind="Provider",name="two",namespace="apps",operation="post"} 1
gotk_token_cache_events_total{event_type="cache_miss",kind="Provider",name="two",namespace="apps",operation="post"} 2
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(head+one+two+others)); err != nil {
		t.Error(err)
	}
	tokens.Forget(types.NamespacedName{Namespace: "apps", Name: "one"})
	if err := testutil.GatherAndCompare(registry, strings.NewReader(head+two+others)); err != nil {
		t.Error(err)
	}
}

// TestTokenMetricsEnd lets a Provider end while its token is asked for: no series of it stays, nor comes back.
func TestTokenMetricsEnd(t *testing.T) {
	for what, cached := range map[string]bool{"Fetched": false, "Kept": true} {
		t.Run(what, func(t *testing.T) {
			tokens, err := NewTokens(1, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			key := TokenKey{Provider: types.NamespacedName{Namespace: "apps", Name: "one"}, Credentials: "a"}
			known := true
			tokens.Known = func(_ context.Context, provider types.NamespacedName) bool { return known || provider != key.Provider }
			get := func(meanwhile func()) {
				t.Helper()
				_, _, err := tokens.Get(t.Context(), key, func(context.Context) (string, time.Time, error) {
					meanwhile()
					return "t", time.Now().Add(time.Hour), nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			end := func() {
				known = false
				tokens.Forget(key.Provider)
			}
			if cached {
				get(func() {})
				end()
			}
			get(end)
			if n := testutil.CollectAndCount(tokens, "gotk_token_cache_events_total"); n != 0 {
				t.Errorf("%d series are left", n)
			}
		})
	}
}
