// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"errors"
	"fmt"
	"reflect"

	"helm.sh/helm/v3/pkg/chart"
	helmrelease "helm.sh/helm/v3/pkg/release"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/kit/artifact"
)

// Drift says what is known of drift.
type Drift int

// The values of Drift.
const (
	// DriftUnknown means that nobody looked.
	DriftUnknown Drift = iota
	// DriftNone means that the cluster agrees with the release.
	DriftNone
	// DriftFound means that it does not.
	DriftFound
)

// Facts are what the state of a release and the next action follow from. They are only read.
type Facts struct {
	// Object with its status as it stands now, the history completed by Recover.
	Object *helmv2.HelmRelease
	Gates  Gates
	// Algorithm of digests that are to be made; existing ones are checked with their own.
	Algorithm artifact.Algorithm
	// Newest revision in storage, nil if there is none.
	Newest *Revision
	// Chart to release, its version completed with the digest of its source.
	Chart *chart.Metadata
	// Values as composed.
	Values map[string]any
	// Force is set while a request for a forced release has not been used by a release action. See Loop.
	Force bool
	Drift Drift
}

func (f Facts) history() helmv2.Snapshots { return f.Object.Status.History }

// StateName names a state of a release.
type StateName string

// The states.
const (
	// StateAbsent means that there is no release, or an uninstalled one.
	StateAbsent StateName = "Absent"
	// StateLocked means that an action of Helm was interrupted, or runs elsewhere.
	StateLocked StateName = "Locked"
	// StateUninstalling means that an uninstall was interrupted. Flux gets stuck here.
	StateUninstalling StateName = "Uninstalling"
	// StateUnmanaged means that somebody else made or changed the release.
	StateUnmanaged StateName = "Unmanaged"
	// StateFailed means that the last action or a test failed.
	StateFailed StateName = "Failed"
	// StateOutOfSync means that the release is not what the object asks for.
	StateOutOfSync StateName = "OutOfSync"
	// StateUntested means that tests have to run.
	StateUntested StateName = "Untested"
	// StateDrifted means that the cluster differs from the release.
	StateDrifted StateName = "Drifted"
	// StateInSync means that there is nothing to do.
	StateInSync StateName = "InSync"
)

// State is what a release is in, and why.
type State struct {
	Name   StateName
	Reason string
}

// Determine returns the state of the release. An error means that storage holds something that no rule covers. Contract 7.1, whose order of
// tests this is.
func Determine(f Facts) (State, error) {
	if f.Newest == nil {
		return State{StateAbsent, "no release in storage for object"}, nil
	}
	status := f.Newest.Info.Status
	switch {
	case status.IsPending():
		return State{StateLocked, fmt.Sprintf("release with status '%s'", status)}, nil
	case status == helmrelease.StatusUninstalling:
		return State{StateUninstalling, fmt.Sprintf("release with status '%s'", status)}, nil
	case len(f.history()) == 0 && status == helmrelease.StatusUninstalled:
		return State{StateAbsent, "found uninstalled release in storage"}, nil
	case len(f.history()) == 0:
		return State{StateUnmanaged, "found existing release in storage"}, nil
	}
	if err := Verify(f.history()[0], f.Newest); err != nil {
		return State{StateUnmanaged, unmanagedReason(err)}, nil
	}
	switch status {
	case helmrelease.StatusFailed:
		return State{Name: StateFailed}, nil
	case helmrelease.StatusUninstalled:
		return State{StateAbsent, "found uninstalled release in storage"}, nil
	case helmrelease.StatusDeployed:
		return deployedState(f), nil
	default:
		return State{}, fmt.Errorf("unable to determine state for release with status '%s'", status)
	}
}

// deployedState tells what a deployed release of ours lacks.
func deployedState(f Facts) State {
	newest := f.history()[0]
	if reason := outOfSync(f, newest); reason != "" {
		return State{StateOutOfSync, reason}
	}
	if testsEnabled(f.Object) {
		if !HasBeenTested(newest) {
			return State{Name: StateUntested}
		}
		if HasFailedTest(newest) && !IgnoreTestFailures(f.Object, f.Gates) {
			return State{StateFailed, "release has test in failed phase"}
		}
	}
	if driftMode(f.Object) != helmv2.DriftDetectionDisabled && f.Drift == DriftFound {
		return State{Name: StateDrifted}
	}
	return State{Name: StateInSync}
}

func outOfSync(f Facts, newest *helmv2.Snapshot) string {
	if f.Newest.Chart == nil || f.Newest.Chart.Name != f.Chart.Name || f.Newest.Chart.Version != f.Chart.Version {
		return "release chart changed"
	}
	if !VerifyConfig(newest.ConfigDigest, f.Values) && !f.preserved() {
		return "release config values changed"
	}
	if f.Object.Status.ObservedGeneration == f.Object.Generation {
		return ""
	}
	status, spec := f.Object.Status, f.Object.Spec
	if status.ObservedPostRenderersDigest != PostRenderersDigest(algorithmOf(status.ObservedPostRenderersDigest, f), spec.PostRenderers) {
		return "postrenderers digest has changed"
	}
	if status.ObservedCommonMetadataDigest != CommonMetadataDigest(algorithmOf(status.ObservedCommonMetadataDigest, f), spec.CommonMetadata) {
		return "common metadata digest has changed"
	}
	return ""
}

// preserved tells whether the release has all the values that are asked for, beside others that it is to keep. Its digest is that of both, so
// that comparing digests alone would ask for an upgrade for ever.
func (f Facts) preserved() bool {
	if f.Object.Spec.Upgrade == nil || !f.Object.Spec.Upgrade.PreserveValues {
		return false
	}
	values, err := storedConfig(f.Values)
	return err == nil && covers(f.Newest.Config, values)
}

// covers tells whether values would change nothing if they were laid over those of a release. null stands for a key that is not there.
func covers(stored, values map[string]any) bool {
	for key, value := range values {
		old := stored[key]
		if inner, ok := value.(map[string]any); ok {
			if below, ok := old.(map[string]any); !ok || !covers(below, inner) {
				return false
			}
			continue
		}
		if !reflect.DeepEqual(old, value) {
			return false
		}
	}
	return true
}

// algorithmOf returns the algorithm that a digest was made with, so that changing --snapshot-digest-algo upgrades nothing.
func algorithmOf(digest string, f Facts) artifact.Algorithm {
	d, err := artifact.ParseDigest(digest)
	if err != nil {
		return f.Algorithm
	}
	return d.Algorithm
}

// WantsDriftCheck tells whether nothing but drift could still be amiss and nobody has looked: look, set Facts.Drift, and determine again.
func WantsDriftCheck(f Facts, s State) bool {
	return s.Name == StateInSync && f.Drift == DriftUnknown && driftMode(f.Object) != helmv2.DriftDetectionDisabled
}

func driftMode(obj *helmv2.HelmRelease) helmv2.DriftDetectionMode {
	if obj.Spec.DriftDetection == nil || obj.Spec.DriftDetection.Mode == "" {
		return helmv2.DriftDetectionDisabled
	}
	return obj.Spec.DriftDetection.Mode
}

func unmanagedReason(err error) string {
	if errors.Is(err, ErrDigest) {
		return ErrDigest.Error()
	}
	return ErrNotObserved.Error()
}
