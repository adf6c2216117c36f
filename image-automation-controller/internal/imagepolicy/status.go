// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imagepolicy

import (
	"fmt"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/image-automation-controller/internal/verdict"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// setStatus turns the facts of a run and how it ended into status.
func setStatus(s *scope, r reconcile.Result) {
	switch {
	case r.Suspended || r.Deleting:
	case r.Succeeded():
		setDone(s)
	case r.Class == outcome.Waiting, r.IsError():
		verdict.Bad(s.obj, r, verdict.Progress(s.obj, s.obj.Status.ObservedGeneration))
	}
}

// setDone records what was chosen, and what was chosen before if that was something else.
func setDone(s *scope) {
	status := &s.obj.Status
	if status.LatestRef != nil && *status.LatestRef != *s.ref {
		status.ObservedPreviousRef = status.LatestRef
	}
	status.LatestRef = s.ref
	verdict.Good(s.obj, ready(status))
}

// ready tells what was chosen. Flux: image-automation-controller contract, "ImagePolicy", "Reconcile", last but one paragraph.
func ready(status *imagev1.ImagePolicyStatus) string {
	latest, previous := status.LatestRef, status.ObservedPreviousRef
	text := fmt.Sprintf("Latest image tag for %s resolved to %s", latest.Name, latest.Tag)
	if latest.Digest != "" {
		text += " with digest " + latest.Digest
	}
	if previous != nil && *previous != *latest {
		text += fmt.Sprintf(" (previously %s)", previous)
	}
	return text
}
