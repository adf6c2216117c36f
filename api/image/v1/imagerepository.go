// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"time"

	"github.com/fluxcd/pkg/apis/acl"
	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ImageRepositoryKind is the kind of ImageRepository.
const ImageRepositoryKind = "ImageRepository"

// Reasons of ImageRepository.
const (
	// AuthenticationFailedReason says a Secret or ServiceAccount is missing or malformed, or that no token could be obtained.
	AuthenticationFailedReason = "AuthenticationFailed"

	// ReadOperationFailedReason says the tags could not be listed, filtered or stored.
	ReadOperationFailedReason = "ReadOperationFailed"
)

// minScanTimeout is the least time a scan is given, also when less is asked for.
const minScanTimeout = time.Second

// ImageRepositorySpec says which image to list the tags of.
type ImageRepositorySpec struct {
	// Image is host and path of the image, without scheme, tag and digest, such as ghcr.io/org/app. Another form stalls the object with
	// ImageURLInvalid.
	// +required
	Image string `json:"image"`

	// Interval is the time between two scans, such as 5m; 0s scans only when something asks for it. Failed scans are retried with a
	// growing delay instead.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +required
	Interval metav1.Duration `json:"interval"`

	// Timeout bounds a scan with all it needs, such as 60s; hours are not accepted. Default: interval. At least 1s is given.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m))+$"
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`

	// SecretRef names a Secret of type kubernetes.io/dockerconfigjson in the namespace of the object. Ignored with a cloud provider.
	// Default: anonymous. A missing Secret fails with AuthenticationFailed.
	// +optional
	SecretRef *meta.LocalObjectReference `json:"secretRef,omitempty"`

	// ProxySecretRef names a Secret in the namespace of the object with the proxy to use: address, and username and password if the
	// proxy wants them. Default: the proxy variables of the controller's environment.
	// +optional
	ProxySecretRef *meta.LocalObjectReference `json:"proxySecretRef,omitempty"`

	// ServiceAccountName names a ServiceAccount in the namespace of the object, of up to 253 characters. With the provider generic its
	// imagePullSecrets are used, with another one its cloud identity, which needs the feature gate ObjectLevelWorkloadIdentity: with the
	// gate off the object stalls with FeatureGateDisabled.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`

	// CertSecretRef names a Secret in the namespace of the object with ca.crt (added to the system roots), tls.crt and tls.key (client
	// certificate). Half a pair, or none of them, fails with AuthenticationFailed.
	// +optional
	CertSecretRef *meta.LocalObjectReference `json:"certSecretRef,omitempty"`

	// Suspend stops reconciling the object while it is true. Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// AccessFrom says which other namespaces' policies may use the tags. Default: none. Policies of the namespace of the object always
	// may.
	// +optional
	AccessFrom *acl.AccessFrom `json:"accessFrom,omitempty"`

	// ExclusionList holds up to 25 regular expressions (Go syntax, matching anywhere); a tag that matches one is left out. Default:
	// signatures of cosign. An empty list means the default. One that does not compile fails with ReadOperationFailed.
	// +kubebuilder:default:={"^.*\\.sig$"}
	// +kubebuilder:validation:MaxItems:=25
	// +optional
	ExclusionList []string `json:"exclusionList,omitempty"`

	// Provider says where credentials come from. Default: generic, the Secrets of secretRef and serviceAccountName. The others use a
	// cloud identity; the registry host has to belong to the provider.
	// +kubebuilder:validation:Enum=generic;aws;azure;gcp
	// +kubebuilder:default:=generic
	// +optional
	Provider string `json:"provider,omitempty"`

	// Insecure allows plain HTTP to the registry. Default: false.
	// +optional
	Insecure bool `json:"insecure,omitempty"`
}

// ScanResult tells what a scan found.
type ScanResult struct {
	// Revision changes exactly when the tags do; its form says nothing.
	// +optional
	Revision string `json:"revision,omitempty"`

	// TagCount is the number of tags after exclusion.
	// +required
	TagCount int `json:"tagCount"`

	// ScanTime is when the registry was asked.
	// +optional
	ScanTime *metav1.Time `json:"scanTime,omitempty"`

	// LatestTags are the first ten tags in descending byte order, which need not be the newest.
	// +optional
	LatestTags []string `json:"latestTags,omitempty"`
}

// ImageRepositoryStatus is what the controller last saw.
type ImageRepositoryStatus struct {
	// Conditions summarise the last run; Ready is the one to wait for.
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// ObservedGeneration is the generation of the spec that was last dealt with: by a run that succeeded or stalled. -1 until then.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// CanonicalImageName is the image with registry host and path in full, such as index.docker.io/library/alpine.
	// +optional
	CanonicalImageName string `json:"canonicalImageName,omitempty"`

	// LastScanResult tells what the last scan found. It stays while later scans fail.
	// +optional
	LastScanResult *ScanResult `json:"lastScanResult,omitempty"`

	// ObservedExclusionList is the list of exclusions of the last scan, with the default filled in.
	// +optional
	ObservedExclusionList []string `json:"observedExclusionList,omitempty"`

	meta.ReconcileRequestStatus `json:",inline"`
}

// ImageRepository lists the tags of an image.
// +genclient
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=imgrepo;imagerepo,categories={all,fluxcd,fluxcd-images}
// +kubebuilder:printcolumn:name="Image",type=string,JSONPath=`.spec.image`
// +kubebuilder:printcolumn:name="Tags",type=string,JSONPath=`.status.lastScanResult.tagCount`
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type==\"Ready\")].status",description=""
// +kubebuilder:printcolumn:name="Status",type="string",JSONPath=".status.conditions[?(@.type==\"Ready\")].message",description=""
// +kubebuilder:printcolumn:name="Last scan",type=string,JSONPath=`.status.lastScanResult.scanTime`,priority=1
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp",description=""
type ImageRepository struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec ImageRepositorySpec `json:"spec,omitempty"`
	// +kubebuilder:default={"observedGeneration":-1}
	Status ImageRepositoryStatus `json:"status,omitempty"`
}

// ImageRepositoryList is a list of ImageRepository objects.
// +kubebuilder:object:root=true
type ImageRepositoryList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []ImageRepository `json:"items"`
}

// GetConditions returns the conditions of the status.
func (in *ImageRepository) GetConditions() []metav1.Condition { return in.Status.Conditions }

// SetConditions replaces the conditions of the status.
func (in *ImageRepository) SetConditions(conditions []metav1.Condition) {
	in.Status.Conditions = conditions
}

// GetRequeueAfter returns the time between two scans, 0 for none by time.
func (in *ImageRepository) GetRequeueAfter() time.Duration { return in.Spec.Interval.Duration }

// GetTimeout returns the bound of a scan.
func (in *ImageRepository) GetTimeout() time.Duration {
	timeout := in.Spec.Interval.Duration
	if in.Spec.Timeout != nil {
		timeout = in.Spec.Timeout.Duration
	}
	return max(timeout, minScanTimeout)
}
