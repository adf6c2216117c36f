// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package ocirepository

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

const (
	oldRevision = "v1@sha256:01"
	newRevision = "v1@sha256:02"
)

func oldArtifact() *meta.Artifact {
	return &meta.Artifact{Revision: oldRevision, Digest: "sha256:01", Path: "p", URL: "http://host/p"}
}

func failed(phase, reports, reason string) reconcile.Result {
	return reconcile.Result{Outcome: outcome.Of(outcome.Fail(reason, errors.New("broken"))), Phase: phase, Reports: reports}
}

func stalled(phase, reports, reason string) reconcile.Result {
	return reconcile.Result{Outcome: outcome.Of(outcome.Stall(reason, errors.New("broken"))), Phase: phase, Reports: reports}
}

// earlier are conditions an earlier run left.
func earlier(o *sourcev1.OCIRepository) {
	conditions.MarkTrue(o, sourcev1.FetchFailedCondition, sourcev1.OCIPullFailedReason, "old failure")
	conditions.MarkTrue(o, sourcev1.StorageOperationFailedCondition, sourcev1.ArchiveOperationFailedReason, "old failure")
	conditions.MarkTrue(o, sourcev1.ArtifactOutdatedCondition, sourcev1.NewRevisionReason, "old news")
	conditions.MarkStalled(o, sourcev1.URLInvalidReason, "old failure")
	conditions.MarkFalse(o, sourcev1.SourceVerifiedCondition, sourcev1.VerificationErrorReason, "another version")
}

