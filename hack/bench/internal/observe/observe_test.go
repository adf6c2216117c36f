// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/cache"
)

func object(name, ready, revision string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"name": name, "generation": int64(2)},
		"status": map[string]any{
			"observedGeneration":  int64(2),
			"lastAppliedRevision": revision,
			"conditions": []any{map[string]any{
				"type": "Ready", "status": ready, "reason": "Because", "message": "it says so",
			}},
		},
	}}
}

func newWatch() *Watch {
	return &Watch{
		resource: "kustomizations",
		objects:  map[string]*unstructured.Unstructured{}, waiters: map[*waiter]struct{}{},
	}
}

// TestUntil follows two objects of which one falls back before the other is there.
func TestUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, goal := newWatch(), Goal{What: "readiness", Names: []string{"a", "b"}, Reached: Ready}
		w.changed(object("a", "True", "1"))
		start := time.Now()
		go func() {
			for _, o := range []*unstructured.Unstructured{
				object("a", "False", "1"), object("b", "True", "1"), object("other", "False", "1"), object("a", "True", "1"),
			} {
				time.Sleep(time.Second)
				w.changed(o)
			}
		}()
		got, err := w.Until(t.Context(), goal)
		if err != nil || got.Sub(start) != 4*time.Second {
			t.Errorf("reached after %s, error %v, want 4s", got.Sub(start), err)
		}
		if len(w.waiters) != 0 {
			t.Error("the waiter stays behind")
		}
	})
}

func TestExpect(t *testing.T) {
	w := newWatch()
	until := w.Expect(Goal{What: "readiness", Names: []string{"a"}, Reached: Ready})
	w.changed(object("a", "True", "1"))
	w.changed(object("a", "False", "1"))
	if _, err := until(t.Context()); err != nil {
		t.Errorf("what came to pass between the two calls is lost: %v", err)
	}
}

func TestUntilSaysWhatIsMissing(t *testing.T) {
	w := newWatch()
	w.changed(object("a", "False", "main@sha1:1"))
	w.changed(object("b", "True", "1"))
	w.changed(object("d", "True", "1"))
	w.deleted(cache.DeletedFinalStateUnknown{Key: "d", Obj: object("d", "True", "1")})
	gone := errors.New("the controller is gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	_, err := w.Until(ctx, Goal{What: "readiness", Names: []string{"a", "b", "c", "d"}, Reached: Ready})
	if !errors.Is(err, gone) {
		t.Fatalf("error %v, want %v", err, gone)
	}
	for _, want := range []string{
		"wait for readiness", "3 of 4 kustomizations",
		`a: Ready=False Because "it says so", lastAppliedRevision main@sha1:1`, "c: does not exist", "d: does not exist",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
}

func TestReady(t *testing.T) {
	cases := map[string]struct {
		reason string
		change func(*unstructured.Unstructured)
		want   bool
	}{
		"Ready":    {reason: "Ready for the present generation.", change: func(*unstructured.Unstructured) {}, want: true},
		"Old":      {reason: "Ready for an older spec does not count.", change: func(o *unstructured.Unstructured) { o.SetGeneration(3) }},
		"NoStatus": {reason: "Nobody has looked yet.", change: func(o *unstructured.Unstructured) { delete(o.Object, "status") }},
		"Odd": {reason: "Malformed conditions are none.", change: func(o *unstructured.Unstructured) {
			o.Object["status"] = map[string]any{"observedGeneration": int64(2), "conditions": []any{"x"}}
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := object("a", "True", "1")
			tc.change(o)
			if got := Ready(o); got != tc.want {
				t.Errorf("%s\nReady() = %t", tc.reason, got)
			}
		})
	}
}
