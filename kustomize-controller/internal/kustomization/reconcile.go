// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"context"
	"fmt"
	"time"

	"github.com/fluxcd/pkg/apis/meta"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/apply"
	"github.com/weir-gitops/weir/kit/artifact/fetch"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/kit/render"
)

// ociRevisionKey is the artifact metadata that holds the revision the artifact was made from.
// OCI image specification, "Pre-Defined Annotation Keys".
const ociRevisionKey = "org.opencontainers.image.revision"

// phaseSource is the name of the phase whose faults are the source's.
const phaseSource = "source"

// scope is what one run knows. Each field names the phase that sets it.
type scope struct {
	obj *kustomizev1.Kustomization
	run reconcile.Run
	// last is what earlier runs of this process left behind for this object.
	last *record
	// first is set in the first run of this process for the object, or the first after it was suspended.
	first bool

	exprs     *apply.Expressions // configure
	artifact  meta.Artifact      // source
	clients   apply.Clients      // connect
	account   string             // connect: the service account that acts, empty for the controller's own identity
	vars      map[string]string  // variables
	hide      []string           // variables: the values that came from Secrets, which no text may show
	unread    error              // variables: why there are none
	rendering string             // compare: all but the artifact that the result depends on, as one hash
	inputs    string             // compare: the same with the artifact
	quiet     bool               // compare: nothing moved since the last run that was done with these inputs
	verify    bool               // compare: it is time to compare every live object in full

	tree      *fetch.Tree   // fetch
	attempted bool          // fetch: the path exists in the artifact
	digest    string        // build: of the rendered content
	set       *apply.Set    // build
	plan      *apply.Plan   // plan
	inventory []apply.Entry // record, then apply and prune
	applied   apply.Changes // apply
	pruned    apply.Changes // prune

	step        step          // the phase that shows in the Reconciling condition
	began       time.Time     // health: when the run began whose objects were waited for, if it was an earlier one
	healthTook  time.Duration // health: set when a wait for health ended well in this run
	healthFault string        // health: why it failed
	unchecked   bool          // health: there was nothing to check
	cancelled   bool          // compare: a wait for the health of other inputs was given up
}

// phases is the normal run. Everything after compare is skipped when nothing moved; only health looks again, as its answer costs nothing.
func (r *Reconciler) phases() []reconcile.Phase[*scope] {
	return []reconcile.Phase[*scope]{
		{Name: "configure", Run: r.configure},
		{Name: phaseSource, Run: r.source},
		{Name: "depends", Run: r.depends},
		{Name: "connect", Run: r.connect},
		{Name: "variables", Run: r.variables},
		{Name: "compare", Run: r.compare},
		{Name: "fetch", Run: r.work(r.fetch)},
		{Name: "build", Run: r.work(r.build)},
		{Name: "plan", Run: r.work(r.makePlan)},
		{Name: "yield", Run: r.work(r.yield)},
		{Name: "record", Run: r.work(r.record)},
		{Name: "apply", Run: r.work(r.apply)},
		{Name: "prune", Run: r.work(r.prune)},
		{Name: "health", Reports: kustomizev1.HealthyCondition, Run: r.health},
	}
}

// deletion is the run of an object that is being deleted.
func (r *Reconciler) deletion() []reconcile.Phase[*scope] {
	return []reconcile.Phase[*scope]{
		{Name: "prune everything", Run: r.pruneAll},
		{Name: "wait for termination", Run: r.awaitTermination},
	}
}

// work makes a phase one that is skipped when nothing moved, and that ends with the timeout of the object.
func (r *Reconciler) work(run func(context.Context, *scope) error) func(context.Context, *scope) error {
	return func(ctx context.Context, s *scope) error {
		if s.quiet {
			return nil
		}
		ctx, cancel := context.WithTimeoutCause(ctx, s.obj.GetTimeout(), fmt.Errorf("not done within the timeout of %s", s.obj.GetTimeout()))
		defer cancel()
		return run(ctx, s)
	}
}

func (r *Reconciler) start(obj *kustomizev1.Kustomization, run reconcile.Run) *scope {
	last := r.records.Of(key(obj))
	s := &scope{obj: obj, run: run, last: last, first: !last.known}
	last.known = true
	return s
}

// release gives back what the run holds.
func (s *scope) release() {
	if s.tree != nil {
		s.tree.Release()
	}
}

func (s *scope) owner() apply.Owner { return render.Owner(s.obj) }

// requested reports whether this run answers a new value of the requestedAt annotation.
func (s *scope) requested() bool {
	return s.run.Requested != ""
}

// checksHealth reports whether the object asks for health checks at all.
func (s *scope) checksHealth() bool {
	return s.obj.Spec.Wait || len(s.obj.Spec.HealthChecks) > 0
}

// originRevision is the upstream revision that the source passes on; empty when it has none.
func (s *scope) originRevision() string {
	return s.artifact.Metadata[ociRevisionKey]
}
