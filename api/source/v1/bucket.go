// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// BucketKind is the kind of Bucket.
const BucketKind = "Bucket"

// Reasons of Bucket.
const (
	// BucketOperationFailedReason says the bucket does not exist, or could not be listed or downloaded.
	BucketOperationFailedReason = "BucketOperationFailed"

	// InvalidSTSConfigurationReason says spec.sts does not go with spec.provider.
	InvalidSTSConfigurationReason = "InvalidSTSConfiguration"
)

// Values of spec.sts.provider.
const (
	// STSProviderAmazon is the security token service of AWS.
	STSProviderAmazon = "aws"

	// STSProviderLDAP is the LDAP service of S3-compatible stores.
	STSProviderLDAP = "ldap"
)

// BucketSpec says which objects of which bucket to publish.
// +kubebuilder:validation:XValidation:rule="self.provider == 'aws' || self.provider == 'generic' || !has(self.sts)", message="STS configuration is only supported for the 'aws' and 'generic' Bucket providers"
// +kubebuilder:validation:XValidation:rule="self.provider != 'aws' || !has(self.sts) || self.sts.provider == 'aws'", message="'aws' is the only supported STS provider for the 'aws' Bucket provider"
// +kubebuilder:validation:XValidation:rule="self.provider != 'generic' || !has(self.sts) || self.sts.provider == 'ldap'", message="'ldap' is the only supported STS provider for the 'generic' Bucket provider"
// +kubebuilder:validation:XValidation:rule="!has(self.sts) || self.sts.provider != 'aws' || !has(self.sts.secretRef)", message="spec.sts.secretRef is not required for the 'aws' STS provider"
// +kubebuilder:validation:XValidation:rule="!has(self.sts) || self.sts.provider != 'aws' || !has(self.sts.certSecretRef)", message="spec.sts.certSecretRef is not required for the 'aws' STS provider"
// +kubebuilder:validation:XValidation:rule="self.provider != 'generic' || !has(self.serviceAccountName)", message="ServiceAccountName is not supported for the 'generic' Bucket provider"
// +kubebuilder:validation:XValidation:rule="!has(self.secretRef) || !has(self.serviceAccountName)", message="cannot set both .spec.secretRef and .spec.serviceAccountName"
type BucketSpec struct {
	// Provider of the store. Default: generic, any S3-compatible store with static keys or none.
	// +kubebuilder:validation:Enum=generic;aws;gcp;azure
	// +kubebuilder:default:=generic
	// +optional
	Provider string `json:"provider,omitempty"`

	// BucketName is the name of the bucket, for azure of the container. One that does not exist fails with
	// BucketOperationFailed.
	// +required
	BucketName string `json:"bucketName"`

	// Endpoint is host[:port] without scheme for generic and aws, https://<account>.blob.core.windows.net for azure. gcp does
	// not use it.
	// +required
	Endpoint string `json:"endpoint"`

	// STS says how temporary credentials are obtained. Providers aws and generic only. Default: none for generic, the chain of
	// the AWS client for aws.
	// +optional
	STS *BucketSTSSpec `json:"sts,omitempty"`

	// Insecure talks plain HTTP to the endpoint. Providers generic and aws only. Default: false.
	// +optional
	Insecure bool `json:"insecure,omitempty"`

	// Region of the bucket. Default: what the store reports.
	// +optional
	Region string `json:"region,omitempty"`

	// Prefix that keys must have; the store filters. Default: all keys.
	// +optional
	Prefix string `json:"prefix,omitempty"`

	// SecretRef names a Secret in the namespace of the object. generic and aws: accesskey and secretkey. gcp: serviceaccount.
	// azure: one of the sets of keys of a service principal, a managed identity, an account key or a SAS key. Default: anonymous
	// for generic, workload identity for the others. Missing keys fail with AuthenticationFailed and are named.
	// +optional
	SecretRef *meta.LocalObjectReference `json:"secretRef,omitempty"`

	// ServiceAccountName names a ServiceAccount in the namespace of the object whose cloud identity is used instead of the
	// controller's. Not for generic, not together with secretRef. Needs the feature gate ObjectLevelWorkloadIdentity; with the
	// gate off the object stalls with FeatureGateDisabled.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`

	// CertSecretRef names a Secret in the namespace of the object with ca.crt (added to the system roots), tls.crt and tls.key
	// (client certificate). Providers generic and aws only. Half a pair, or none of them, fails with AuthenticationFailed.
	// +optional
	CertSecretRef *meta.LocalObjectReference `json:"certSecretRef,omitempty"`

	// ProxySecretRef names a Secret in the namespace of the object with the proxy to use: address, and username and password if
	// the proxy wants them. Default: the proxy variables of the controller's environment. A missing or malformed Secret fails with
	// AuthenticationFailed.
	// +optional
	ProxySecretRef *meta.LocalObjectReference `json:"proxySecretRef,omitempty"`

	// Interval is the time between two listings of the bucket after a run without error, such as 5m; jitter of some percent is
	// added. Failed runs are retried with a growing delay instead.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +required
	Interval metav1.Duration `json:"interval"`

	// Timeout bounds the listing and the download, each, such as 60s; hours are not accepted. Default: 60s.
	// +kubebuilder:default="60s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m))+$"
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`

	// Ignore holds rules in .gitignore syntax for keys to leave out, after those of the object .sourceignore in the root of the
	// bucket. There is no default set for buckets. A malformed rule matches nothing.
	// +optional
	Ignore *string `json:"ignore,omitempty"`

	// Suspend stops reconciling the object while it is true. The published artifact and the conditions stay as they are.
	// Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// BucketSTSSpec says where temporary credentials for a bucket come from.
type BucketSTSSpec struct {
	// Provider of the token service: aws with the provider aws, ldap with the provider generic.
	// +kubebuilder:validation:Enum=aws;ldap
	// +required
	Provider string `json:"provider"`

	// Endpoint of the token service. For aws it has to be an address of Amazon's service.
	// +kubebuilder:validation:Pattern="^(http|https)://.*$"
	// +required
	Endpoint string `json:"endpoint"`

	// SecretRef names a Secret in the namespace of the object with username and password. Provider ldap only.
	// +optional
	SecretRef *meta.LocalObjectReference `json:"secretRef,omitempty"`

	// CertSecretRef names a Secret in the namespace of the object with ca.crt, tls.crt and tls.key for the token service.
	// Provider ldap only.
	// +optional
	CertSecretRef *meta.LocalObjectReference `json:"certSecretRef,omitempty"`
}

// BucketStatus is what the controller last saw and published.
type BucketStatus struct {
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

	// Artifact is what is published. Its revision is a digest over the keys and etags of the objects. It stays while later runs
	// fail.
	// +optional
	Artifact *meta.Artifact `json:"artifact,omitempty"`

	// ObservedIgnore is spec.ignore as it was when the artifact was made.
	// +optional
	ObservedIgnore *string `json:"observedIgnore,omitempty"`

	meta.ReconcileRequestStatus `json:",inline"`
}

// Bucket publishes the objects of a bucket as an artifact.
// +genclient
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories={all,fluxcd,fluxcd-sources}
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:printcolumn:name="Endpoint",type=string,JSONPath=`.spec.endpoint`
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp",description=""
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type==\"Ready\")].status",description=""
// +kubebuilder:printcolumn:name="Status",type="string",JSONPath=".status.conditions[?(@.type==\"Ready\")].message",description=""
type Bucket struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec BucketSpec `json:"spec,omitempty"`
	// +kubebuilder:default={"observedGeneration":-1}
	Status BucketStatus `json:"status,omitempty"`
}

// BucketList is a list of Bucket objects.
// +kubebuilder:object:root=true
type BucketList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []Bucket `json:"items"`
}

// GetConditions returns the conditions of the status.
func (in *Bucket) GetConditions() []metav1.Condition { return in.Status.Conditions }

// SetConditions replaces the conditions of the status.
func (in *Bucket) SetConditions(conditions []metav1.Condition) { in.Status.Conditions = conditions }

// GetArtifact returns what is published, nil before the first success.
func (in *Bucket) GetArtifact() *meta.Artifact { return in.Status.Artifact }

// GetRequeueAfter returns the time between two runs without error.
func (in *Bucket) GetRequeueAfter() time.Duration { return in.Spec.Interval.Duration }

// GetTimeout returns the bound of the listing and of the download.
func (in *Bucket) GetTimeout() time.Duration { return timeoutOrDefault(in.Spec.Timeout) }
