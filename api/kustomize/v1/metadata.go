// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v1

// Labels that every applied object carries: they name its owner.
const (
	// NameLabel holds the name of the Kustomization that applied the object.
	NameLabel = Group + "/name"

	// NamespaceLabel holds the namespace of the Kustomization that applied the object.
	NamespaceLabel = Group + "/namespace"
)

// Keys that a managed object may carry, as label or as annotation unless said otherwise, to change how it is treated. Their
// values compare case-insensitively, except for SubstituteKey.
const (
	// ReconcileKey with DisabledValue, on the desired or the live object: it is neither applied nor pruned nor health-checked.
	ReconcileKey = Group + "/reconcile"

	// SSAKey selects how the object is applied: one of the SSA values.
	SSAKey = Group + "/ssa"

	// ForceKey with EnabledValue: the object is recreated when an immutable field changes.
	ForceKey = Group + "/force"

	// PruneKey with DisabledValue, on the live object: it is not deleted when it leaves the source or with its Kustomization.
	PruneKey = Group + "/prune"

	// SubstituteKey with exactly DisabledValue: variables in the object are left alone.
	SubstituteKey = Group + "/substitute"

	// DecryptKey with DisabledValue, annotation only: the object is neither decrypted nor checked for being encrypted.
	DecryptKey = Group + "/decrypt"
)

// Values of the keys above.
const (
	// DisabledValue switches off.
	DisabledValue = "disabled"

	// EnabledValue switches on.
	EnabledValue = "enabled"

	// SSAOverrideValue takes over fields and managers of others; the default.
	SSAOverrideValue = "Override"

	// SSAMergeValue leaves fields alone that kubectl users set.
	SSAMergeValue = "Merge"

	// SSAIfNotPresentValue creates the object when it is absent and never changes it.
	SSAIfNotPresentValue = "IfNotPresent"

	// SSAIgnoreValue treats the object as ReconcileKey with DisabledValue does.
	SSAIgnoreValue = "Ignore"
)

// Keys that events about Kustomizations carry in their metadata.
const (
	// RevisionMetadataKey holds the revision of the artifact.
	RevisionMetadataKey = Group + "/revision"

	// OriginRevisionMetadataKey holds the revision the artifact was made from, when its source says so.
	OriginRevisionMetadataKey = Group + "/originRevision"

	// CommitStatusMetadataKey asks notification-controller to write a commit status.
	CommitStatusMetadataKey = Group + "/commit_status"
)

// Keys of the metadata of a history entry.
const (
	// RevisionHistoryKey holds the revision of the artifact.
	RevisionHistoryKey = "revision"

	// OriginRevisionHistoryKey holds the revision the artifact was made from, when its source says so.
	OriginRevisionHistoryKey = "originRevision"
)
