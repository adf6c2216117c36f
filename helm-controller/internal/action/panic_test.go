// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package action_test

import (
	"context"
	"testing"

	helmrelease "helm.sh/helm/v3/pkg/release"

	"github.com/weir-gitops/weir/helm-controller/internal/release"
)

// brokenSlot panics where a wait begins, which is in a goroutine of Helm.
type brokenSlot struct{}

func (brokenSlot) Release()                      { panic("oops") }
func (brokenSlot) Acquire(context.Context) error { return nil }

// TestPanic holds that a panic in a goroutine that Helm started is a failure like others: it does not end the process, and is on record.
func TestPanic(t *testing.T) {
	r := newRig(t)
	files := map[string]string{"templates/web.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web}]}
`}
	target := r.target(release.ActionInstall)
	target.Slot = brokenSlot{}
	o, err := r.runner.Install(t.Context(), target, newChart("1.0.0", files), map[string]any{})
	wantError(t, err, "panic in wait: oops")
	if o.Newest == nil || o.Newest.Info.Status != helmrelease.StatusFailed {
		t.Errorf("newest %+v", o.Newest)
	}
	target = r.target(release.ActionUpgrade)
	target.Slot = brokenSlot{}
	o, err = r.runner.Upgrade(t.Context(), target, newChart("1.0.1", files), map[string]any{})
	wantError(t, err, "panic in wait: oops")
	if o.Newest == nil || o.Newest.Version != 2 || o.Newest.Info.Status != helmrelease.StatusFailed {
		t.Errorf("newest %+v", o.Newest)
	}
	target = r.target(release.ActionUpgrade)
	target.Observe = func(w release.Write) {
		if w.Op == release.Updated {
			panic("oops")
		}
	}
	_, err = r.runner.Upgrade(t.Context(), target, tenMaps("1.0.2"), map[string]any{})
	wantError(t, err, "panic in storage, update: oops")
}
