// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"github.com/fluxcd/pkg/apis/acl"
	"github.com/fluxcd/pkg/apis/meta"
)

// Reasons that conditions and events of several image kinds share.
const (
	// ImageURLInvalidReason says spec.image of an ImageRepository is not a name without scheme, tag and digest; nothing is retried until
	// the object changes.
	ImageURLInvalidReason = "ImageURLInvalid"

	// FailureReason says a run failed in a way that no other reason covers.
	FailureReason = "Failure"

	// AccessDeniedReason says the reference to another namespace is not allowed.
	AccessDeniedReason = acl.AccessDeniedReason

	// DependencyNotReadyReason says the ImageRepository is missing or has no tags yet.
	DependencyNotReadyReason = meta.DependencyNotReadyReason

	// FeatureGateDisabledReason says a field needs a feature gate that is off; nothing is retried until the object changes.
	FeatureGateDisabledReason = meta.FeatureGateDisabledReason

	// UnsupportedReason says a field asks for something this version does not do; nothing is retried until the object changes.
	UnsupportedReason = "Unsupported"
)

// Values of spec.provider of an ImageRepository.
const (
	// ProviderGeneric uses the Secrets of secretRef and serviceAccountName, or nothing.
	ProviderGeneric = "generic"

	// ProviderAWS uses an AWS identity.
	ProviderAWS = "aws"

	// ProviderAzure uses a Microsoft Entra identity.
	ProviderAzure = "azure"

	// ProviderGCP uses a Google Cloud identity.
	ProviderGCP = "gcp"
)

// ImageRef is an image with what was chosen of it.
type ImageRef struct {
	// Name of the image as the ImageRepository writes it.
	// +required
	Name string `json:"name"`

	// Tag that was chosen.
	// +required
	Tag string `json:"tag"`

	// Digest the tag pointed at when it was looked up, <algorithm>:<hex>. Empty when the policy does not reflect digests.
	// +optional
	Digest string `json:"digest,omitempty"`
}

// String returns name:tag, followed by @digest where there is one.
func (in ImageRef) String() string {
	s := in.Name + ":" + in.Tag
	if in.Digest != "" {
		s += "@" + in.Digest
	}
	return s
}
