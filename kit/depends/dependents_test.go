// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package depends

import (
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/referrer"
	"github.com/weir-gitops/weir/kit/testkit"
)

func object(name string, ready bool, on ...meta.DependencyReference) *kustomizev1.Kustomization {
	o := &kustomizev1.Kustomization{}
	o.Namespace, o.Name, o.Generation, o.Status.ObservedGeneration = "ns", name, 1, 1
	o.Spec.DependsOn = on
	if ready {
		conditions.MarkTrue(o, meta.ReadyCondition, "Fine", "fine")
	}
	return o
}

func dependents(cache *testkit.Cache, content func(*kustomizev1.Kustomization) bool) *Dependents[*kustomizev1.Kustomization] {
	return &Dependents[*kustomizev1.Kustomization]{
		Kind: &referrer.Kind[*kustomizev1.Kustomization]{
			Reader:  cache,
			New:     func() *kustomizev1.Kustomization { return &kustomizev1.Kustomization{} },
			NewList: func() client.ObjectList { return &kustomizev1.KustomizationList{} },
		},
		Ready:   func(o *kustomizev1.Kustomization) bool { return Ready(o, o.Status.ObservedGeneration) },
		Applied: func(o *kustomizev1.Kustomization) string { return o.Status.LastAppliedRevision },
		Content: content,
	}
}

func TestWaiting(t *testing.T) {
	on := func(name, expr string) meta.DependencyReference {
		return meta.DependencyReference{Name: name, ReadyExpr: expr}
	}
	cache := &testkit.Cache{Objects: []client.Object{
		object("plain", false, on("base", "")), object("done", true, on("base", "")), object("judging", false, on("base", "true")),
		object("judging-other", false, on("base", ""), on("else", "true")), object("stranger", false, on("else", "")),
		object("elsewhere", false, meta.DependencyReference{Namespace: "far", Name: "base"}),
	}}
	cases := map[string]struct {
		reason  string
		ready   bool
		content func(*kustomizev1.Kustomization) bool
		want    []string
	}{
		"Ready":    {reason: "All that name it hear that it is ready.", ready: true, want: []string{"plain", "done", "judging", "judging-other"}},
		"Content":  {reason: "Those that have no use for it are left alone.", ready: true, content: func(o *kustomizev1.Kustomization) bool { return Ready(o, 1) }, want: []string{"plain", "judging", "judging-other"}},
		"NotReady": {reason: "While it is not ready it matters only to those that judge this very one by an expression.", want: []string{"judging"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			d := dependents(cache, tc.content)
			if err := d.Index(t.Context(), cache); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range d.waiting(t.Context(), object("base", tc.ready)) {
				got = append(got, r.Name)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestMatters(t *testing.T) {
	version := func(o *kustomizev1.Kustomization, version, applied string) *kustomizev1.Kustomization {
		o.ResourceVersion, o.Status.LastAppliedRevision = version, applied
		return o
	}
	cases := map[string]struct {
		reason        string
		before, after *kustomizev1.Kustomization
		want          bool
	}{
		"BecomesReady": {reason: "It is ready now.", before: version(object("a", false), "1", "x"), after: version(object("a", true), "2", "x"), want: true},
		"StaysReady":   {reason: "It was ready before.", before: version(object("a", true), "1", "x"), after: version(object("a", true), "2", "x")},
		"OtherApplied": {reason: "Its dependents may wait for what it applied.", before: version(object("a", true), "1", "x"), after: version(object("a", true), "2", "y"), want: true},
		"NotReady":     {reason: "An expression may look at anything.", before: version(object("a", false), "1", "x"), after: version(object("a", false), "2", "x"), want: true},
		"Resync":       {reason: "Nothing changed.", before: version(object("a", false), "1", "x"), after: version(object("a", false), "1", "x")},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := dependents(nil, nil).matters()
			if got := p.Update(event.UpdateEvent{ObjectOld: tc.before, ObjectNew: tc.after}); got != tc.want {
				t.Errorf("%s got %v, want %v", tc.reason, got, tc.want)
			}
			if p.Create(event.CreateEvent{Object: tc.after}) || p.Delete(event.DeleteEvent{Object: tc.after}) {
				t.Error("what comes or goes is not ready for anybody")
			}
		})
	}
}

func TestReferences(t *testing.T) {
	got := References(object("a", false, meta.DependencyReference{Name: "near", ReadyExpr: "true"}, meta.DependencyReference{Namespace: "far", Name: "b"}))
	want := []Reference{
		{NamespacedName: types.NamespacedName{Namespace: "ns", Name: "near"}, ReadyExpr: "true"},
		{NamespacedName: types.NamespacedName{Namespace: "far", Name: "b"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want, +got:\n%s", diff)
	}
}
