// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"github.com/fluxcd/pkg/apis/acl"
	"github.com/fluxcd/pkg/apis/meta"
)

// HealthyCondition tells how the last health check ended. Absent when nothing is to be checked.
const HealthyCondition = meta.HealthyCondition

// Reasons of Ready, Healthy and Stalled.
const (
	// ReconciliationSucceededReason says the revision is applied, pruned and healthy.
	ReconciliationSucceededReason = meta.ReconciliationSucceededReason

	// ReconciliationFailedReason says no client could be made for the target cluster, or that objects could not be applied.
	ReconciliationFailedReason = meta.ReconciliationFailedReason

	// ArtifactFailedReason says the source, its artifact or spec.path is missing, or that the artifact could not be downloaded,
	// verified or unpacked.
	ArtifactFailedReason = meta.ArtifactFailedReason

	// DirCreationFailedReason says no working directory could be made.
	DirCreationFailedReason = "DirCreationFailed"

	// BuildFailedReason says the manifests could not be generated, decrypted, built or substituted.
	BuildFailedReason = meta.BuildFailedReason

	// PruneFailedReason says objects that left the source could not be deleted; they stay in the inventory.
	PruneFailedReason = meta.PruneFailedReason

	// HealthCheckFailedReason says objects failed, or did not become current before the timeout.
	HealthCheckFailedReason = meta.HealthCheckFailedReason

	// HealthCheckCanceledReason says the wait for health ended because something newer is to be reconciled.
	HealthCheckCanceledReason = meta.HealthCheckCanceledReason

	// DependencyNotReadyReason says an object of spec.dependsOn is not ready.
	DependencyNotReadyReason = meta.DependencyNotReadyReason

	// InvalidCELExpressionReason says an expression in spec is not valid; nothing is retried until the object changes.
	InvalidCELExpressionReason = meta.InvalidCELExpressionReason

	// FeatureGateDisabledReason says a field needs a feature gate that is off; nothing is retried until the object changes.
	FeatureGateDisabledReason = meta.FeatureGateDisabledReason

	// AccessDeniedReason says the reference to the source is not allowed; nothing is retried until the object changes.
	AccessDeniedReason = acl.AccessDeniedReason

	// UnsupportedReason says a field asks for something this version does not do; nothing is retried until the object changes.
	UnsupportedReason = "Unsupported"
)
