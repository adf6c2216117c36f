// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v2

import (
	"github.com/fluxcd/pkg/apis/acl"
	"github.com/fluxcd/pkg/apis/meta"
)

// Condition types of a HelmRelease, next to Ready, Reconciling and Stalled.
const (
	// ReleasedCondition tells how the last install, upgrade, unlock or uninstall ended.
	ReleasedCondition = "Released"

	// TestSuccessCondition tells how the last test ended. Absent when tests are off or a new release action began.
	TestSuccessCondition = "TestSuccess"

	// RemediatedCondition is True when the last rollback or remediating uninstall succeeded. Absent when a new release action began.
	RemediatedCondition = "Remediated"

	// DriftedCondition is True while the cluster differs from the release. Set only where drift is looked for.
	DriftedCondition = "Drifted"
)

// Reasons of Released, TestSuccess, Remediated and Drifted, and of the events that go with them.
const (
	// InstallSucceededReason says the release was installed.
	InstallSucceededReason = "InstallSucceeded"

	// InstallFailedReason says the release could not be installed.
	InstallFailedReason = "InstallFailed"

	// UpgradeSucceededReason says the release was upgraded.
	UpgradeSucceededReason = "UpgradeSucceeded"

	// UpgradeFailedReason says the release could not be upgraded.
	UpgradeFailedReason = "UpgradeFailed"

	// TestSucceededReason says the test hooks of the release passed.
	TestSucceededReason = "TestSucceeded"

	// TestFailedReason says a test hook of the release failed.
	TestFailedReason = "TestFailed"

	// AwaitingTestsReason says a new revision has not been tested yet.
	AwaitingTestsReason = "AwaitingTests"

	// RollbackSucceededReason says the release was rolled back to an earlier revision.
	RollbackSucceededReason = "RollbackSucceeded"

	// RollbackFailedReason says the release could not be rolled back.
	RollbackFailedReason = "RollbackFailed"

	// UninstallSucceededReason says the release was uninstalled.
	UninstallSucceededReason = "UninstallSucceeded"

	// UninstallFailedReason says the release could not be uninstalled.
	UninstallFailedReason = "UninstallFailed"

	// PendingReleaseReason says a release that was left in a pending state was, or could not be, unlocked.
	PendingReleaseReason = "PendingRelease"

	// DriftDetectedReason says the cluster differs from the release.
	DriftDetectedReason = "DriftDetected"

	// NoDriftDetectedReason says the cluster agrees with the release.
	NoDriftDetectedReason = "NoDriftDetected"

	// DriftCorrectedReason is the reason of the event that lists what was put right.
	DriftCorrectedReason = "DriftCorrected"

	// DriftCorrectionFailedReason is the reason of the event that lists what could not be put right.
	DriftCorrectionFailedReason = "DriftCorrectionFailed"
)

// Reasons of Ready and Stalled, and of the events that go with them.
const (
	// ArtifactFailedReason says the source is missing, has no artifact, or that the chart could not be fetched or loaded.
	ArtifactFailedReason = meta.ArtifactFailedReason

	// SourceNotReadyReason says the source has not caught up with its spec, is stalled, or has no artifact.
	SourceNotReadyReason = "SourceNotReady"

	// DependencyNotReadyReason says an object of spec.dependsOn is not ready.
	DependencyNotReadyReason = meta.DependencyNotReadyReason

	// ValuesErrorReason says the values could not be composed.
	ValuesErrorReason = "ValuesError"

	// ChartMutateErrorReason says the version of the chart could not be completed with the digest of its source.
	ChartMutateErrorReason = "ChartMutateError"

	// RESTClientErrorReason says no client could be made for the target cluster.
	RESTClientErrorReason = "RESTClientError"

	// ResourceManagerErrorReason says the client that watches objects on the target cluster could not be made.
	ResourceManagerErrorReason = "ResourceManagerError"

	// FactoryErrorReason says Helm could not be set up.
	FactoryErrorReason = "FactoryError"

	// ConfigFactoryErrorReason says the configuration of a Helm action could not be made.
	ConfigFactoryErrorReason = "ConfigFactoryErr"

	// StateErrorReason says the state of the release could not be determined.
	StateErrorReason = "StateError"

	// ReconcileErrorReason says an action failed while the release was ready.
	ReconcileErrorReason = "ReconcileError"

	// RetriesExceededReason says no attempt is left; nothing is retried until the object or its inputs change.
	RetriesExceededReason = "RetriesExceeded"

	// MissingRollbackTargetReason says there is no earlier revision to go back to; nothing is retried until the object changes.
	MissingRollbackTargetReason = "MissingRollbackTarget"

	// HealthCheckCanceledReason says the wait for health ended because something newer is to be reconciled.
	HealthCheckCanceledReason = meta.HealthCheckCanceledReason

	// InvalidCELExpressionReason says an expression in spec is not valid; nothing is retried until the object changes.
	InvalidCELExpressionReason = meta.InvalidCELExpressionReason

	// UnsupportedReason says a field asks for something this version does not do; nothing is retried until the object changes.
	UnsupportedReason = "Unsupported"

	// AccessDeniedReason says the reference to the source is not allowed; nothing is retried until the object changes.
	AccessDeniedReason = acl.AccessDeniedReason
)

// Reasons that occur on events only.
const (
	// InventoryBuildFailedReason says the list of applied objects could not be made; the release itself is not affected.
	InventoryBuildFailedReason = "InventoryBuildFailed"

	// NamespaceCheckSkippedReason says it could not be found out whether a kind is namespaced.
	NamespaceCheckSkippedReason = "NamespaceCheckSkipped"

	// HelmChartCreatedReason says the HelmChart of spec.chart was created.
	HelmChartCreatedReason = "HelmChartCreated"

	// HelmChartConfiguredReason says the HelmChart of spec.chart was changed.
	HelmChartConfiguredReason = "HelmChartConfigured"

	// HelmChartDeletedReason says the HelmChart of spec.chart was deleted.
	HelmChartDeletedReason = "HelmChartDeleted"

	// HelmChartSyncErrorReason says the HelmChart of spec.chart could not be written or deleted.
	HelmChartSyncErrorReason = "HelmChartSyncErr"
)
