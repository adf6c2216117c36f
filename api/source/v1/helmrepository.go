// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"time"

	"github.com/fluxcd/pkg/apis/acl"
	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// HelmRepositoryKind is the kind of HelmRepository.
const HelmRepositoryKind = "HelmRepository"

// Values of spec.type of a HelmRepository.
const (
	// HelmRepositoryTypeDefault is a repository with an index file behind HTTP(S).
	HelmRepositoryTypeDefault = "default"

	// HelmRepositoryTypeOCI is a repository in an OCI registry.
	HelmRepositoryTypeOCI = "oci"
)

// IndexationFailedReason says the index of a Helm repository could not be parsed.
const IndexationFailedReason = "IndexationFailed"

// defaultIndexInterval is what an absent spec.interval means; the CRD has no default for it.
const defaultIndexInterval = time.Minute

// HelmRepositorySpec says where charts are listed.
type HelmRepositorySpec struct {
	// URL of the repository: http or https for the type default (the index is expected at <url>/index.yaml), oci for the type
	// oci. An oci URL without the type oci stalls the object with URLInvalid.
	// +kubebuilder:validation:Pattern="^(http|https|oci)://.*$"
	// +required
	URL string `json:"url"`

	// SecretRef names a Secret in the namespace of the object with username and password (both). For the type oci a Secret of
	// type kubernetes.io/dockerconfigjson works too. Default: anonymous. A missing or malformed Secret fails with
	// AuthenticationFailed and is retried.
	// +optional
	SecretRef *meta.LocalObjectReference `json:"secretRef,omitempty"`

	// CertSecretRef names a Secret in the namespace of the object with ca.crt (added to the system roots), tls.crt and tls.key
	// (client certificate). Half a pair, or none of them, fails with AuthenticationFailed.
	// +optional
	CertSecretRef *meta.LocalObjectReference `json:"certSecretRef,omitempty"`

	// PassCredentials sends the credentials of secretRef also to hosts other than that of the index when charts are downloaded
	// from there. Default: false.
	// +optional
	PassCredentials bool `json:"passCredentials,omitempty"`

	// Interval is the time between two downloads of the index after a run without error, such as 10m; jitter of some percent is
	// added. Default: 1m. Not used by the type oci.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	Interval metav1.Duration `json:"interval,omitempty"`

	// Insecure allows plain HTTP to the registry. Type oci only. Default: false.
	// +optional
	Insecure bool `json:"insecure,omitempty"`

	// Timeout bounds the download of the index or, for the type oci, one operation on a chart, such as 60s; hours are not
	// accepted. Default: 1m.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m))+$"
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`

	// Suspend stops reconciling the object while it is true. Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// AccessFrom is reserved for sharing across namespaces. It is accepted and neither grants nor denies anything.
	// +optional
	AccessFrom *acl.AccessFrom `json:"accessFrom,omitempty"`

	// Type of the repository: default (an index file behind HTTP) or oci (a registry). Default: default. An object of the type
	// oci is only looked up by charts; it gets no conditions and no artifact.
	// +kubebuilder:validation:Enum=default;oci
	// +optional
	Type string `json:"type,omitempty"`

	// Provider says where credentials come from: generic is the Secret of secretRef, the others use the controller's cloud
	// identity. Type oci only; ignored when secretRef is set. Default: generic.
	// +kubebuilder:validation:Enum=generic;aws;azure;gcp
	// +kubebuilder:default:=generic
	// +optional
	Provider string `json:"provider,omitempty"`
}

// HelmRepositoryStatus is what the controller last saw and published.
type HelmRepositoryStatus struct {
	// ObservedGeneration is the generation of the spec that was last dealt with: by a run that succeeded, found nothing to do,
	// stalled, or met a suspended object. -1 until then.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Conditions summarise the last run; Ready is the one to wait for.
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// URL is the address of the link to the latest index. Prefer artifact.url, which does not change under its reader.
	// +optional
	URL string `json:"url,omitempty"`

	// Artifact is the index that is published, as JSON. It stays while later runs fail.
	// +optional
	Artifact *meta.Artifact `json:"artifact,omitempty"`

	meta.ReconcileRequestStatus `json:",inline"`
}

// HelmRepository publishes the index of a Helm repository, or names a registry that holds charts.
// +genclient
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=helmrepo,categories={all,fluxcd,fluxcd-sources}
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=`.spec.url`
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp",description=""
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type==\"Ready\")].status",description=""
// +kubebuilder:printcolumn:name="Status",type="string",JSONPath=".status.conditions[?(@.type==\"Ready\")].message",description=""
type HelmRepository struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec HelmRepositorySpec `json:"spec,omitempty"`
	// +kubebuilder:default={"observedGeneration":-1}
	Status HelmRepositoryStatus `json:"status,omitempty"`
}

// HelmRepositoryList is a list of HelmRepository objects.
// +kubebuilder:object:root=true
type HelmRepositoryList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []HelmRepository `json:"items"`
}

// GetConditions returns the conditions of the status.
func (in *HelmRepository) GetConditions() []metav1.Condition { return in.Status.Conditions }

// SetConditions replaces the conditions of the status.
func (in *HelmRepository) SetConditions(conditions []metav1.Condition) {
	in.Status.Conditions = conditions
}

// GetArtifact returns the published index, nil before the first success and for the type oci.
func (in *HelmRepository) GetArtifact() *meta.Artifact { return in.Status.Artifact }

// GetRequeueAfter returns the time between two runs without error.
func (in *HelmRepository) GetRequeueAfter() time.Duration {
	if in.Spec.Interval.Duration == 0 {
		return defaultIndexInterval
	}
	return in.Spec.Interval.Duration
}

// GetTimeout returns the bound of a download or of an operation on a chart.
func (in *HelmRepository) GetTimeout() time.Duration { return timeoutOrDefault(in.Spec.Timeout) }
