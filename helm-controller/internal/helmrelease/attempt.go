// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"context"
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/kit/outcome"
)

// attempt uninstalls what belongs to another target than the one asked for now, clears failure counters that are about something else, and notes
// what is about to be released. Flux: helm-controller contract, sections 6.1 (14 to 17) and 7.4.
func (r *Reconciler) attempt(ctx context.Context, s *scope) error {
	if change := release.TargetChanged(s.obj, s.metadata.Name); change != nil {
		ctrl.LoggerFrom(ctx).Info("release target changed, uninstalling the old release", "change", change.What)
		if err := r.uninstallOld(ctx, s, change); err != nil {
			return err
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

// uninstallOld removes the release of the old target. A process that ends right after it finds nothing to uninstall the next time.
func (r *Reconciler) uninstallOld(ctx context.Context, s *scope, change *release.TargetChange) error {
	session := r.open(s, change.Namespace, change.Old.Name)
	defer session.Close()
	old := s.session
	s.session = session
	err := r.uninstall(ctx, s, change.Old)
	s.session = old
	if err != nil {
		return outcome.Fail(helmv2.UninstallFailedReason, fmt.Errorf("uninstall release %s of the old target: %w", release.FullName(change.Old), err))
	}
	s.obj.Status.History, s.obj.Status.StorageNamespace = nil, ""
	release.ClearFailures(&s.obj.Status)
	return nil
}
