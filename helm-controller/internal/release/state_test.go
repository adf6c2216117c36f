// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package release_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chart"
	helmrelease "helm.sh/helm/v3/pkg/release"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/kit/artifact"
)

// revision returns a revision of the chart and values that facts() asks for.
func revision(version int, status helmrelease.Status) *release.Revision {
	return &release.Revision{
		Name: "app", Namespace: "apps", Version: version, Info: release.Info{Status: status},
		Chart: &chart.Metadata{Name: "app", Version: "1.0.0"}, Config: map[string]any{"replicas": float64(2)},
	}
}

// snapshots returns the history of revisions, the newest first.
func snapshots(revisions ...*release.Revision) helmv2.Snapshots {
	var history helmv2.Snapshots
	for _, r := range revisions {
		history = append(history, r.Snapshot(release.Made{Action: release.ActionUpgrade}))
	}
	return history
}

func phase(phases ...string) *map[string]*helmv2.TestHookStatus {
	hooks := map[string]*helmv2.TestHookStatus{}
	for i, p := range phases {
		hooks[string(rune('a'+i))] = &helmv2.TestHookStatus{Phase: p}
	}
	return &hooks
}

// facts returns those of a deployed release that is in sync.
func facts() release.Facts {
	deployed := revision(1, helmrelease.StatusDeployed)
	return release.Facts{
		Object: &helmv2.HelmRelease{
			ObjectMeta: metav1.ObjectMeta{Name: "app", Namespace: "apps", UID: "uid", Generation: 1},
			Status:     helmv2.HelmReleaseStatus{ObservedGeneration: 1, History: snapshots(deployed)},
		},
		Newest: deployed, Chart: deployed.Chart, Values: map[string]any{"replicas": int64(2)},
	}
}

// preserve makes facts of a release with stored values, of an object that wants others and those kept.
func preserve(values, stored map[string]any) func(*release.Facts) {
	return func(f *release.Facts) {
		f.Newest.Config, f.Values = stored, values
		f.Object.Status.History = snapshots(f.Newest)
		f.Object.Spec.Upgrade = &helmv2.Upgrade{PreserveValues: true}
	}
}

