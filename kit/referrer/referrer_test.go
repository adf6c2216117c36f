// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package referrer

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/kit/access"
	"github.com/weir-gitops/weir/kit/testkit"
)

// pod is an object of the kind of these tests: pods that name what they take from in a label.
func pod(name string, priority int32, from string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, Labels: map[string]string{"from": from}},
		Spec:       corev1.PodSpec{Priority: &priority},
	}
}

func names(requests []ctrl.Request) []string {
	list := []string{}
	for _, r := range requests {
		list = append(list, r.String())
	}
	return list
}

func TestConfigs(t *testing.T) {
	cache := &testkit.Cache{Objects: []client.Object{pod("late", 2, "vars"), pod("other", 0, "else"), pod("early", 1, "vars"), pod("none", 0, "")}}
	var told []string
	configs := Configs[*corev1.Pod]{
		Kind: &Kind[*corev1.Pod]{
			Reader:  cache,
			New:     func() *corev1.Pod { return &corev1.Pod{} },
			NewList: func() client.ObjectList { return &corev1.PodList{} },
			Rank:    func(p *corev1.Pod) int { return int(*p.Spec.Priority) },
		},
		Refs: func(p *corev1.Pod) []access.Reference {
			if p.Labels["from"] == "" {
				return nil
			}
			return []access.Reference{{Kind: "ConfigMap", Namespace: p.Namespace, Name: p.Labels["from"]}}
		},
		News: func(objects []*corev1.Pod, changed access.Reference) {
			for _, p := range objects {
				told = append(told, changed.String()+" to "+p.Name)
			}
		},
	}
	vars := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "vars"}}
	if got := configs.users("ConfigMap")(t.Context(), vars); len(got) > 0 {
		t.Errorf("without its index nothing is found, and nothing breaks: %v", got)
	}
	if err := configs.Index(t.Context(), cache); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ns/early", "ns/late"}, names(configs.users("ConfigMap")(t.Context(), vars))); diff != "" {
		t.Errorf("the users of a ConfigMap, by rank: -want, +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"ConfigMap/ns/vars to early", "ConfigMap/ns/vars to late"}, told); diff != "" {
		t.Errorf("who is told before it is queued: -want, +got:\n%s", diff)
	}
	if got := configs.users("Secret")(t.Context(), vars); len(got) > 0 {
		t.Errorf("a Secret of that name is another object: %v", got)
	}
}
