// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ImagePolicyKind is the kind of ImagePolicy.
const ImagePolicyKind = "ImagePolicy"

// Reasons of ImagePolicy.
const (
	// InvalidPolicyReason says spec.policy or spec.filterTags cannot be used; nothing is retried until the object changes.
	InvalidPolicyReason = "InvalidPolicy"

	// IntervalNotConfiguredReason says digests are to be reflected always but spec.interval is absent.
	IntervalNotConfiguredReason = "IntervalNotConfigured"
)

// defaultDigestInterval is the time between two looks at a digest when spec.interval is 0.
const defaultDigestInterval = 10 * time.Minute

// ReflectionPolicy says when the digest of the chosen tag is looked up.
// +kubebuilder:validation:Enum=Always;IfNotPresent;Never
type ReflectionPolicy string

// Values of ReflectionPolicy.
const (
	// ReflectAlways looks it up on every run.
	ReflectAlways ReflectionPolicy = "Always"

	// ReflectIfNotPresent looks it up when another tag is chosen.
	ReflectIfNotPresent ReflectionPolicy = "IfNotPresent"

	// ReflectNever does not look it up; the default.
	ReflectNever ReflectionPolicy = "Never"
)

// Values of the order of a numerical or alphabetical policy.
const (
	// OrderAsc chooses the last in ascending order; the default.
	OrderAsc = "asc"

	// OrderDesc chooses the last in descending order.
	OrderDesc = "desc"
)

