// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package ready

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/cli/internal/kinds"
)

// server lists nothing and then shows one object in these states, a minute after each other.
type server struct {
	client.WithWatch

	states []*unstructured.Unstructured
}

func (s *server) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

func (s *server) Watch(ctx context.Context, _ client.ObjectList, _ ...client.ListOption) (watch.Interface, error) {
	w := watch.NewFake()
	go func() {
		defer w.Stop()
		for i, state := range s.states {
			select {
			case <-time.After(time.Minute):
			case <-ctx.Done():
				return
			}
			state.SetResourceVersion(fmt.Sprint(i + 1))
			w.Modify(state)
		}
		<-ctx.Done()
	}()
	return w, nil
}

// state is a Kustomization in its second generation with a Ready condition of a generation.
func state(generation int64, status, reason, message string, more ...string) *unstructured.Unstructured {
	conditions := []any{map[string]any{
		"type": "Ready", "status": status, "reason": reason, "message": message, "observedGeneration": generation,
	}}
	for _, kind := range more {
		conditions = append(conditions, map[string]any{"type": kind, "status": "True", "reason": reason, "message": message, "observedGeneration": generation})
	}
	observed := generation
	if status != "True" && len(more) > 0 && more[0] == "Reconciling" {
		observed = -1
	}
	obj := &unstructured.Unstructured{Object: map[string]any{
		"status": map[string]any{"observedGeneration": observed, "conditions": conditions},
	}}
	obj.SetGroupVersionKind(kind().GroupVersionKind)
	obj.SetUID("1")
	obj.SetNamespace("apps")
	obj.SetName("web")
	obj.SetGeneration(2)
	return obj
}

func kind() kinds.Kind {
	k, _ := kinds.Of("Kustomization")
	return k
}

func TestWait(t *testing.T) {
	cases := map[string]struct {
		reason string
		states []*unstructured.Unstructured
		told   []string
		err    string
		failed bool
	}{
		"Ready": {
			reason: "An object of an earlier generation is waited for.",
			states: []*unstructured.Unstructured{state(1, "True", "ok", "applied"), state(2, "True", "ok", "applied")},
		},
		"Retried": {
			reason: "What is wrong is told once, and the next try may succeed.",
			states: []*unstructured.Unstructured{
				state(2, "False", "BuildFailed", "no such file", "Reconciling"), state(2, "False", "BuildFailed", "no such file", "Reconciling"),
				state(2, "True", "ok", "applied"),
			},
			told: []string{"no such file"},
		},
		"Stalled": {
			reason: "What nobody tries again is not waited for.",
			states: []*unstructured.Unstructured{state(2, "False", "Unsupported", "not supported yet", "Stalled")},
			err:    "not ready: not supported yet",
			failed: true,
		},
		"Missing": {
			reason: "An object that does not come is named.",
			err:    "kustomization 'apps/web' does not exist: timed out",
		},
		"Timeout": {
			reason: "The end of the time comes with what is wrong.",
			states: []*unstructured.Unstructured{state(2, "False", "BuildFailed", "no such file", "Reconciling")},
			told:   []string{"no such file"},
			err:    "timed out: no such file",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Hour, errors.New("timed out"))
				defer cancel()
				var told []string
				key := client.ObjectKey{Namespace: "apps", Name: "web"}
				objects, errs := All(ctx, &server{states: tc.states}, kind(), []client.ObjectKey{key}, func(of client.ObjectKey, message string) {
					if of != key {
						t.Errorf("told about %s", of)
					}
					told = append(told, message)
				})
				got := ""
				if errs[0] != nil {
					got = errs[0].Error()
				} else if objects[0].GetName() != "web" {
					t.Errorf("got %v", objects[0])
				}
				if got != tc.err || errors.Is(errs[0], ErrFailed) != tc.failed || !slices.Equal(told, tc.told) {
					t.Errorf("%s\nerror %q, want %q; told %q, want %q", tc.reason, got, tc.err, told, tc.told)
				}
			})
		})
	}
}
