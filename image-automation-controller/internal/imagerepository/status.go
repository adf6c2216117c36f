// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imagerepository

import (
	"fmt"

	"github.com/weir-gitops/weir/image-automation-controller/internal/verdict"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// Texts that people and alerts match. Flux: image-automation-controller contract, "ImageRepository", "Reconcile".
const (
	textReady    = "successful scan: found %d tags with checksum %s"
	textScanning = "scanning: %s"
)

// setStatus turns the facts of a run and how it ended, or stands, into status. Where the tags are lost Ready is taken back while the run goes on,
// so that policies see it come again.
func setStatus(s *scope, r reconcile.Result) {
	switch {
	case r.Suspended || r.Deleting:
	case r.Running:
		verdict.Running(s.obj, progress(s), s.lost)
	case r.Succeeded():
		setDone(s)
	case r.IsError():
		verdict.Bad(s.obj, r, progress(s))
	}
}

// progress describes what the run is about.
func progress(s *scope) string {
	if s.reason != "" {
		return fmt.Sprintf(textScanning, s.reason)
	}
	return verdict.Progress(s.obj, s.obj.Status.ObservedGeneration)
}

// setDone records what a complete run saw.
func setDone(s *scope) {
	status := &s.obj.Status
	if s.result != nil {
		status.LastScanResult = s.result
	}
	status.CanonicalImageName, status.ObservedExclusionList = s.name.String(), exclusions(s.obj)
	verdict.Good(s.obj, fmt.Sprintf(textReady, status.LastScanResult.TagCount, status.LastScanResult.Revision))
}
