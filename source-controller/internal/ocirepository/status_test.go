// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package ocirepository

import (
	"testing"

	"github.com/fluxcd/pkg/apis/meta"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	kitevents "github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
	"github.com/weir-gitops/weir/source-controller/internal/publish/publishtest"
)

const oldRevision = "v1@sha256:01"

func oldArtifact() *meta.Artifact {
	return &meta.Artifact{Revision: oldRevision, Digest: "sha256:01", Path: "p", URL: "http://host/p"}
}

// begin starts a run of an object, without anything it could work with.
func begin(o *sourcev1.OCIRepository) *scope { return (&Reconciler{}).start(o, reconcile.Run{}) }

func TestFamily(t *testing.T) {
	publishtest.Test(t, publishtest.Kind{
		New: func() publish.Source { return &sourcev1.OCIRepository{} },
		Start: func(o publish.Source) publishtest.Run {
			s := begin(o.(*sourcev1.OCIRepository))
			return publishtest.Run{
				Files: s.files,
				Reach: func(r publishtest.Reached) {
					s.target, s.unchanged, s.fetched = target{revision: r.Target, reference: "host/app:v1"}, r.Unchanged, r.Fetched
				},
				SetStatus: func(r reconcile.Result) { setStatus(s, r) },
				Events: func(before publish.Source, r reconcile.Result) []kitevents.Event {
					return events(before.(*sourcev1.OCIRepository), s, r)
				},
			}
		},
		Old: oldRevision, Next: "v1@sha256:02",
		InStorage: "Succeeded", Stored: "stored artifact for digest '%s'",
		Outdated: "NewRevision", News: "new revision '%s' for 'host/app:v1'",
		Same: "ArtifactUpToDate", SameText: "artifact up-to-date with remote revision: '%s'",
		Event: func(reason string, a *meta.Artifact) kitevents.Event {
			return kitevents.Event{Reason: reason, Message: "stored artifact with revision '" + a.Revision + "' from ''"}
		},
	})
}

// What was made of which settings is written with the artifact, and only then.
func TestObservedSettings(t *testing.T) {
	o := &sourcev1.OCIRepository{}
	o.Spec.Ignore, o.Spec.LayerSelector = new("x"), &sourcev1.OCILayerSelector{MediaType: "a/b"}
	s := begin(o)
	s.files.Looked, s.files.Found.Artifact = true, oldArtifact()
	setStatus(s, reconcile.Result{Running: true})
	if o.Status.ObservedIgnore != nil || o.Status.ObservedLayerSelector != nil || isConfigured(o) {
		t.Errorf("before anything is stored: %+v", o.Status)
	}
	s.files.Stored = oldArtifact()
	setStatus(s, reconcile.Result{})
	if !isConfigured(o) {
		t.Errorf("after a success: %+v", o.Status)
	}
	// An empty text is not the same as none. Flux: source-controller contract, "Ignore".
	o.Spec.Ignore, o.Status.ObservedIgnore = new(""), nil
	if isConfigured(o) {
		t.Error("empty rules are a change")
	}
}

// Annotations that name an origin are told, both or none.
func TestStoredMessage(t *testing.T) {
	o := &sourcev1.OCIRepository{}
	o.Spec.URL, o.Status.Artifact = "oci://host/app", oldArtifact()
	plain := "stored artifact with revision '" + oldRevision + "' from 'oci://host/app'"
	for want, metadata := range map[string]map[string]string{
		plain: {annotationSource: "https://example.com"},
		plain + ", origin source 'https://example.com', origin revision 'main'": {annotationSource: "https://example.com", annotationRevision: "main"},
	} {
		o.Status.Artifact.Metadata = metadata
		if got := storedMessage(o); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
