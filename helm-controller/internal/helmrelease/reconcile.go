// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"github.com/fluxcd/pkg/apis/meta"
	"helm.sh/helm/v3/pkg/chart"
	"k8s.io/apimachinery/pkg/types"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/helm-controller/internal/action"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/helm-controller/internal/storage"
	"github.com/weir-gitops/weir/kit/apply"
	"github.com/weir-gitops/weir/kit/artifact"
	"github.com/weir-gitops/weir/kit/cluster"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// Names of the phases that others tell apart.
const (
	phaseTemplate = "template"
	phaseSource   = "source"
	phaseRelease  = "release"
)

// scope is what one run knows. Each field names the phase that sets it.
type scope struct {
	obj *helmv2.HelmRelease
	run reconcile.Run
	// last is what earlier runs of this process left behind for this object.
	last *record
	// algorithm makes the digests in the status.
	algorithm artifact.Algorithm
	gates     release.Gates

	exprs    *apply.Expressions  // configure
	force    bool                // configure: a forced release is asked for
	reset    bool                // configure: clear failure counters
	chart    *sourcev1.HelmChart // template: as the server answered, if it was written
	artifact meta.Artifact       // source
	values   map[string]any      // values
	metadata *chart.Metadata     // chart: with the version that is released
	digest   string              // chart: of the revision of the source, where it has one
	clients  *cluster.Clients    // connect
	account  types.NamespacedName
	session  *storage.Session // connect
	running  *supersession    // connect

	doing   release.Action // release: what is about to be done while the run is published
	state   release.State  // release: as last determined
	drift   *action.Drift  // release: nil if nobody looked, or nothing is amiss
	checked bool           // release: the cluster agrees with the release
	reports []report       // release: what was done, in order
	told    int            // reports that the status has
}

// phases is the normal run.
func (r *Reconciler) phases() []reconcile.Phase[*scope] {
	return []reconcile.Phase[*scope]{
		{Name: "configure", Run: r.configure},
		{Name: phaseTemplate, Run: r.template},
		{Name: "depends", Run: r.depends},
		{Name: phaseSource, Run: r.source},
		{Name: "values", Run: r.compose},
		{Name: "chart", Run: r.describe},
		{Name: "connect", Run: r.connect},
		{Name: "attempt", Run: r.attempt},
		{Name: phaseRelease, Reports: helmv2.ReleasedCondition, Run: r.release},
	}
}

// deletion is the run of an object that is being deleted.
func (r *Reconciler) deletion() []reconcile.Phase[*scope] {
	return []reconcile.Phase[*scope]{
		{Name: "uninstall", Reports: helmv2.ReleasedCondition, Run: r.uninstallAll},
		{Name: "delete chart", Run: r.leaveChart},
		{Name: "end suspicion", Run: r.endSuspicion},
	}
}

func (r *Reconciler) start(obj *helmv2.HelmRelease, run reconcile.Run) *scope {
	return &scope{obj: obj, run: run, last: r.records.Of(key(obj)), algorithm: r.Algorithm, gates: r.Release}
}

// end gives back what the run holds.
func (r *Reconciler) end(s *scope) {
	r.records.end(s.last)
	if s.session != nil {
		s.session.Close()
	}
}

// did notes what was done, for the status, and tells people about it.
func (s *scope) did(p report) {
	s.reports = append(s.reports, p)
	if e, ok := p.event(s.obj); ok {
		s.run.Emit(e)
	}
}
