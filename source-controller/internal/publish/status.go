// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// Texts that people and alerts match. Flux: source-controller contract, "Message catalogue".
const (
	textBuilding    = "building artifact"
	textLost        = "building artifact: disappeared from storage"
	textGeneration  = "processing object: new generation %d -> %d"
	textProgressing = "reconciliation in progress"
)

// Facts are what a run of any kind found out, for its status.
type Facts struct {
	// Order lists the types of conditions that count, the more important first.
	Order []string
	// InStorage is what ArtifactInStorage says of the published artifact.
	InStorage func(*meta.Artifact) (reason, message string)
	// News describes what upstream has and is not published; empty while nothing of that kind is known. NewsReason is its reason in
	// ArtifactOutdated, empty for NewRevision.
	News, NewsReason string
	// Unchanged says that the published artifact is what is wanted.
	Unchanged bool
	// Fetched says that everything was fetched, Built that everything was built: earlier failures of that are over.
	Fetched, Built bool
}

// Succeeded makes of a text with a place for the revision what ArtifactInStorage says of sources that follow revisions.
func Succeeded(text string) func(*meta.Artifact) (reason, message string) {
	return func(a *meta.Artifact) (reason, message string) {
		return meta.SucceededReason, fmt.Sprintf(text, a.Revision)
	}
}

// SetStatus turns the facts of a run and how it ended, or stands, into conditions, and tells of the artifact. It is the part of the status that
// all kinds have.
func SetStatus(f *Files, r reconcile.Result, facts Facts) {
	obj := f.Source
	switch {
	case r.Suspended:
		// It is not stalled any more; all else stays.
		conditions.Delete(obj, meta.StalledCondition)
		return
	case r.Deleting, !obj.GetDeletionTimestamp().IsZero():
		setGone(f)
		return
	}
	setArtifact(f, facts)
	setOutdated(f, r, facts)
	failed := failure(r)
	setFailures(f, r, facts, failed)
	doing, drift := progress(f, facts)
	if r.Running {
		begin(obj, doing, drift)
		return
	}
	conclude(obj, r, doing, failed != "")
	sumUp(obj, facts.Order)
}

// setGone tells that nothing is published any more.
func setGone(f *Files) {
	if !f.Gone {
		return
	}
	*f.Status.Artifact = nil
	if f.Status.URL != nil {
		*f.Status.URL = ""
	}
	conditions.Delete(f.Source, sourcev1.ArtifactInStorageCondition)
}

// setArtifact brings in what storage holds.
func setArtifact(f *Files, facts Facts) {
	if !f.Looked {
		return
	}
	if f.Status.URL != nil {
		*f.Status.URL = f.Link
	}
	switch {
	case f.Stored != nil:
		*f.Status.Artifact = f.Stored
	case !f.Found.Adopted:
		// What is adopted is not told: nobody knows for which settings it was made, and this run makes it again.
		*f.Status.Artifact = f.Found.Artifact
	}
	if *f.Status.Artifact == nil {
		conditions.Delete(f.Source, sourcev1.ArtifactInStorageCondition)
		return
	}
	reason, message := facts.InStorage(*f.Status.Artifact)
	conditions.MarkTrue(f.Source, sourcev1.ArtifactInStorageCondition, reason, "%s", message)
}

// setOutdated says that upstream is ahead of what is published. A run that does not get as far as asking leaves it as it is.
func setOutdated(f *Files, r reconcile.Result, facts Facts) {
	switch {
	case facts.Unchanged, f.Stored != nil, f.Looked && f.Found.Artifact == nil, r.Succeeded():
		conditions.Delete(f.Source, sourcev1.ArtifactOutdatedCondition)
	case facts.News != "":
		conditions.MarkTrue(f.Source, sourcev1.ArtifactOutdatedCondition, cmp.Or(facts.NewsReason, sourcev1.NewRevisionReason), "%s", facts.News)
	}
}

// failure is the type of the condition that tells how the run ended, empty if none does. An ignore file that cannot be read has none.
// Flux: source-controller contract, "Ignore rules".
func failure(r reconcile.Result) string {
	switch {
	case r.Running, r.Class == outcome.Done, r.Reason == sourcev1.SourceIgnoreErrorReason:
		return ""
	case r.Reason == sourcev1.ArchiveOperationFailedReason, r.Reason == sourcev1.DirectoryCreationFailedReason:
		return sourcev1.StorageOperationFailedCondition // in whichever phase: see Fault
	}
	return r.Reports
}

