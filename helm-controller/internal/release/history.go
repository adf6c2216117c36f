// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"cmp"
	"errors"
	"slices"

	helmrelease "helm.sh/helm/v3/pkg/release"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/kit/artifact"
)

// maxHistory bounds a history in which nothing says where to cut. Flux: docs/spec/v2/helmreleases.md, "History".
const maxHistory = 5

// ErrMismatch says that another revision was tested than the newest of the history.
var ErrMismatch = errors.New("release mismatch")

// Record returns history with what an action wrote. Installs, upgrades and rollbacks put a new revision in front and refresh others in
// place; uninstalls and unlocks only refresh. Before an install the history has to be cleared. Contract 3.2.
func Record(history helmv2.Snapshots, writes []Write, m Made) helmv2.Snapshots {
	removes := m.Action == ActionUninstall || m.Action == ActionUninstallRemediation
	adds := m.Action == ActionInstall || m.Action == ActionUpgrade || m.Action == ActionRollback
	history = slices.Clone(history)
	states := lastStates(writes, func(w Write) bool { return w.Op != Deleted || removes })
	for n, r := range states {
		if i := find(history, r); i >= 0 {
			history[i] = refresh(history[i], r, m.Algorithm)
			if removes && isGone(r) {
				history[i].Action = string(m.Action)
			}
			continue
		}
		if adds && n == len(states)-1 && (len(history) == 0 || r.Version > history[0].Version) {
			history = slices.Insert(history, 0, r.Snapshot(m))
		}
	}
	return history
}

func isGone(r *Revision) bool {
	return r.Info.Status == helmrelease.StatusUninstalling || r.Info.Status == helmrelease.StatusUninstalled
}

func find(history helmv2.Snapshots, r *Revision) int {
	return slices.IndexFunc(history, func(s *helmv2.Snapshot) bool {
		return s.Version == r.Version && s.Name == r.Name && s.Namespace == r.Namespace
	})
}

// refresh returns the snapshot of a later state of a revision. What storage does not know is kept: the action that made it (Flux loses it),
// how its tests ended and where its chart came from.
func refresh(old *helmv2.Snapshot, r *Revision, algorithm artifact.Algorithm) *helmv2.Snapshot {
	s := r.Snapshot(Made{Action: Action(old.Action), Algorithm: algorithm, OCIDigest: old.OCIDigest})
	s.TestHooks = old.TestHooks
	return s
}

// RecordTest returns history with the outcome of the tests that filters choose. Without writes nothing changes; ErrMismatch says that what
// was tested is not the newest revision of the history.
func RecordTest(
	history helmv2.Snapshots, writes []Write, filters []helmv2.Filter, algorithm artifact.Algorithm,
) (helmv2.Snapshots, error) {
	tested := newestWritten(writes)
	if tested == nil {
		return history, nil
	}
	if find(history, tested) != 0 {
		return history, ErrMismatch
	}
	history = slices.Clone(history)
	history[0] = refresh(history[0], tested, algorithm)
	history[0].TestHooks = new(testHooks(tested, filters))
	return history, nil
}

func testHooks(r *Revision, filters []helmv2.Filter) map[string]*helmv2.TestHookStatus {
	hooks := map[string]*helmv2.TestHookStatus{}
	for _, h := range r.Hooks {
		if !h.isTest() || !chosen(h.Name, filters) {
			continue
		}
		status := &helmv2.TestHookStatus{Phase: h.LastRun.Phase.String()}
		if t := h.LastRun.StartedAt; !t.IsZero() {
			status.LastStarted = new(metav1.NewTime(t))
		}
		if t := h.LastRun.CompletedAt; !t.IsZero() {
			status.LastCompleted = new(metav1.NewTime(t))
		}
		hooks[h.Name] = status
	}
	return hooks
}

// chosen tells whether a test runs: no filter excludes it, and one includes it or none includes any. Contract 2.7.
func chosen(name string, filters []helmv2.Filter) bool {
	included, including := false, false
	for _, f := range filters {
		switch {
		case f.Exclude && f.Name == name:
			return false
		case !f.Exclude:
			including = true
			included = included || f.Name == name
		}
	}
	return included || !including
}

// Truncate cuts history behind the revision to roll back to, the newest older one that is good, or to 5 when there is none.
func Truncate(history helmv2.Snapshots, ignoreTests bool) helmv2.Snapshots {
	if i := goodBefore(history, ignoreTests); i > 0 {
		return slices.Clone(history[:i+1])
	}
	return TruncateForRetry(history)
}

// TruncateForRetry cuts history to 5.
func TruncateForRetry(history helmv2.Snapshots) helmv2.Snapshots {
	return slices.Clone(history[:min(len(history), maxHistory)])
}

// RollbackTarget returns the newest older revision that is good, nil if there is none.
func RollbackTarget(history helmv2.Snapshots, ignoreTests bool) *helmv2.Snapshot {
	if i := goodBefore(history, ignoreTests); i > 0 {
		return history[i]
	}
	return nil
}

// goodBefore returns the index of the first snapshot after the newest that was deployed and passed its tests, -1 if there is none.
func goodBefore(history helmv2.Snapshots, ignoreTests bool) int {
	for i, s := range history {
		deployed := s.Status == helmrelease.StatusDeployed.String() || s.Status == helmrelease.StatusSuperseded.String()
		if i > 0 && deployed && (ignoreTests || !HasFailedTest(s)) {
			return i
		}
	}
	return -1
}

// Recover returns history with the newest stored revision, if the HelmRelease itself wrote it and did not live to record that. A revision
// that is still pending is left to the unlock, and what others wrote to the rules for unmanaged releases.
func Recover(history helmv2.Snapshots, newest *Revision, owner types.UID, algorithm artifact.Algorithm) helmv2.Snapshots {
	if newest == nil || !newest.IsOf(owner) || !settled(newest.Info.Status) {
		return history
	}
	i := find(history, newest)
	switch {
	case i < 0 && (len(history) == 0 || newest.Version > history[0].Version):
		made := Made{Action: newest.Intent.Action, Algorithm: algorithm, OCIDigest: newest.Intent.OCIDigest}
		return slices.Insert(slices.Clone(history), 0, newest.Snapshot(made))
	case i == 0 && Verify(history[0], newest) != nil:
		history = slices.Clone(history)
		history[0] = refresh(history[0], newest, cmp.Or(algorithm, artifact.SHA256))
		return history
	}
	return history
}

func settled(s helmrelease.Status) bool {
	return s == helmrelease.StatusDeployed || s == helmrelease.StatusFailed || s == helmrelease.StatusUninstalled
}
