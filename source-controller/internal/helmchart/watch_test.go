// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/event"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
)

// A chart that failed for want of credentials has not to wait for another index.
func TestSettingsChanged(t *testing.T) {
	repository := func(generation int64) *sourcev1.HelmRepository {
		o := &sourcev1.HelmRepository{}
		o.Generation = generation
		return o
	}
	changed := settingsChanged()
	if !changed.Update(event.UpdateEvent{ObjectOld: repository(1), ObjectNew: repository(2)}) {
		t.Error("another spec wakes the charts")
	}
	if changed.Update(event.UpdateEvent{ObjectOld: repository(2), ObjectNew: repository(2)}) {
		t.Error("another status does not")
	}
}