func TestSetStatus(t *testing.T) {
	stored := "True Succeeded: stored artifact for digest '" + oldRevision + "'"
	news := "new revision '" + newRevision + "' for 'host/app:v1'"
	newer := target{digest: "sha256:02", revision: newRevision, reference: "host/app:v1"}
	same := target{digest: "sha256:01", revision: oldRevision, reference: "host/app:v1"}
	cases := map[string]struct {
		reason string
		before func(*sourcev1.OCIRepository)
		facts  func(*scope)
		result reconcile.Result
		want   map[string]string
	}{
		"FirstProgress": {
			reason: "The first run shows that something is being made.",
			facts:  func(s *scope) { s.looked, s.target = true, newer },
			result: reconcile.Result{Running: true},
			want: map[string]string{
				"Reconciling": "True Progressing: building artifact",
				"Ready":       "Unknown Progressing: building artifact",
			},
		},
		"Success": {
			reason: "A new artifact clears whatever was wrong.",
			before: earlier,
			facts:  func(s *scope) { s.looked, s.fetched, s.target, s.stored = true, true, same, oldArtifact() },
			want:   map[string]string{"ArtifactInStorage": stored, "Ready": stored},
		},
		"Unchanged": {
			reason: "So does a run that finds nothing to do.",
			before: earlier,
			facts: func(s *scope) {
				s.looked, s.unchanged, s.found.Artifact, s.target = true, true, oldArtifact(), same
			},
			want: map[string]string{"ArtifactInStorage": stored, "Ready": stored},
		},
		"Progress": {
			reason: "A new revision is announced while the old artifact stays.",
			facts:  func(s *scope) { s.looked, s.found.Artifact, s.target = true, oldArtifact(), newer },
			result: reconcile.Result{Running: true},
			want: map[string]string{
				"Reconciling":       "True Progressing: building artifact: " + news,
				"Ready":             "Unknown Progressing: building artifact: " + news,
				"ArtifactOutdated":  "True NewRevision: " + news,
				"ArtifactInStorage": stored,
			},
		},
		"Lost": {
			reason: "An artifact that disappeared is not claimed to be there.",
			before: func(o *sourcev1.OCIRepository) {
				o.Status.Artifact, o.Status.URL = oldArtifact(), "http://host/latest"
				conditions.MarkTrue(o, sourcev1.ArtifactInStorageCondition, meta.SucceededReason, "x")
			},
			facts:  func(s *scope) { s.looked, s.found.Lost, s.target = true, true, same },
			result: reconcile.Result{Running: true},
			want: map[string]string{
				"Reconciling": "True Progressing: building artifact: disappeared from storage",
				"Ready":       "Unknown Progressing: building artifact: disappeared from storage",
			},
		},
		"ResolveFailed": {
			reason: "A failure to ask keeps the artifact and says so; nothing is known of being outdated.",
			facts:  func(s *scope) { s.looked, s.found.Artifact = true, oldArtifact() },
			result: failed("resolve", sourcev1.FetchFailedCondition, sourcev1.OCIPullFailedReason),
			want: map[string]string{
				"Reconciling":       "True ProgressingWithRetry: reconciliation in progress",
				"FetchFailed":       "True OCIArtifactPullFailed: broken",
				"Ready":             "False OCIArtifactPullFailed: broken",
				"ArtifactInStorage": stored,
			},
		},
		"FetchFailed": {
			reason: "A layer that cannot be used leaves the artifact outdated.",
			facts:  func(s *scope) { s.looked, s.found.Artifact, s.target = true, oldArtifact(), newer },
			result: failed("fetch", sourcev1.FetchFailedCondition, sourcev1.OCILayerOperationFailedReason),
			want: map[string]string{
				"Reconciling":       "True ProgressingWithRetry: building artifact: " + news,
				"FetchFailed":       "True OCIArtifactLayerOperationFailed: broken",
				"ArtifactOutdated":  "True NewRevision: " + news,
				"Ready":             "False OCIArtifactLayerOperationFailed: broken",
				"ArtifactInStorage": stored,
			},
		},
		"ArchiveFailed": {
			reason: "A full volume is no fault of the registry: what an earlier run said of that goes.",
			before: earlier,
			facts: func(s *scope) {
				s.looked, s.fetched, s.found.Artifact, s.target = true, true, oldArtifact(), newer
			},
			result: failed("archive", sourcev1.StorageOperationFailedCondition, sourcev1.ArchiveOperationFailedReason),
			want: map[string]string{
				"Reconciling":            "True ProgressingWithRetry: building artifact: " + news,
				"StorageOperationFailed": "True ArchiveOperationFailed: broken",
				"Ready":                  "False ArchiveOperationFailed: broken",
				"ArtifactOutdated":       "True NewRevision: " + news,
				"ArtifactInStorage":      stored,
			},
		},
		"IgnoreFile": {
			reason: "An unreadable ignore file has no condition of its own; Ready still tells.",
			facts:  func(s *scope) { s.looked, s.fetched, s.target = true, true, newer },
			result: failed("archive", sourcev1.StorageOperationFailedCondition, sourcev1.SourceIgnoreErrorReason),
			want: map[string]string{
				"Reconciling": "True ProgressingWithRetry: broken",
				"Ready":       "False ProgressingWithRetry: broken",
			},
		},
		"Stalled": {
			reason: "What only a person can mend is said to be so.",
			facts:  func(s *scope) { s.looked = true },
			result: stalled("resolve", sourcev1.FetchFailedCondition, sourcev1.URLInvalidReason),
			want: map[string]string{
				"Stalled":     "True URLInvalid: broken",
				"FetchFailed": "True URLInvalid: broken",
				"Ready":       "False URLInvalid: broken",
			},
		},
		"Unsupported": {
			reason: "A refusal says nothing about the registry.",
			before: func(o *sourcev1.OCIRepository) {
				conditions.MarkTrue(o, sourcev1.FetchFailedCondition, sourcev1.OCIPullFailedReason, "old failure")
			},
			result: stalled(phaseAccept, "", sourcev1.UnsupportedReason),
			want:   map[string]string{"Stalled": "True Unsupported: broken", "Ready": "False Unsupported: broken"},
		},
		"Suspended": {
			reason: "A suspended object is no longer stalled, all else stays.",
			before: func(o *sourcev1.OCIRepository) {
				conditions.MarkFalse(o, meta.ReadyCondition, "X", "old")
				conditions.MarkStalled(o, "X", "old")
			},
			result: reconcile.Result{Suspended: true},
			want:   map[string]string{"Ready": "False X: old"},
		},
		"Deleting": {
			reason: "A deletion writes no status.",
			result: reconcile.Result{Deleting: true},
			want:   map[string]string{},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := &sourcev1.OCIRepository{}
			if tc.before != nil {
				tc.before(o)
			}
			s := start(o, reconcile.Run{})
			if tc.facts != nil {
				tc.facts(s)
			}
			setStatus(s, tc.result)
			got := map[string]string{}
			for _, c := range o.Status.Conditions {
				got[c.Type] = fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// What was made of which settings is written with the artifact, and only then.
func TestObservedSettings(t *testing.T) {
	o := &sourcev1.OCIRepository{}
	o.Spec.Ignore, o.Spec.LayerSelector = new("x"), &sourcev1.OCILayerSelector{MediaType: "a/b"}
	s := start(o, reconcile.Run{})
	s.looked, s.found.Artifact, s.link = true, oldArtifact(), "http://host/latest"
	setStatus(s, failed("fetch", sourcev1.FetchFailedCondition, sourcev1.OCIPullFailedReason))
	if o.Status.ObservedIgnore != nil || o.Status.ObservedLayerSelector != nil || isConfigured(o) || o.Status.URL != "http://host/latest" {
		t.Errorf("after a failure: %+v", o.Status)
	}
	s.stored = oldArtifact()
	setStatus(s, reconcile.Result{})
	if !isConfigured(o) {
		t.Errorf("after a success: %+v", o.Status)
	}
	// An empty text is not the same as none. Flux: source-controller contract, "Ignore".
	o.Spec.Ignore, o.Status.ObservedIgnore = new(""), nil
	if isConfigured(o) {
		t.Error("empty rules are a change")
	}
	s.found.Artifact, s.stored, s.link = nil, nil, ""
	setStatus(s, reconcile.Result{Running: true})
	if o.Status.Artifact != nil || o.Status.URL != "" {
		t.Errorf("after a loss: %+v", o.Status)
	}
}

func TestObserved(t *testing.T) {
	withCondition := &sourcev1.OCIRepository{}
	withCondition.Status.Conditions = []metav1.Condition{{Type: meta.ReadyCondition}}
	cases := map[string]struct {
		reason string
		obj    *sourcev1.OCIRepository
		result reconcile.Result
		want   bool
	}{
		"Success":   {"A good run saw the generation.", withCondition, reconcile.Result{}, true},
		"Stalled":   {"So did one that needs a person.", withCondition, stalled("x", "", "X"), true},
		"Failed":    {"One that is tried again did not.", withCondition, failed("x", "", "X"), false},
		"Suspended": {"A suspended object with a status did.", withCondition, reconcile.Result{Suspended: true}, true},
		"Blank":     {"One without did not.", &sourcev1.OCIRepository{}, reconcile.Result{Suspended: true}, false},
		"Deleting":  {"Nor did one that goes.", withCondition, reconcile.Result{Deleting: true}, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := publish.Observed(tc.obj, tc.result); got != tc.want {
				t.Errorf("%s\ngot %t", tc.reason, got)
			}
		})
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

// A fault of the disk is told without the private path, which is different on every machine.
func TestWithoutPath(t *testing.T) {
	err := fmt.Errorf("unpack: %w", &fs.PathError{Op: "write", Path: "/data/.state/x", Err: errors.New("no space left")})
	if got := withoutPath(err); strings.Contains(got.Error(), "/data") || got.Error() != "write: no space left" {
		t.Errorf("got %v", got)
	}
	if plain := errors.New("x"); !errors.Is(withoutPath(plain), plain) {
		t.Error("other errors stay")
	}
}
