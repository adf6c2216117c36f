// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package publishtest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/fluxcd/pkg/apis/meta"

	kitevents "github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// Kind is a kind of source as the suite sees it.
type Kind struct {
	// New makes an empty object.
	New func() publish.Source
	// Start begins a run of one.
	Start func(publish.Source) Run
	// Old is the published revision, Next what follows it.
	Old, Next string
	// InStorage is the reason of ArtifactInStorage. Stored is the message about a revision, with a verb for it.
	InStorage, Stored string
	// Outdated is the reason of ArtifactOutdated, News the message about a revision.
	Outdated, News string
	// Event is the event about what is published, for the reason NewArtifact or Succeeded.
	Event func(reason string, a *meta.Artifact) kitevents.Event
	// Same and SameText are the reason of the event about an artifact that is what is wanted, and its message, with a verb for the revision.
	Same, SameText string
}

// Run is a run of an object.
type Run struct {
	// Files are those of the object.
	Files *publish.Files
	// Reach sets the facts of the kind.
	Reach func(Reached)
	// SetStatus and Events are the functions of the kind, for this run.
	SetStatus func(reconcile.Result)
	Events    func(before publish.Source, r reconcile.Result) []kitevents.Event
}

// Reached is how far a run got.
type Reached struct {
	// Target is the revision that is wanted, empty while nobody knows.
	Target string
	// Unchanged says that it is published.
	Unchanged bool
	// Fetched says that all of it was fetched and, for a kind that builds, built.
	Fetched bool
}

// Test runs the suite.
func Test(t *testing.T, k Kind) {
	t.Helper()
	t.Run("Status", func(t *testing.T) { testStatus(t, k) })
	t.Run("Repeated", func(t *testing.T) { testRepeated(t, k) })
	t.Run("Artifact", func(t *testing.T) { testArtifact(t, k) })
	t.Run("Events", func(t *testing.T) { testEvents(t, k) })
}

// errBroken is what goes wrong in the suite.
var errBroken = errors.New("broken")

func failed(reports, reason string) reconcile.Result {
	return reconcile.Result{Outcome: outcome.Of(outcome.Fail(reason, errBroken)), Phase: "x", Reports: reports}
}

func stalled(phase, reports, reason string) reconcile.Result {
	return reconcile.Result{Outcome: outcome.Of(outcome.Stall(reason, errBroken)), Phase: phase, Reports: reports}
}

// artifact is one of that revision.
func artifact(revision string) *meta.Artifact {
	return &meta.Artifact{Revision: revision, Digest: "sha256:" + revision, Path: "p", URL: "http://host/p"}
}

// stored is the whole condition about a stored revision, as describe has it.
func (k Kind) stored(revision string) string {
	return "True " + k.InStorage + ": " + fmt.Sprintf(k.Stored, revision)
}

func (k Kind) news() string { return fmt.Sprintf(k.News, k.Next) }

// begin starts a run that has got so far.
func (k Kind) begin(o publish.Source, facts func(*publish.Files), reached Reached) Run {
	run := k.Start(o)
	if facts != nil {
		facts(run.Files)
	}
	run.Reach(reached)
	return run
}

// describe maps the conditions of an object.
func describe(o publish.Source) map[string]string {
	all := map[string]string{}
	for _, c := range o.GetConditions() {
		all[c.Type] = string(c.Status) + " " + c.Reason + ": " + c.Message
	}
	return all
}
