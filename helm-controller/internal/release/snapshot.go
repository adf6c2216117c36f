// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"cmp"

	helmrelease "helm.sh/helm/v3/pkg/release"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/kit/artifact"
)

// Made says how a snapshot comes about.
type Made struct {
	// Action under way.
	Action Action
	// Algorithm of digests; the zero value means SHA-256.
	Algorithm artifact.Algorithm
	// OCIDigest is status.lastAttemptedRevisionDigest of an install or upgrade, and the snapshot's of the target of a rollback.
	OCIDigest string
}

// Snapshot returns the snapshot of the revision, not tested.
func (r *Revision) Snapshot(m Made) *helmv2.Snapshot {
	algorithm := cmp.Or(m.Algorithm, artifact.SHA256)
	s := &helmv2.Snapshot{
		APIVersion: helmv2.SnapshotAPIVersion,
		Digest:     r.Digest(algorithm, m.OCIDigest).String(),
		Name:       r.Name, Namespace: r.Namespace, Version: r.Version,
		Status:        r.Info.Status.String(),
		Action:        string(m.Action),
		FirstDeployed: metav1.NewTime(r.Info.FirstDeployed),
		LastDeployed:  metav1.NewTime(r.Info.LastDeployed),
		OCIDigest:     m.OCIDigest,
	}
	if r.Chart != nil {
		s.ChartName, s.ChartVersion, s.AppVersion = r.Chart.Name, r.Chart.Version, r.Chart.AppVersion
	}
	if digest, err := ConfigDigest(algorithm, r.Config); err == nil { // what came from JSON can be encoded
		s.ConfigDigest = digest.String()
	}
	if !r.Info.Deleted.IsZero() {
		s.Deleted = new(metav1.NewTime(r.Info.Deleted))
	}
	return s
}

// HasBeenTested tells whether the tests of a revision ended: all succeeded, one failed, or there are none.
func HasBeenTested(s *helmv2.Snapshot) bool {
	if s.TestHooks == nil {
		return false
	}
	if HasFailedTest(s) {
		return true
	}
	for _, hook := range *s.TestHooks {
		if hook == nil || hook.Phase != helmrelease.HookPhaseSucceeded.String() {
			return false
		}
	}
	return true
}

// HasFailedTest tells whether a test of a revision failed.
func HasFailedTest(s *helmv2.Snapshot) bool {
	if s.TestHooks == nil {
		return false
	}
	for _, hook := range *s.TestHooks {
		if hook != nil && hook.Phase == helmrelease.HookPhaseFailed.String() {
			return true
		}
	}
	return false
}