// setFailures sets the condition that the failed phase reports, and removes those that the run disproved. One that is still so is left alone, as
// its time tells since when.
func setFailures(f *Files, r reconcile.Result, facts Facts, failed string) {
	refused := r.Phase == PhaseAccept
	over := map[string]bool{
		// The end of the run tells: what could be read may not be written to.
		sourcev1.StorageOperationFailedCondition: f.Looked && !r.Running,
		// Of what could not be fetched nothing is built, and what is built was fetched.
		sourcev1.FetchFailedCondition: facts.Unchanged || facts.Fetched || refused || failed == sourcev1.BuildFailedCondition,
		sourcev1.BuildFailedCondition: facts.Unchanged || facts.Built || refused || failed == sourcev1.FetchFailedCondition,
		// Nothing of this is looked at by this version, so nothing may stay behind of another one.
		sourcev1.IncludeUnavailableCondition: true,
		sourcev1.SourceVerifiedCondition:     true,
	}
	for _, kind := range facts.Order {
		if over[kind] && kind != failed {
			conditions.Delete(f.Source, kind)
		}
	}
	if failed != "" {
		conditions.MarkTrue(f.Source, failed, cmp.Or(r.Reason, meta.FailedReason), "%s", r.Message())
	}
}

// progress describes what the run is about, and reports whether that is to make an artifact of something new.
func progress(f *Files, facts Facts) (doing string, drift bool) {
	generation, before := f.Source.GetGeneration(), *f.Status.ObservedGeneration
	switch {
	case f.Found.Lost:
		return textLost, true
	case f.Looked && facts.News != "":
		return textBuilding + ": " + facts.News, true
	case f.Looked && f.Found.Artifact == nil:
		return textBuilding, true
	case generation != before:
		return fmt.Sprintf(textGeneration, before, generation), false
	}
	return textProgressing, false
}

// begin says that a run is under way. Ready says so as well for a new artifact, or if it says nothing else. Another attempt at what has failed before
// is not told: to write that, and then the same failure again, would be two writes per attempt for nothing new.
// Flux: source-controller contract, "Per-run skeleton".
func begin(obj Source, doing string, drift bool) {
	if isRetry(obj, doing) {
		return
	}
	conditions.MarkReconciling(obj, meta.ProgressingReason, "%s", doing)
	if drift || !conditions.Has(obj, meta.ReadyCondition) || conditions.IsUnknown(obj, meta.ReadyCondition) {
		conditions.MarkUnknown(obj, meta.ReadyCondition, meta.ProgressingReason, "%s", doing)
	}
}

// isRetry reports whether the last attempt at the same has failed, by what conclude wrote of it.
func isRetry(obj Source, doing string) bool {
	last := conditions.Get(obj, meta.ReconcilingCondition)
	if last == nil || last.Reason != meta.ProgressingWithRetryReason || last.ObservedGeneration != obj.GetGeneration() {
		return false
	}
	return last.Message == doing || strings.HasPrefix(last.Message, doing+": ")
}

// conclude sets Reconciling and Stalled at the end of a run. told is set when another condition tells of a failure, so that Reconciling need not.
func conclude(obj Source, r reconcile.Result, doing string, told bool) {
	switch r.Class {
	case outcome.Done, outcome.Yielded: // a run that yields sets no status
		conditions.Delete(obj, meta.StalledCondition)
		conditions.Delete(obj, meta.ReconcilingCondition)
	case outcome.Stalled:
		conditions.MarkStalled(obj, r.Reason, "%s", r.Message())
	case outcome.Waiting, outcome.Failed, outcome.Unforeseen: // another attempt follows by itself
		if !told {
			doing += ": " + r.Message()
		}
		conditions.MarkReconciling(obj, meta.ProgressingWithRetryReason, "%s", doing)
	}
}

// observed reports whether a result lets the observedGeneration of a source follow its generation.
func observed(o conditions.Getter, r reconcile.Result) bool {
	switch {
	case r.Suspended:
		return len(o.GetConditions()) > 0
	case r.Deleting:
		return false
	}
	return r.Succeeded() || r.Class == outcome.Stalled
}

// negative are the condition types of sources whose presence is bad news.
func negative() []string {
	return []string{
		sourcev1.StorageOperationFailedCondition, sourcev1.FetchFailedCondition, sourcev1.IncludeUnavailableCondition, sourcev1.BuildFailedCondition,
		sourcev1.ArtifactOutdatedCondition, meta.StalledCondition, meta.ReconcilingCondition,
	}
}

// sumUp sets Ready from the other conditions. order lists the types that count, the more important first; it decides among those of the same
// weight. Flux: source-controller contract, "Computing Ready".
func sumUp(obj Source, order []string) {
	conditions.SetSummary(obj, meta.ReadyCondition, conditions.WithConditions(order...), conditions.WithNegativePolarityConditions(negative()...))
}
