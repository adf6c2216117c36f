// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v2

// Labels that the HelmChart made for a HelmRelease carries: they name its owner.
const (
	// NameLabel holds the name of the HelmRelease.
	NameLabel = Group + "/name"

	// NamespaceLabel holds the namespace of the HelmRelease.
	NamespaceLabel = Group + "/namespace"
)

// ResetRequestAnnotation asks for the failure counters to be cleared, once for each new value, when the value equals that of the
// reconcile request.
const ResetRequestAnnotation = "reconcile.fluxcd.io/resetAt"

const (
	// DriftDetectionKey with DriftDetectionDisabledValue, as label or annotation on a rendered or live object, leaves that object out
	// of drift detection.
	DriftDetectionKey = Group + "/driftDetection"

	// DriftDetectionDisabledValue is the value that counts; it compares case-insensitively.
	DriftDetectionDisabledValue = "disabled"
)

// Keys that events about HelmReleases carry in their metadata.
const (
	// RevisionMetadataKey holds the version of the chart.
	RevisionMetadataKey = Group + "/revision"

	// TokenMetadataKey holds the digest of the values.
	TokenMetadataKey = Group + "/token"

	// AppVersionMetadataKey holds the version of the application in the chart.
	AppVersionMetadataKey = Group + "/app-version"

	// OCIDigestMetadataKey holds the digest of the OCI artifact the chart came from.
	OCIDigestMetadataKey = Group + "/oci-digest"
)
