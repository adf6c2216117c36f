// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	helmrelease "helm.sh/helm/v3/pkg/release"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/action"
	"github.com/weir-gitops/weir/helm-controller/internal/kube"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
)

// statusDeployed is the status of a revision that is in force, as snapshots show it.
const statusDeployed = string(helmrelease.StatusDeployed)

// act runs one action, records what it wrote to storage in the history, and reports it. An error ends the run; an action that failed after it
// changed storage is no error here, as the next look at the release sees what came of it. An error with a reason means that the action did not
// begin. Flux: helm-controller contract, section 7.6.
func (r *Reconciler) act(ctx context.Context, s *scope, d release.Decision) error {
	switch d.Action {
	case release.ActionInstall, release.ActionUpgrade:
		return r.deploy(ctx, s, d.Action)
	case release.ActionTest:
		return r.test(ctx, s)
	case release.ActionRollback:
		return r.rollback(ctx, s, d.Target)
	case release.ActionUninstallRemediation:
		return r.remove(ctx, s)
	case release.ActionUnlock:
		return r.unlock(ctx, s)
	case release.ActionUninstall:
		return r.uninstall(ctx, s, s.obj.Status.History.Latest())
	case release.ActionCorrectDrift:
		return r.correctDrift(ctx, s)
	case release.ActionNone:
	}
	return fmt.Errorf("no way to run action %q", d.Action)
}

// announce writes the status before an action: what was done so far, and what is about to be done.
func (s *scope) announce(ctx context.Context, a release.Action) error {
	s.doing = a
	return s.run.Publish(ctx)
}

// deploy installs or upgrades.
func (r *Reconciler) deploy(ctx context.Context, s *scope, a release.Action) error {
	loaded, err := r.load(ctx, s)
	if err != nil {
		return err
	}
	st := &s.obj.Status
	st.LastAttemptedReleaseAction = helmv2.ReleaseAction(a)
	policy, run := release.UpgradePolicy(s.obj, s.gates), r.Runner.Upgrade
	if a == release.ActionInstall {
		st.History = nil
		policy, run = release.InstallPolicy(s.obj, s.gates), r.Runner.Install
	}
	s.did(report{action: a, begins: true})
	if err := s.announce(ctx, a); err != nil {
		return err
	}
	s.last.known = false
	o, fault := run(ctx, r.target(ctx, s, a), loaded, cloneValues(s.values))
	s.last.known = o.Newest == nil
	st.History = release.Record(st.History, o.Writes, release.Made{Action: a, Algorithm: s.algorithm, OCIDigest: s.digest})
	st.LastAttemptedReleaseActionDuration = &metav1.Duration{Duration: o.Took.Round(time.Millisecond)}
	s.list(o.Newest, definitionsOf(o))
	if fault == nil {
		if policy.RetryOnFailure {
			release.ClearFailures(st)
		}
		s.did(report{action: a, untested: testsEnabled(s.obj)}.about(st.History.Latest()))
		return nil
	}
	// Neither a process that goes down nor something newer is the fault of the release.
	interrupted := ctx.Err() != nil || errors.Is(fault, kube.ErrSuperseded)
	if !interrupted {
		release.CountFailure(st, o.Newest != nil)
	}
	s.did(report{
		action: a, fault: fault, logs: o.Logs, quiet: interrupted,
		release:  s.obj.GetReleaseNamespace() + "/" + release.FullReleaseName(s.obj),
		chart:    s.metadata.Name + "@" + s.metadata.Version,
		metadata: s.attemptMetadata(),
	})
	if interrupted || o.Newest == nil {
		return fault
	}
	return nil
}

// test runs the test hooks of the newest revision.
func (r *Reconciler) test(ctx context.Context, s *scope) error {
	s.did(report{action: release.ActionTest, begins: true})
	if err := s.announce(ctx, release.ActionTest); err != nil {
		return err
	}
	st := &s.obj.Status
	o, fault := r.Runner.Test(ctx, r.target(ctx, s, release.ActionTest))
	if fault != nil && ctx.Err() != nil {
		return fault // the process goes down: nothing is known of the tests, and the next one runs them again
	}
	history, err := release.RecordTest(st.History, o.Writes, s.obj.Spec.Test.Filters, s.algorithm)
	if err == nil {
		st.History = history
	}
	latest := st.History.Latest()
	p := report{action: release.ActionTest, fault: errors.Join(fault, err), logs: o.Logs}.about(latest)
	if p.fault == nil {
		p.tests = testsRun(latest)
		s.did(p)
		return nil
	}
	release.CountFailure(st, release.HasBeenTested(latest) && !release.IgnoreTestFailures(s.obj, s.gates))
	s.did(p)
	if err != nil || len(o.Writes) == 0 || !release.HasBeenTested(latest) {
		return p.fault
	}
	return nil
}

func testsRun(s *helmv2.Snapshot) int {
	if s.TestHooks == nil {
		return 0
	}
	return len(*s.TestHooks)
}

// rollback goes back to an earlier revision.
func (r *Reconciler) rollback(ctx context.Context, s *scope, to *helmv2.Snapshot) error {
	if to.Name != release.Name(s.obj) || to.Namespace != s.obj.GetReleaseNamespace() {
		return fmt.Errorf("roll back to %s: %w", release.FullName(to), release.ErrMismatch)
	}
	if err := s.announce(ctx, release.ActionRollback); err != nil {
		return err
	}
	st := &s.obj.Status
	t := r.target(ctx, s, release.ActionRollback)
	t.Intent.OCIDigest = to.OCIDigest
	o, fault := r.Runner.Rollback(ctx, t, to.Version)
	st.History = release.Record(st.History, o.Writes, release.Made{Action: release.ActionRollback, Algorithm: s.algorithm, OCIDigest: to.OCIDigest})
	s.listRollback(o.Newest)
	p := report{action: release.ActionRollback, fault: fault, logs: o.Logs}.about(to)
	p.metadata = metadata(to.ChartVersion, st.LastAttemptedConfigDigest, to.AppVersion, to.OCIDigest)
	return s.remediated(ctx, p, o)
}

