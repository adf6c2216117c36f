// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package ocirepository

import (
	"fmt"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	kitevents "github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// Annotations of manifests that tell where the content comes from. OCI image specification, "Annotations".
const (
	annotationSource   = "org.opencontainers.image.source"
	annotationRevision = "org.opencontainers.image.revision"
)

// events lists what a run has to tell.
func events(before *sourcev1.OCIRepository, s *scope, r reconcile.Result) []kitevents.Event {
	return publish.Events(before, s.files, r, publish.News{Stored: func(reason string) kitevents.Event {
		return kitevents.Event{Reason: reason, Message: storedMessage(s.obj)}
	}})
}

// storedMessage names the artifact and, if it says so, what it was made of. Flux: source-controller contract, "Which events".
func storedMessage(o *sourcev1.OCIRepository) string {
	a := o.Status.Artifact
	message := fmt.Sprintf("stored artifact with revision '%s' from '%s'", a.Revision, o.Spec.URL)
	source, revision := a.Metadata[annotationSource], a.Metadata[annotationRevision]
	if source != "" && revision != "" {
		message += fmt.Sprintf(", origin source '%s', origin revision '%s'", source, revision)
	}
	return message
}
