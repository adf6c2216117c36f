// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"context"
	"fmt"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/kit/outcome"
)

// cacheLag is when to look again whether the cache has caught up with the API server, which takes it milliseconds.
const cacheLag = 100 * time.Millisecond

// attempt uninstalls what belongs to another target than the one asked for now, clears failure counters that are about something else, and notes
// what is about to be released. Flux: helm-controller contract, sections 6.1 (14 to 17) and 7.4.
func (r *Reconciler) attempt(ctx context.Context, s *scope) error {
	changes, err := r.oldTargets(ctx, s)
	if err != nil {
		return err
	}
	if len(changes) > 0 {
		if err := r.confirm(ctx, s); err != nil {
			return err
		}
	}
	for _, change := range changes {
		ctrl.LoggerFrom(ctx).Info("release target changed, uninstalling the old release", "change", change.What)
		if err := r.uninstallOld(ctx, s, change); err != nil {
			return outcome.Fail(helmv2.UninstallFailedReason, fmt.Errorf("uninstall release %s of the old target: %w", release.FullName(change.Old), err))
		}
	}
	st := &s.obj.Status
	st.StorageNamespace = s.obj.GetStorageNamespace()
	if why := release.ResetDue(s.obj, release.Attempt{ChartVersion: s.metadata.Version, Values: s.values, Reset: s.reset}); why != "" {
		ctrl.LoggerFrom(ctx).V(1).Info("failure counters cleared", "cause", why)
		release.ClearFailures(st)
	}
	if !release.VerifyConfig(st.LastAttemptedConfigDigest, s.values) {
		digest, err := release.ConfigDigest(s.algorithm, s.values)
		if err != nil {
			return outcome.Fail(helmv2.ValuesErrorReason, err)
		}
		st.LastAttemptedConfigDigest = digest.String()
	}
	st.LastAttemptedGeneration = s.obj.Generation
	st.LastAttemptedRevision = s.metadata.Version
	st.LastAttemptedRevisionDigest = s.digest
	st.LastAttemptedValuesChecksum, st.LastReleaseRevision = "", 0 // remnants of older objects
	return nil
}

// confirm waits for the cache if the API server has the object as somebody changed it since: an uninstall cannot be undone. Each kind has a watch of
// its own, so that another chart may be known before the change of the object that came first, and that says what to do with it.
func (r *Reconciler) confirm(ctx context.Context, s *scope) error {
	live := &helmv2.HelmRelease{}
	if err := r.Live.Get(ctx, key(s.obj), live); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("read %s past the cache: %w", helmv2.HelmReleaseKind, err)
	}
	if live.UID != s.obj.UID || live.Generation != s.obj.Generation || live.DeletionTimestamp != nil {
		return outcome.Wait(cacheLag, meta.ProgressingReason, "the object has changed meanwhile")
	}
	return nil
}

// oldTargets lists the releases that the object made for other targets than the one it asks for now: the one on record, or those of which a process
// did not live to make a record.
func (r *Reconciler) oldTargets(ctx context.Context, s *scope) ([]*release.TargetChange, error) {
	if change := release.TargetChanged(s.obj, s.metadata.Name); change != nil {
		return []*release.TargetChange{change}, nil
	}
	strays, err := r.strays(ctx, s)
	if err != nil {
		return nil, outcome.Fail(helmv2.StateErrorReason, say(stateFailedText, err))
	}
	var changes []*release.TargetChange
	for _, stray := range strays {
		if what := release.Elsewhere(s.obj, stray); what != "" {
			changes = append(changes, &release.TargetChange{What: what, Namespace: s.obj.Status.StorageNamespace, Old: stray})
		}
	}
	return changes, nil
}

// uninstallOld removes a release that is not the one the object asks for now, or that it had before it was deleted. A process that ends right
// after it finds nothing to uninstall the next time.
func (r *Reconciler) uninstallOld(ctx context.Context, s *scope, change *release.TargetChange) error {
	session := r.open(s, change.Namespace, change.Old.Name)
	defer session.Close()
	latest := change.Old
	stored, err := session.Newest(ctx)
	if err != nil {
		return fmt.Errorf("read release: %w", err)
	}
	if stored != nil && stored.IsOf(s.obj.UID) && stored.Version > latest.Version {
		latest = s.snapshot(stored) // a process died before it could put that on record
	}
	now := s.session
	s.session = session
	err = r.uninstall(ctx, s, latest)
	s.session = now
	if err != nil {
		return err
	}
	s.obj.Status.History = nil
	release.ClearFailures(&s.obj.Status)
	return nil
}
