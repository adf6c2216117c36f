// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// OCIRepositoryKind is the kind of OCIRepository.
const OCIRepositoryKind = "OCIRepository"

// Reasons of OCIRepository.
const (
	// OCIPullFailedReason says the digest could not be looked up or the artifact could not be pulled.
	OCIPullFailedReason = "OCIArtifactPullFailed"

	// OCILayerOperationFailedReason says the manifest has no layer that fits, or that the layer could not be unpacked or copied.
	OCILayerOperationFailedReason = "OCIArtifactLayerOperationFailed"
)

// Values of spec.layerSelector.operation.
const (
	// OCILayerExtract unpacks the layer, a gzip-compressed tar, and archives its files.
	OCILayerExtract = "extract"

	// OCILayerCopy stores the layer as it is.
	OCILayerCopy = "copy"
)

// OCIDefaultTag is the tag of a repository whose spec names no reference at all.
const OCIDefaultTag = "latest"

// OCIRepositorySpec says which artifact of which registry repository to publish.
type OCIRepositorySpec struct {
	// URL is oci://<host>/<path>. A tag or digest in it stalls the object with URLInvalid: those belong into ref.
	// +kubebuilder:validation:Pattern="^oci://.*$"
	// +required
	URL string `json:"url"`

	// Reference says which artifact to take. Default: the tag latest.
	// +optional
	Reference *OCIRepositoryRef `json:"ref,omitempty"`

	// LayerSelector says which layer to take and what to do with it. Default: unpack the first layer.
	// +optional
	LayerSelector *OCILayerSelector `json:"layerSelector,omitempty"`

	// Provider says where credentials come from. Default: generic, the Secrets of secretRef and serviceAccountName. The others
	// use a workload identity, when neither yields a Secret; the registry host has to belong to the provider, otherwise the run
	// fails with AuthenticationFailed.
	// +kubebuilder:validation:Enum=generic;aws;azure;gcp
	// +kubebuilder:default:=generic
	// +optional
	Provider string `json:"provider,omitempty"`

	// SecretRef names a Secret of type kubernetes.io/dockerconfigjson in the namespace of the object. Default: anonymous. A
	// missing Secret fails with AuthenticationFailed and is retried.
	// +optional
	SecretRef *meta.LocalObjectReference `json:"secretRef,omitempty"`

	// Verification asks for a valid signature before anything is pulled. Default: none. A refused signature sets SourceVerified
	// to False; the artifact of an earlier run stays.
	// +optional
	Verification *OCIRepositoryVerification `json:"verify,omitempty"`

	// ServiceAccountName names a ServiceAccount in the namespace of the object. Its imagePullSecrets are used besides secretRef;
	// with a cloud provider its identity is used, which needs the feature gate ObjectLevelWorkloadIdentity: with the gate off
	// the object stalls with FeatureGateDisabled.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`

	// CertSecretRef names a Secret in the namespace of the object with ca.crt (added to the system roots), tls.crt and tls.key
	// (client certificate). Half a pair, or none of them, fails with AuthenticationFailed.
	// +optional
	CertSecretRef *meta.LocalObjectReference `json:"certSecretRef,omitempty"`

	// ProxySecretRef names a Secret in the namespace of the object with the proxy to use: address, and username and password if
	// the proxy wants them. Default: the proxy variables of the controller's environment. A missing or malformed Secret fails with
	// AuthenticationFailed.
	// +optional
	ProxySecretRef *meta.LocalObjectReference `json:"proxySecretRef,omitempty"`

	// Interval is the time between two looks at the registry after a run without error, such as 5m; jitter of some percent is
	// added. Failed runs are retried with a growing delay instead.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +required
	Interval metav1.Duration `json:"interval"`

	// Timeout bounds one exchange with the registry, such as 60s; hours are not accepted. Default: 60s.
	// +kubebuilder:default="60s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m))+$"
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`

	// Ignore holds rules in .gitignore syntax for files to leave out of the artifact, after those of .sourceignore files. Any
	// rule replaces the default set. Has no effect with the operation copy.
	// +optional
	Ignore *string `json:"ignore,omitempty"`

	// Insecure allows plain HTTP to the registry and, without certSecretRef, certificates nobody vouches for. Default: false.
	// +optional
	Insecure bool `json:"insecure,omitempty"`

	// Suspend stops reconciling the object while it is true. The published artifact and the conditions stay as they are.
	// Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// OCIRepositoryRef names an artifact. When several fields are set the first of digest, semver and tag counts.
type OCIRepositoryRef struct {
	// Digest of the manifest, sha256:<hex>. A malformed one fails with OCIArtifactPullFailed.
	// +optional
	Digest string `json:"digest,omitempty"`

	// SemVer is a constraint such as ">=1.0.0 <2.0.0"; the highest tag that satisfies it is taken. An invalid constraint, or one
	// no tag satisfies, fails with ReadOperationFailed.
	// +optional
	SemVer string `json:"semver,omitempty"`

	// SemverFilter is a regular expression (Go syntax) that tags must match before semver looks at them. Without semver it has no
	// effect.
	// +optional
	SemverFilter string `json:"semverFilter,omitempty"`

	// Tag to take. Default: latest.
	// +optional
	Tag string `json:"tag,omitempty"`
}

// OCILayerSelector picks a layer of the artifact.
type OCILayerSelector struct {
	// MediaType of the layer; the first layer of that type is taken. Default: the first layer. A type that no layer has fails
	// with OCIArtifactLayerOperationFailed.
	// +optional
	MediaType string `json:"mediaType,omitempty"`

	// Operation says what to do with the layer: extract unpacks the gzip-compressed tar and archives its files, copy stores the
	// blob as it is. Default: extract.
	// +kubebuilder:validation:Enum=extract;copy
	// +optional
	Operation string `json:"operation,omitempty"`
}

// OCIRepositoryStatus is what the controller last saw and published.
type OCIRepositoryStatus struct {
	// ObservedGeneration is the generation of the spec that was last dealt with: by a run that succeeded, found nothing to do,
	// stalled, or met a suspended object. -1 until then.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Conditions summarise the last run; Ready is the one to wait for.
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// URL is the address of the link to the latest artifact. Prefer artifact.url, which does not change under its reader.
	// +optional
	URL string `json:"url,omitempty"`

	// Artifact is what is published; its metadata holds the annotations of the manifest. It stays while later runs fail.
	// +optional
	Artifact *meta.Artifact `json:"artifact,omitempty"`

	// ObservedIgnore is spec.ignore as it was when the artifact was made.
	// +optional
	ObservedIgnore *string `json:"observedIgnore,omitempty"`

	// ObservedLayerSelector is spec.layerSelector as it was when the artifact was made.
	// +optional
	ObservedLayerSelector *OCILayerSelector `json:"observedLayerSelector,omitempty"`

	meta.ReconcileRequestStatus `json:",inline"`
}

// OCIRepository publishes a layer of an OCI artifact.
// +genclient
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=ocirepo,categories={all,fluxcd,fluxcd-sources}
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=`.spec.url`
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type==\"Ready\")].status",description=""
// +kubebuilder:printcolumn:name="Status",type="string",JSONPath=".status.conditions[?(@.type==\"Ready\")].message",description=""
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp",description=""
type OCIRepository struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec OCIRepositorySpec `json:"spec,omitempty"`
	// +kubebuilder:default={"observedGeneration":-1}
	Status OCIRepositoryStatus `json:"status,omitempty"`
}

// OCIRepositoryList is a list of OCIRepository objects.
// +kubebuilder:object:root=true
type OCIRepositoryList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []OCIRepository `json:"items"`
}

// GetConditions returns the conditions of the status.
func (in *OCIRepository) GetConditions() []metav1.Condition { return in.Status.Conditions }

// SetConditions replaces the conditions of the status.
func (in *OCIRepository) SetConditions(conditions []metav1.Condition) {
	in.Status.Conditions = conditions
}

// GetArtifact returns what is published, nil before the first success.
func (in *OCIRepository) GetArtifact() *meta.Artifact { return in.Status.Artifact }

// GetRequeueAfter returns the time between two runs without error.
func (in *OCIRepository) GetRequeueAfter() time.Duration { return in.Spec.Interval.Duration }

// GetTimeout returns the bound of one exchange with the registry.
func (in *OCIRepository) GetTimeout() time.Duration { return timeoutOrDefault(in.Spec.Timeout) }

// GetLayerMediaType returns the media type of the wanted layer, empty for the first layer.
func (in *OCIRepository) GetLayerMediaType() string {
	if in.Spec.LayerSelector == nil {
		return ""
	}
	return in.Spec.LayerSelector.MediaType
}

// GetLayerOperation returns what to do with the layer.
func (in *OCIRepository) GetLayerOperation() string {
	if in.Spec.LayerSelector == nil || in.Spec.LayerSelector.Operation == "" {
		return OCILayerExtract
	}
	return in.Spec.LayerSelector.Operation
}