// TestDetermine has the rows of 7.1, in their order.
func TestDetermine(t *testing.T) {
	newest := func(s helmrelease.Status) func(*release.Facts) {
		return func(f *release.Facts) {
			f.Newest = revision(1, s)
			f.Object.Status.History = snapshots(f.Newest)
		}
	}
	cases := map[string]struct {
		reason string
		change []func(*release.Facts)
		want   release.State
		err    string
	}{
		"Row01Absent": {
			reason: "There is no release.", change: []func(*release.Facts){func(f *release.Facts) { f.Newest = nil }},
			want: release.State{Name: release.StateAbsent, Reason: "no release in storage for object"},
		},
		"Row02PendingInstall": {
			reason: "An install was interrupted.", change: []func(*release.Facts){newest(helmrelease.StatusPendingInstall)},
			want: release.State{Name: release.StateLocked, Reason: "release with status 'pending-install'"},
		},
		"Row02PendingUpgrade": {
			reason: "An upgrade was interrupted.", change: []func(*release.Facts){newest(helmrelease.StatusPendingUpgrade)},
			want: release.State{Name: release.StateLocked, Reason: "release with status 'pending-upgrade'"},
		},
		"Row02PendingRollback": {
			reason: "A rollback was interrupted.", change: []func(*release.Facts){newest(helmrelease.StatusPendingRollback)},
			want: release.State{Name: release.StateLocked, Reason: "release with status 'pending-rollback'"},
		},
		"Row03Uninstalled": {
			reason: "An uninstalled release that we know nothing of is none.",
			change: []func(*release.Facts){newest(helmrelease.StatusUninstalled), func(f *release.Facts) { f.Object.Status.History = nil }},
			want:   release.State{Name: release.StateAbsent, Reason: "found uninstalled release in storage"},
		},
		"Row04Unmanaged": {
			reason: "A release that we know nothing of is not ours.",
			change: []func(*release.Facts){func(f *release.Facts) { f.Object.Status.History = nil }},
			want:   release.State{Name: release.StateUnmanaged, Reason: "found existing release in storage"},
		},
		"Row05NotObserved": {
			reason: "Somebody else wrote the newest revision.",
			change: []func(*release.Facts){func(f *release.Facts) { f.Newest = revision(2, helmrelease.StatusDeployed) }},
			want:   release.State{Name: release.StateUnmanaged, Reason: "release not observed to be made for object"},
		},
		"Row05Digest": {
			reason: "The digest in the history cannot be read.",
			change: []func(*release.Facts){func(f *release.Facts) { f.Object.Status.History[0].Digest = "x" }},
			want:   release.State{Name: release.StateUnmanaged, Reason: "release digest verification error"},
		},
		"Row06Failed": {
			reason: "The last action failed.", change: []func(*release.Facts){newest(helmrelease.StatusFailed)},
			want: release.State{Name: release.StateFailed},
		},
		"Row07Uninstalled": {
			reason: "We uninstalled the release and kept its history.", change: []func(*release.Facts){newest(helmrelease.StatusUninstalled)},
			want: release.State{Name: release.StateAbsent, Reason: "found uninstalled release in storage"},
		},
		"Row08ChartVersion": {
			reason: "Another version of the chart.",
			change: []func(*release.Facts){func(f *release.Facts) { f.Chart = &chart.Metadata{Name: "app", Version: "1.0.1"} }},
			want:   release.State{Name: release.StateOutOfSync, Reason: "release chart changed"},
		},
		"Row08ChartName": {
			reason: "Another chart.",
			change: []func(*release.Facts){func(f *release.Facts) { f.Chart = &chart.Metadata{Name: "web", Version: "1.0.0"} }},
			want:   release.State{Name: release.StateOutOfSync, Reason: "release chart changed"},
		},
		"Row09Values": {
			reason: "Other values.", change: []func(*release.Facts){func(f *release.Facts) { f.Values = nil }},
			want: release.State{Name: release.StateOutOfSync, Reason: "release config values changed"},
		},
		"Row10PostRenderers": {
			reason: "Other post-renderers in a new generation.",
			change: []func(*release.Facts){func(f *release.Facts) {
				f.Object.Generation, f.Object.Spec.PostRenderers = 2, []helmv2.PostRenderer{{}}
			}},
			want: release.State{Name: release.StateOutOfSync, Reason: "postrenderers digest has changed"},
		},
		"Row10CommonMetadata": {
			reason: "Other common metadata in a new generation.",
			change: []func(*release.Facts){func(f *release.Facts) {
				f.Object.Generation, f.Object.Spec.CommonMetadata = 2, &helmv2.CommonMetadata{}
			}},
			want: release.State{Name: release.StateOutOfSync, Reason: "common metadata digest has changed"},
		},
		"Row10SameGeneration": {
			reason: "Without a new generation these digests are not compared.",
			change: []func(*release.Facts){func(f *release.Facts) { f.Object.Spec.CommonMetadata = &helmv2.CommonMetadata{} }},
			want:   release.State{Name: release.StateInSync},
		},
		"Row10OtherAlgorithm": {
			reason: "Another algorithm for digests alone is no change.",
			change: []func(*release.Facts){func(f *release.Facts) {
				f.Object.Generation, f.Object.Spec.CommonMetadata = 2, &helmv2.CommonMetadata{}
				f.Object.Status.ObservedCommonMetadataDigest = release.CommonMetadataDigest(artifact.SHA256, f.Object.Spec.CommonMetadata)
				f.Algorithm = artifact.SHA512
			}},
			want: release.State{Name: release.StateInSync},
		},
		"Row11Untested": {
			reason: "Tests are on and did not run.",
			change: []func(*release.Facts){func(f *release.Facts) { f.Object.Spec.Test = &helmv2.Test{Enable: true} }},
			want:   release.State{Name: release.StateUntested},
		},
		"Row12FailedTest": {
			reason: "A test failed.",
			change: []func(*release.Facts){func(f *release.Facts) {
				f.Object.Spec.Test = &helmv2.Test{Enable: true}
				f.Object.Status.History[0].TestHooks = phase("Succeeded", "Failed")
			}},
			want: release.State{Name: release.StateFailed, Reason: "release has test in failed phase"},
		},
		"Row12Ignored": {
			reason: "A test failed, which the active remediation ignores.",
			change: []func(*release.Facts){func(f *release.Facts) {
				f.Object.Spec.Test = &helmv2.Test{Enable: true}
				f.Object.Spec.Upgrade = &helmv2.Upgrade{Remediation: &helmv2.UpgradeRemediation{IgnoreTestFailures: new(true)}}
				f.Object.Status.LastAttemptedReleaseAction = helmv2.ReleaseActionUpgrade
				f.Object.Status.History[0].TestHooks = phase("Failed")
			}},
			want: release.State{Name: release.StateInSync},
		},
		"Row13Drifted": {
			reason: "The cluster differs.",
			change: []func(*release.Facts){func(f *release.Facts) {
				f.Object.Spec.DriftDetection = &helmv2.DriftDetection{Mode: helmv2.DriftDetectionWarn}
				f.Drift = release.DriftFound
			}},
			want: release.State{Name: release.StateDrifted},
		},
		"Row13Off": {
			reason: "Drift does not count while drift detection is off.",
			change: []func(*release.Facts){func(f *release.Facts) { f.Drift = release.DriftFound }},
			want:   release.State{Name: release.StateInSync},
		},
		"Row14InSync": {reason: "Nothing is to be done.", want: release.State{Name: release.StateInSync}},
		"Row15Superseded": {
			reason: "No rule covers a superseded newest revision.", change: []func(*release.Facts){newest(helmrelease.StatusSuperseded)},
			err: "unable to determine state for release with status 'superseded'",
		},
		"Row15Unknown": {
			reason: "Nor an unknown status.", change: []func(*release.Facts){newest(helmrelease.StatusUnknown)},
			err: "unable to determine state for release with status 'unknown'",
		},
		"ValuesPreserved": {
			reason: "A release that keeps values has more than is asked for; what it lacks alone asks for an upgrade.",
			change: []func(*release.Facts){preserve(map[string]any{"replicas": int64(2), "gone": nil}, map[string]any{"replicas": float64(2), "kept": map[string]any{"a": "b"}})},
			want:   release.State{Name: release.StateInSync},
		},
		"ValuesPreservedDeep": {
			reason: "Maps are looked into.",
			change: []func(*release.Facts){preserve(map[string]any{"kept": map[string]any{"a": "c"}}, map[string]any{"kept": map[string]any{"a": "b", "x": "y"}})},
			want:   release.State{Name: release.StateOutOfSync, Reason: "release config values changed"},
		},
		"ValuesNotPreserved": {
			reason: "Without the field digests decide.",
			change: []func(*release.Facts){preserve(map[string]any{"replicas": int64(2)}, map[string]any{"replicas": float64(2), "kept": "x"}), func(f *release.Facts) {
				f.Object.Spec.Upgrade.PreserveValues = false
			}},
			want: release.State{Name: release.StateOutOfSync, Reason: "release config values changed"},
		},
		"Q3Uninstalling": {
			reason: "An interrupted uninstall is to be finished, where Flux reports an error for ever.",
			change: []func(*release.Facts){newest(helmrelease.StatusUninstalling)},
			want:   release.State{Name: release.StateUninstalling, Reason: "release with status 'uninstalling'"},
		},
		"Q3UninstallingUnknown": {
			reason: "Also if we know nothing of the release.",
			change: []func(*release.Facts){newest(helmrelease.StatusUninstalling), func(f *release.Facts) { f.Object.Status.History = nil }},
			want:   release.State{Name: release.StateUninstalling, Reason: "release with status 'uninstalling'"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := facts()
			for _, change := range tc.change {
				change(&f)
			}
			got, err := release.Determine(f)
			if tc.err != "" {
				if err == nil || err.Error() != tc.err {
					t.Errorf("%s\nDetermine: %v, want %s", tc.reason, err, tc.err)
				}
				return
			}
			if err != nil || got != tc.want {
				t.Errorf("%s\nDetermine: %+v, %v, want %+v", tc.reason, got, err, tc.want)
			}
		})
	}
}

