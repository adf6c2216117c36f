// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v2

import (
	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ReleaseAction is an action that makes a revision.
// +kubebuilder:validation:Enum=install;upgrade
type ReleaseAction string

// Values of ReleaseAction.
const (
	// ReleaseActionInstall makes the first revision.
	ReleaseActionInstall ReleaseAction = "install"

	// ReleaseActionUpgrade makes a later revision.
	ReleaseActionUpgrade ReleaseAction = "upgrade"
)

// SnapshotAPIVersion marks snapshots whose digest is made as this version of the API says.
const SnapshotAPIVersion = "v2"

// HelmReleaseStatus is what the controller last saw and did.
type HelmReleaseStatus struct {
	// ObservedGeneration is the generation of the spec that was last dealt with: by a run that succeeded or stalled. -1 until then.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// ObservedPostRenderersDigest is a digest of spec.postRenderers as last rendered.
	// +optional
	ObservedPostRenderersDigest string `json:"observedPostRenderersDigest,omitempty"`

	// ObservedCommonMetadataDigest is a digest of spec.commonMetadata as last rendered.
	// +optional
	ObservedCommonMetadataDigest string `json:"observedCommonMetadataDigest,omitempty"`

	// LastAttemptedGeneration is the generation of the spec of the last attempt to release.
	// +optional
	LastAttemptedGeneration int64 `json:"lastAttemptedGeneration,omitempty"`

	// Conditions summarise the last run; Ready is the one to wait for.
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// HelmChart is <namespace>/<name> of the HelmChart made from spec.chart.
	// +optional
	HelmChart string `json:"helmChart,omitempty"`

	// StorageNamespace is the namespace in which Helm keeps the release at present.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +optional
	StorageNamespace string `json:"storageNamespace,omitempty"`

	// History lists the revisions that this object made, the newest first.
	// +optional
	History Snapshots `json:"history,omitempty"`

	// Inventory lists the objects of the newest revision.
	// +optional
	Inventory *ResourceInventory `json:"inventory,omitempty"`

	// LastAttemptedReleaseAction is the action of the last attempt; it decides which remediation applies.
	// +optional
	LastAttemptedReleaseAction ReleaseAction `json:"lastAttemptedReleaseAction,omitempty"`

	// LastAttemptedReleaseActionDuration is how long that action took.
	// +kubebuilder:validation:Type=string
	// +optional
	LastAttemptedReleaseActionDuration *metav1.Duration `json:"lastAttemptedReleaseActionDuration,omitempty"`

	// Failures counts failures since the spec, the chart or the values last changed.
	// +optional
	Failures int64 `json:"failures,omitempty"`

	// InstallFailures counts failed installs since the spec, the chart or the values last changed.
	// +optional
	InstallFailures int64 `json:"installFailures,omitempty"`

	// UpgradeFailures counts failed upgrades since the spec, the chart or the values last changed.
	// +optional
	UpgradeFailures int64 `json:"upgradeFailures,omitempty"`

	// LastAttemptedRevision is the version of the chart of the last attempt, with the start of the digest of its source where that has
	// one.
	// +optional
	LastAttemptedRevision string `json:"lastAttemptedRevision,omitempty"`

	// LastAttemptedRevisionDigest is the digest in the revision of the source of the last attempt.
	// +optional
	LastAttemptedRevisionDigest string `json:"lastAttemptedRevisionDigest,omitempty"`

	// LastAttemptedValuesChecksum is accepted from older objects and always written empty.
	// +optional
	LastAttemptedValuesChecksum string `json:"lastAttemptedValuesChecksum,omitempty"`

	// LastReleaseRevision is accepted from older objects and always written as 0.
	// +optional
	LastReleaseRevision int `json:"lastReleaseRevision,omitempty"`

	// LastAttemptedConfigDigest is a digest of the values of the last attempt.
	// +optional
	LastAttemptedConfigDigest string `json:"lastAttemptedConfigDigest,omitempty"`

	// LastHandledResetAt is the value of the annotation reconcile.fluxcd.io/resetAt that was last seen.
	// +optional
	LastHandledResetAt string `json:"lastHandledResetAt,omitempty"`

	meta.ReconcileRequestStatus `json:",inline"`
	meta.ForceRequestStatus     `json:",inline"`
}

// Snapshots is a list of revisions, the newest first.
type Snapshots []*Snapshot

// Latest returns the newest revision, nil when there is none.
func (in Snapshots) Latest() *Snapshot {
	if len(in) == 0 {
		return nil
	}
	return in[0]
}

// Snapshot is what was seen of one revision when it was stored.
type Snapshot struct {
	// APIVersion says how the digest was made. Another version than that of the controller is taken as it is.
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`

	// Digest of the stored release, <algorithm>:<hex>.
	// +required
	Digest string `json:"digest"`

	// Name of the release.
	// +required
	Name string `json:"name"`

	// Namespace of the release.
	// +required
	Namespace string `json:"namespace"`

	// Version is the number of the revision.
	// +required
	Version int `json:"version"`

	// Status of the release as Helm names it, such as deployed, superseded or failed.
	// +required
	Status string `json:"status"`

	// Action that made the revision: install, upgrade, rollback, uninstall or uninstall-remediation. Informational.
	// +optional
	Action string `json:"action,omitempty"`

	// ChartName is the name of the chart.
	// +required
	ChartName string `json:"chartName"`

	// ChartVersion is the version of the chart.
	// +required
	ChartVersion string `json:"chartVersion"`

	// AppVersion is the version of the application in the chart.
	// +optional
	AppVersion string `json:"appVersion,omitempty"`

	// ConfigDigest of the stored values, <algorithm>:<hex>.
	// +required
	ConfigDigest string `json:"configDigest"`

	// FirstDeployed is when the release was first deployed.
	// +required
	FirstDeployed metav1.Time `json:"firstDeployed"`

	// LastDeployed is when the revision was deployed.
	// +required
	LastDeployed metav1.Time `json:"lastDeployed"`

	// Deleted is when the release was uninstalled.
	// +optional
	Deleted *metav1.Time `json:"deleted,omitempty"`

	// TestHooks tells how the test hooks ended, by name. Absent means the revision was not tested, empty that it has no hooks to run.
	// +optional
	TestHooks *map[string]*TestHookStatus `json:"testHooks,omitempty"`

	// OCIDigest is the digest of the OCI artifact the chart came from.
	// +optional
	OCIDigest string `json:"ociDigest,omitempty"`
}

// TestHookStatus tells how a test hook ended.
type TestHookStatus struct {
	// LastStarted is when the hook was started.
	// +optional
	LastStarted *metav1.Time `json:"lastStarted,omitempty"`

	// LastCompleted is when the hook ended.
	// +optional
	LastCompleted *metav1.Time `json:"lastCompleted,omitempty"`

	// Phase of the hook: Running, Succeeded, Failed, Unknown or empty.
	// +optional
	Phase string `json:"phase,omitempty"`
}
