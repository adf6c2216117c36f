// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"slices"

	"github.com/fluxcd/pkg/ssa/normalize"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/weir-gitops/weir/kit/apply/internal/observe"
)

// contestedAfter is how often in a row an object has to be corrected until its other writer is named.
const contestedAfter = 3

// drifted tells whether the live object differs from the result of the dry-run: in labels, annotations or any top-level field
// but metadata and status. Finalizers and owner references are not ours to judge.
func drifted(live, dryRun *unstructured.Unstructured, ignore []ignorePath) bool {
	if len(ignore) > 0 {
		live, dryRun = live.DeepCopy(), dryRun.DeepCopy()
		for _, path := range slices.Backward(ignore) {
			path.remove(live.Object)
			path.remove(dryRun.Object)
		}
	}
	return !apiequality.Semantic.DeepEqual(live.GetLabels(), dryRun.GetLabels()) ||
		!apiequality.Semantic.DeepEqual(live.GetAnnotations(), dryRun.GetAnnotations()) ||
		!apiequality.Semantic.DeepEqual(content(live), content(dryRun))
}

// content returns the fields that are compared.
func content(u *unstructured.Unstructured) map[string]any {
	if u.GetKind() == "HorizontalPodAutoscaler" {
		// A dry-run of old API servers duplicates metrics (kubernetes/kubernetes#118293).
		if clean := u.DeepCopy(); normalize.DryRunUnstructured(clean) == nil {
			u = clean
		}
	}
	fields := make(map[string]any, len(u.Object))
	for key, value := range u.Object {
		if key != "metadata" && key != "status" {
			fields[key] = value
		}
	}
	return fields
}

// correct counts a correction of an object that was as desired before, and names who keeps changing it.
func (p *Plan) correct(s *step, rec observe.Record) {
	a := p.account
	a.mu.Lock()
	defer a.mu.Unlock()
	post := a.entries[s.id]
	if post == nil {
		return
	}
	post.corrections++
	c := Contested{Entry: s.entry(), Subject: s.subject(), Manager: rec.Writer, Times: post.corrections}
	switch {
	case rec.Owner != p.owner.key() && rec.Owner.Name != "":
		c.Owner = Owner(rec.Owner) // two owners: this will not end by itself
	case post.corrections < contestedAfter:
		return
	}
	p.contested = append(p.contested, c)
}