func TestWantsDriftCheck(t *testing.T) {
	f := facts()
	inSync := release.State{Name: release.StateInSync}
	if release.WantsDriftCheck(f, inSync) {
		t.Error("drift detection is off, but wanted")
	}
	f.Object.Spec.DriftDetection = &helmv2.DriftDetection{Mode: helmv2.DriftDetectionEnabled}
	if !release.WantsDriftCheck(f, inSync) || release.WantsDriftCheck(f, release.State{Name: release.StateUntested}) {
		t.Error("drift is looked for exactly when all else is in order")
	}
	if f.Drift = release.DriftNone; release.WantsDriftCheck(f, inSync) {
		t.Error("drift was looked for already")
	}
}

func TestHasBeenTested(t *testing.T) {
	cases := map[string]struct {
		reason string
		hooks  *map[string]*helmv2.TestHookStatus
		want   bool
	}{
		"Never":     {reason: "No map means never tested."},
		"None":      {reason: "An empty one means no hooks.", hooks: phase(), want: true},
		"Succeeded": {reason: "All succeeded.", hooks: phase("Succeeded", "Succeeded"), want: true},
		"Failed":    {reason: "One failed, which ends the tests.", hooks: phase("Failed", ""), want: true},
		"Running":   {reason: "One still runs.", hooks: phase("Succeeded", "Running")},
		"NotRun":    {reason: "One did not run.", hooks: phase("Succeeded", "")},
		"Unknown":   {reason: "Of one it is not known.", hooks: phase("Unknown")},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := release.HasBeenTested(&helmv2.Snapshot{TestHooks: tc.hooks}); got != tc.want {
				t.Errorf("%s\nHasBeenTested: %t", tc.reason, got)
			}
		})
	}
}