// ImagePolicySpec says how to choose a tag.
// +kubebuilder:validation:XValidation:rule="!has(self.interval) || (has(self.digestReflectionPolicy) && self.digestReflectionPolicy == 'Always')", message="spec.interval is only accepted when spec.digestReflectionPolicy is set to 'Always'"
// +kubebuilder:validation:XValidation:rule="has(self.interval) || !has(self.digestReflectionPolicy) || self.digestReflectionPolicy != 'Always'", message="spec.interval must be set when spec.digestReflectionPolicy is set to 'Always'"
type ImagePolicySpec struct {
	// ImageRepositoryRef names the ImageRepository whose tags are chosen from. The namespace defaults to that of the object; another one
	// has to admit this namespace in its spec.accessFrom.
	// +required
	ImageRepositoryRef meta.NamespacedObjectReference `json:"imageRepositoryRef"`

	// Policy says how to choose. The first of semver, alphabetical and numerical counts; none of them stalls the object with
	// InvalidPolicy.
	// +required
	Policy ImagePolicyChoice `json:"policy"`

	// FilterTags leaves out tags before the choice, or compares only a part of each. Default: all tags as they are.
	// +optional
	FilterTags *TagFilter `json:"filterTags,omitempty"`

	// DigestReflectionPolicy says when the digest of the chosen tag is looked up: Always, on every run; IfNotPresent, when another tag is
	// chosen; Never. Default: Never.
	// +kubebuilder:default:=Never
	// +optional
	DigestReflectionPolicy ReflectionPolicy `json:"digestReflectionPolicy,omitempty"`

	// Interval is the time between two looks at the digest, such as 10m; 0s means 10m. Has to be set with digestReflectionPolicy Always,
	// and only then.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	Interval *metav1.Duration `json:"interval,omitempty"`

	// Suspend stops reconciling the object while it is true. Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// ImagePolicyChoice is a way to choose a tag.
type ImagePolicyChoice struct {
	// SemVer chooses the highest version.
	// +optional
	SemVer *SemVerPolicy `json:"semver,omitempty"`

	// Alphabetical chooses by byte order.
	// +optional
	Alphabetical *AlphabeticalPolicy `json:"alphabetical,omitempty"`

	// Numerical chooses by numeric value; a tag that is not a number fails the run.
	// +optional
	Numerical *NumericalPolicy `json:"numerical,omitempty"`
}

// SemVerPolicy chooses the highest version.
type SemVerPolicy struct {
	// Range is a constraint such as ">=1.0.0 <2.0.0". Tags that are not versions of three parts are skipped; pre-releases count only when
	// the constraint mentions one. An invalid constraint stalls the object with InvalidPolicy.
	// +required
	Range string `json:"range"`
}

// AlphabeticalPolicy chooses by byte order.
type AlphabeticalPolicy struct {
	// Order is asc, the last letter of the alphabet wins, or desc, the first one. Default: asc.
	// +kubebuilder:default:="asc"
	// +kubebuilder:validation:Enum=asc;desc
	// +optional
	Order string `json:"order,omitempty"`
}

// NumericalPolicy chooses by numeric value.
type NumericalPolicy struct {
	// Order is asc, the highest number wins, or desc, the lowest one. Default: asc.
	// +kubebuilder:default:="asc"
	// +kubebuilder:validation:Enum=asc;desc
	// +optional
	Order string `json:"order,omitempty"`
}

// TagFilter leaves out tags and takes parts of them.
type TagFilter struct {
	// Pattern is a regular expression (Go syntax) that tags have to match somewhere. Default: all match. One that does not compile
	// stalls the object with InvalidPolicy.
	// +optional
	Pattern string `json:"pattern,omitempty"`

	// Extract is what is compared in place of the tag, with groups of the pattern as $1 or ${name}. Default: the tag.
	// +optional
	Extract string `json:"extract,omitempty"`
}

// ImagePolicyStatus is what the controller last chose.
type ImagePolicyStatus struct {
	// LatestRef is the image with the chosen tag. It stays while later runs fail.
	// +optional
	LatestRef *ImageRef `json:"latestRef,omitempty"`

	// ObservedPreviousRef is what latestRef was before it last changed.
	// +optional
	ObservedPreviousRef *ImageRef `json:"observedPreviousRef,omitempty"`

	// ObservedGeneration is the generation of the spec that was last dealt with: by a run that succeeded or stalled. -1 until then.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Conditions summarise the last run; Ready is the one to wait for.
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	meta.ReconcileRequestStatus `json:",inline"`
}

// ImagePolicy chooses a tag of an image.
// +genclient
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=imgpol;imagepol,categories={all,fluxcd,fluxcd-images}
// +kubebuilder:printcolumn:name="Image",type=string,JSONPath=`.status.latestRef.name`
// +kubebuilder:printcolumn:name="Tag",type=string,JSONPath=`.status.latestRef.tag`
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type==\"Ready\")].status",description=""
// +kubebuilder:printcolumn:name="Status",type="string",JSONPath=".status.conditions[?(@.type==\"Ready\")].message",description=""
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp",description=""
type ImagePolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec ImagePolicySpec `json:"spec,omitempty"`
	// +kubebuilder:default={"observedGeneration":-1}
	Status ImagePolicyStatus `json:"status,omitempty"`
}

// ImagePolicyList is a list of ImagePolicy objects.
// +kubebuilder:object:root=true
type ImagePolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []ImagePolicy `json:"items"`
}

// GetConditions returns the conditions of the status.
func (in *ImagePolicy) GetConditions() []metav1.Condition { return in.Status.Conditions }

// SetConditions replaces the conditions of the status.
func (in *ImagePolicy) SetConditions(conditions []metav1.Condition) {
	in.Status.Conditions = conditions
}

// GetDigestReflectionPolicy returns the policy with the default filled in.
func (in *ImagePolicy) GetDigestReflectionPolicy() ReflectionPolicy {
	if in.Spec.DigestReflectionPolicy == "" {
		return ReflectNever
	}
	return in.Spec.DigestReflectionPolicy
}

// GetRequeueAfter returns the time between two looks at the digest, 0 where digests are not looked up by time.
func (in *ImagePolicy) GetRequeueAfter() time.Duration {
	if in.GetDigestReflectionPolicy() != ReflectAlways || in.Spec.Interval == nil {
		return 0
	}
	if in.Spec.Interval.Duration == 0 {
		return defaultDigestInterval
	}
	return in.Spec.Interval.Duration
}
