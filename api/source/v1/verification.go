// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v1

import "github.com/fluxcd/pkg/apis/meta"

// Values of verify.provider.
const (
	// VerifyCosign checks cosign signatures, with keys or keyless.
	VerifyCosign = "cosign"

	// VerifyNotation checks Notary Project signatures.
	VerifyNotation = "notation"
)

// OCIRepositoryVerification says who has to have signed an OCI artifact.
type OCIRepositoryVerification struct {
	// Provider of the signature: cosign or notation. Default: cosign.
	// +kubebuilder:validation:Enum=cosign;notation
	// +kubebuilder:default:=cosign
	// +required
	Provider string `json:"provider"`

	// SecretRef names a Secret in the namespace of the object. cosign: public keys under *.pub, any of which may match; without
	// it the check is keyless. notation: trustpolicy.json and certificates under *.crt or *.pem. A missing Secret fails with
	// VerificationError.
	// +optional
	SecretRef *meta.LocalObjectReference `json:"secretRef,omitempty"`

	// MatchOIDCIdentity lists the identities of which one has to have signed. Keyless cosign only. Default: any identity.
	// +optional
	MatchOIDCIdentity []OIDCIdentityMatch `json:"matchOIDCIdentity,omitempty"`

	// TrustedRootSecretRef names a Secret in the namespace of the object with a Sigstore root of one's own under
	// trusted_root.json. Keyless cosign only. Default: the public instance.
	// +optional
	TrustedRootSecretRef *meta.LocalObjectReference `json:"trustedRootSecretRef,omitempty"`
}

// HelmChartVerification says who has to have signed a chart in an OCI registry.
type HelmChartVerification struct {
	// Provider of the signature: cosign or notation. Default: cosign.
	// +kubebuilder:validation:Enum=cosign;notation
	// +kubebuilder:default:=cosign
	// +required
	Provider string `json:"provider"`

	// SecretRef names a Secret in the namespace of the object. cosign: public keys under *.pub, any of which may match; without
	// it the check is keyless. notation: trustpolicy.json and certificates under *.crt or *.pem.
	// +optional
	SecretRef *meta.LocalObjectReference `json:"secretRef,omitempty"`

	// MatchOIDCIdentity lists the identities of which one has to have signed. Keyless cosign only. Default: any identity.
	// +optional
	MatchOIDCIdentity []OIDCIdentityMatch `json:"matchOIDCIdentity,omitempty"`
}

// OIDCIdentityMatch matches the certificate of a keyless signature; both expressions have to match.
type OIDCIdentityMatch struct {
	// Issuer is a regular expression (Go syntax) for the OIDC issuer.
	// +required
	Issuer string `json:"issuer"`

	// Subject is a regular expression (Go syntax) for the subject.
	// +required
	Subject string `json:"subject"`
}
