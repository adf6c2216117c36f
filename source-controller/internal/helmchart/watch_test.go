// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
)

// What of a source wakes its charts.
func TestSourceChanged(t *testing.T) {
	repository := func(generation int64, revision string) client.Object {
		o := &sourcev1.HelmRepository{}
		o.Generation = generation
		if revision != "" {
			o.Status.Artifact = &meta.Artifact{Revision: revision}
		}
		return o
	}
	tree := func(generation int64) client.Object {
		o := &sourcev1.GitRepository{}
		o.Generation = generation
		return o
	}
	cases := map[string]struct {
		reason        string
		before, after client.Object
		want          bool
	}{
		"Artifact": {"Another artifact does.", repository(1, "a"), repository(1, "b"), true},
		"First":    {"So does a first one.", repository(1, ""), repository(1, "a"), true},
		"Gone":     {"One that goes does not.", repository(1, "a"), repository(1, ""), false},
		"Spec":     {"A chart that failed for want of credentials has not to wait for another index.", repository(1, "a"), repository(2, "a"), true},
		"Status":   {"Anything else is no news.", repository(2, "a"), repository(2, "a"), false},
		"Tree":     {"Another spec of a tree is none before there is another artifact.", tree(1), tree(2), false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := sourceChanged().Update(event.UpdateEvent{ObjectOld: tc.before, ObjectNew: tc.after}); got != tc.want {
				t.Errorf("%s\ngot %t", tc.reason, got)
			}
		})
	}
}