func versions(history helmv2.Snapshots) []int {
	var list []int
	for _, s := range history {
		list = append(list, s.Version)
	}
	return list
}

func TestTruncate(t *testing.T) {
	failed := func(n int) *release.Revision { return revision(n, helmrelease.StatusFailed) }
	superseded := func(n int) *release.Revision { return revision(n, helmrelease.StatusSuperseded) }
	deployed := func(n int) *release.Revision { return revision(n, helmrelease.StatusDeployed) }
	failedTest := func(h helmv2.Snapshots, i int) helmv2.Snapshots {
		h[i].TestHooks = phase("Failed")
		return h
	}
	cases := map[string]struct {
		reason  string
		history helmv2.Snapshots
		ignore  bool
		want    []int
		target  int
	}{
		"Empty":       {reason: "Nothing stays nothing."},
		"FirstGood":   {reason: "The newest good older one stays.", history: snapshots(deployed(4), failed(3), superseded(2), superseded(1)), want: []int{4, 3, 2}, target: 2},
		"StillThere":  {reason: "One that a failed upgrade left deployed is good.", history: snapshots(failed(2), deployed(1)), want: []int{2, 1}, target: 1},
		"FailedTest":  {reason: "One whose test failed is not.", history: failedTest(snapshots(deployed(3), superseded(2), superseded(1)), 1), want: []int{3, 2, 1}, target: 1},
		"IgnoredTest": {reason: "Unless tests are ignored.", history: failedTest(snapshots(deployed(3), superseded(2), superseded(1)), 1), ignore: true, want: []int{3, 2}, target: 2},
		"NoneGood": {
			reason:  "Without a good one five stay.",
			history: snapshots(failed(7), failed(6), failed(5), failed(4), failed(3), failed(2), failed(1)), want: []int{7, 6, 5, 4, 3},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			before := slices.Clone(tc.history)
			if diff := cmp.Diff(tc.want, versions(release.Truncate(tc.history, tc.ignore))); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
			target := 0
			if s := release.RollbackTarget(tc.history, tc.ignore); s != nil {
				target = s.Version
			}
			if target != tc.target {
				t.Errorf("%s\nRollbackTarget: %d, want %d", tc.reason, target, tc.target)
			}
			if !slices.Equal(before, tc.history) {
				t.Error("Truncate changed its argument")
			}
		})
	}
	if got := versions(release.TruncateForRetry(snapshots(failed(6), superseded(5), failed(4), failed(3), failed(2), failed(1)))); len(got) != 5 {
		t.Errorf("TruncateForRetry: %v", got)
	}
}