// remove uninstalls a release that failed, so that the next attempt installs it.
func (r *Reconciler) remove(ctx context.Context, s *scope) error {
	latest := s.obj.Status.History.Latest()
	if latest == nil {
		return errors.New("there is no revision on record to uninstall")
	}
	if err := s.announce(ctx, release.ActionUninstallRemediation); err != nil {
		return err
	}
	st := &s.obj.Status
	o, fault := r.Runner.UninstallRemediation(ctx, r.target(ctx, s, release.ActionUninstallRemediation))
	st.History = release.Record(st.History, o.Writes, release.Made{Action: release.ActionUninstallRemediation, Algorithm: s.algorithm})
	if fault == nil {
		st.Inventory = nil
	}
	return s.remediated(ctx, report{action: release.ActionUninstallRemediation, fault: fault, logs: o.Logs}.about(latest), o)
}

// remediated reports a remediation. Its fault ends the run only if storage is as it was, or while objects are left that have to go.
func (s *scope) remediated(ctx context.Context, p report, o action.Outcome) error {
	p.quiet = ctx.Err() != nil || errors.Is(p.fault, kube.ErrSuperseded)
	if p.fault != nil && !p.quiet {
		release.CountFailure(&s.obj.Status, false)
	}
	s.did(p)
	if p.fault != nil && (p.quiet || len(o.Writes) == 0 || isUnfinished(o)) {
		return p.fault
	}
	return nil
}

// isUnfinished tells whether storage holds a revision that is about to go. After a hook that failed Helm has forgotten it all the same.
func isUnfinished(o action.Outcome) bool {
	return o.Newest != nil && o.Newest.Info.Status == helmrelease.StatusUninstalling && !slices.ContainsFunc(o.Writes, func(w release.Write) bool {
		return w.Op == release.Deleted && w.Revision.Version == o.Newest.Version
	})
}

// unlock marks a revision as failed whose action was interrupted.
func (r *Reconciler) unlock(ctx context.Context, s *scope) error {
	st := &s.obj.Status
	was, unlocked, o, fault := r.Runner.Unlock(ctx, r.target(ctx, s, release.ActionUnlock))
	st.History = release.Record(st.History, o.Writes, release.Made{Action: release.ActionUnlock, Algorithm: s.algorithm})
	if fault != nil {
		release.CountFailure(st, false)
	}
	if was == nil || fault == nil && !unlocked {
		return fault // it went away, or came to its end, by itself
	}
	s.did(report{
		action: release.ActionUnlock, fault: fault, logs: o.Logs, was: string(was.Info.Status),
		release: was.FullName(), chart: was.VersionedChart(),
		metadata: snapshotMetadata(was.Snapshot(release.Made{Algorithm: s.algorithm})),
	})
	return fault
}

// uninstall removes the release that the session of the run is about. Without a snapshot an uninstall is brought to its end that somebody else
// has begun. Flux: helm-controller contract, section 7.6 and quirk Q3.
func (r *Reconciler) uninstall(ctx context.Context, s *scope, latest *helmv2.Snapshot) error {
	st := &s.obj.Status
	t := r.target(ctx, s, release.ActionUninstall)
	p := report{action: release.ActionUninstall, release: t.Namespace + "/" + t.Name}
	if latest != nil {
		t.Name, t.Namespace = latest.Name, latest.Namespace
		p = p.about(latest)
	}
	o, fault := r.Runner.Uninstall(ctx, t)
	st.History = release.Record(st.History, o.Writes, release.Made{Action: release.ActionUninstall, Algorithm: s.algorithm})
	p.note, fault = lenient(fault, p.release)
	if fault == nil && latest != nil && p.note == "" && !concerns(o, latest) {
		fault = release.ErrMismatch
	}
	p.fault, p.logs = fault, o.Logs
	if fault == nil {
		st.Inventory = nil
		s.did(p)
		return nil
	}
	if ctx.Err() == nil {
		release.CountFailure(st, false)
	}
	s.did(p)
	return fault
}

// lenient takes an error that means that there was nothing left to uninstall for a success, and says so.
func lenient(fault error, name string) (note string, rest error) {
	switch {
	case errors.Is(fault, action.ErrNotFound):
		return fmt.Sprintf("Release %s was not found, assuming it is uninstalled", name), nil
	case errors.Is(fault, action.ErrAlreadyUninstalled):
		return fmt.Sprintf("Release %s was already uninstalled", name), nil
	}
	return "", fault
}

// concerns tells whether what an action wrote last is the revision of the snapshot.
func concerns(o action.Outcome, s *helmv2.Snapshot) bool {
	return o.Newest == nil || o.Newest.Name == s.Name && o.Newest.Namespace == s.Namespace && o.Newest.Version == s.Version
}

// cloneValues copies what Helm changes while it works: maps and lists.
func cloneValues(values map[string]any) map[string]any {
	copied := make(map[string]any, len(values))
	for key, value := range values {
		copied[key] = cloneValue(value)
	}
	return copied
}

func cloneValue(value any) any {
	switch v := value.(type) {
	case map[string]any:
		return cloneValues(v)
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = cloneValue(item)
		}
		return list
	}
	return value
}
