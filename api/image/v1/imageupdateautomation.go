// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
)

// ImageUpdateAutomationKind is the kind of ImageUpdateAutomation.
const ImageUpdateAutomationKind = "ImageUpdateAutomation"

// Reasons of ImageUpdateAutomation.
const (
	// InvalidPolicySelectorReason says spec.policySelector cannot be used; nothing is retried until the object changes.
	InvalidPolicySelectorReason = "InvalidPolicySelector"

	// InvalidSourceConfigurationReason says spec.git or spec.sourceRef cannot be used; nothing is retried until the object changes.
	InvalidSourceConfigurationReason = "InvalidSourceConfiguration"

	// InvalidUpdateStrategyReason says spec.update.strategy is not known; nothing is retried until the object changes.
	InvalidUpdateStrategyReason = "InvalidUpdateStrategy"

	// RemovedTemplateFieldReason says the commit message uses a field that templates no longer have; nothing is retried until the object
	// changes.
	RemovedTemplateFieldReason = "RemovedTemplateField"

	// SourceManagerFailedReason says the GitRepository or its credentials could not be read.
	SourceManagerFailedReason = "SourceManagerFailed"

	// GitOperationFailedReason says the repository could not be cloned, committed to or pushed to.
	GitOperationFailedReason = "GitOperationFailed"

	// UpdateFailedReason says the manifests could not be changed.
	UpdateFailedReason = "UpdateFailed"
)

// DefaultCommitMessage is the message of a commit when spec.git.commit.messageTemplate is empty.
const DefaultCommitMessage = "Update from image update automation"

// UpdateStrategyName is a way to find what to change.
// +kubebuilder:validation:Enum=Setters
type UpdateStrategyName string

// UpdateStrategySetters changes fields that a comment marks with the name of a policy.
const UpdateStrategySetters UpdateStrategyName = "Setters"

// SigningKeyType is a kind of key that commits are signed with.
// +kubebuilder:validation:Enum=gpg;ssh
type SigningKeyType string

// Values of SigningKeyType.
const (
	// SigningKeyGPG signs with OpenPGP; the default.
	SigningKeyGPG SigningKeyType = "gpg"

	// SigningKeySSH signs with an SSH key.
	SigningKeySSH SigningKeyType = "ssh"
)

// ImageUpdateAutomationSpec says what to change in which repository and how to write it back.
type ImageUpdateAutomationSpec struct {
	// SourceRef names the GitRepository to change. Its URL and credentials are used, not its artifact.
	// +required
	SourceRef CrossNamespaceSourceReference `json:"sourceRef"`

	// GitSpec says what to check out, how to commit and where to push. Without it the object stalls with InvalidSourceConfiguration.
	// +optional
	GitSpec *GitSpec `json:"git,omitempty"`

	// Interval is the time between two looks at the repository, such as 30m. Changes of policies start a run at once.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +required
	Interval metav1.Duration `json:"interval"`

	// PolicySelector chooses the ImagePolicies of the namespace of the object that take part. Default: all. An invalid one stalls the
	// object with InvalidPolicySelector.
	// +optional
	PolicySelector *metav1.LabelSelector `json:"policySelector,omitempty"`

	// Update says what to change. Default: marked fields in the whole repository.
	// +kubebuilder:default={"strategy":"Setters"}
	// +optional
	Update *UpdateStrategy `json:"update,omitempty"`

	// Suspend stops reconciling the object while it is true. Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// CrossNamespaceSourceReference names a GitRepository, possibly in another namespace.
type CrossNamespaceSourceReference struct {
	// APIVersion of the source. Accepted and ignored.
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`

	// Kind of the source.
	// +kubebuilder:validation:Enum=GitRepository
	// +kubebuilder:default=GitRepository
	// +required
	Kind string `json:"kind"`

	// Name of the source.
	// +required
	Name string `json:"name"`

	// Namespace of the source. Default: that of the object. Where cross-namespace references are blocked another one stalls the object
	// with AccessDenied.
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// GitSpec says what to check out, how to commit and where to push.
type GitSpec struct {
	// Checkout says what to change. Default: the reference of the GitRepository.
	// +optional
	Checkout *GitCheckoutSpec `json:"checkout,omitempty"`

	// Commit says how to commit.
	// +required
	Commit CommitSpec `json:"commit"`

	// Push says where to push. Default: the branch that was checked out.
	// +optional
	Push *PushSpec `json:"push,omitempty"`
}

// GitCheckoutSpec says what to change.
type GitCheckoutSpec struct {
	// Reference replaces that of the GitRepository as a whole.
	// +required
	Reference sourcev1.GitRepositoryRef `json:"ref"`
}

// CommitSpec says how to commit.
type CommitSpec struct {
	// Author of the commits.
	// +required
	Author CommitUser `json:"author"`

	// SigningKey signs the commits. Default: they are not signed.
	// +optional
	SigningKey *SigningKey `json:"signingKey,omitempty"`

	// MessageTemplate is a Go text template for the message. Default: Update from image update automation.
	// +optional
	MessageTemplate string `json:"messageTemplate,omitempty"`

	// MessageTemplateValues are at hand in the template as .Values.
	// +optional
	MessageTemplateValues map[string]string `json:"messageTemplateValues,omitempty"`
}

// CommitUser is the author of a commit.
type CommitUser struct {
	// Name of the author. Default: empty.
	// +optional
	Name string `json:"name,omitempty"`

	// Email address of the author.
	// +required
	Email string `json:"email"`
}

// SigningKey says what commits are signed with.
type SigningKey struct {
	// SecretRef names a Secret in the namespace of the object with the private key and, if it is encrypted, its passphrase.
	// +required
	SecretRef meta.LocalObjectReference `json:"secretRef"`

	// Type of the key: gpg or ssh. Default: gpg.
	// +optional
	Type SigningKeyType `json:"type,omitempty"`
}

// PushSpec says where to push.
type PushSpec struct {
	// Branch to push to; it is made when it does not exist. Default: the branch that was checked out.
	// +optional
	Branch string `json:"branch,omitempty"`

	// Refspec is pushed in addition to the branch, in the syntax of Git. A malformed one fails with GitOperationFailed.
	// +optional
	Refspec string `json:"refspec,omitempty"`

	// Options are sent to the server with the push, as key=value.
	// +optional
	Options map[string]string `json:"options,omitempty"`
}

// UpdateStrategy says what to change.
type UpdateStrategy struct {
	// Strategy to find what to change: Setters, fields that a comment marks with the name of a policy. Default: Setters.
	// +kubebuilder:default=Setters
	// +optional
	Strategy UpdateStrategyName `json:"strategy,omitempty"`

	// Path of the directory or file to change, below the root of the repository. Default: the root.
	// +optional
	Path string `json:"path,omitempty"`
}

// ObservedPolicies are chosen images by the name of the policy.
type ObservedPolicies map[string]ImageRef

// ImageUpdateAutomationStatus is what the controller last did.
type ImageUpdateAutomationStatus struct {
	// LastAutomationRunTime is when the last run began, whether it succeeded or not.
	// +optional
	LastAutomationRunTime *metav1.Time `json:"lastAutomationRunTime,omitempty"`

	// LastPushCommit is the hash of the commit that was last pushed.
	// +optional
	LastPushCommit string `json:"lastPushCommit,omitempty"`

	// LastPushTime is when it was pushed.
	// +optional
	LastPushTime *metav1.Time `json:"lastPushTime,omitempty"`

	// ObservedGeneration is the generation of the spec that was last dealt with: by a run that succeeded or stalled. -1 until then.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Conditions summarise the last run; Ready is the one to wait for.
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// ObservedPolicies are the images that the last complete run wrote.
	// +optional
	ObservedPolicies ObservedPolicies `json:"observedPolicies,omitempty"`

	// ObservedSourceRevision is the commit the last complete run ended with, <branch>@sha1:<hash>.
	// +optional
	ObservedSourceRevision string `json:"observedSourceRevision,omitempty"`

	meta.ReconcileRequestStatus `json:",inline"`
}

// ImageUpdateAutomation writes chosen images back to Git.
// +genclient
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=iua;imgupd;imgauto,categories={all,fluxcd,fluxcd-images}
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type==\"Ready\")].status",description=""
// +kubebuilder:printcolumn:name="Status",type="string",JSONPath=".status.conditions[?(@.type==\"Ready\")].message",description=""
// +kubebuilder:printcolumn:name="Last run",type=string,JSONPath=`.status.lastAutomationRunTime`,priority=1
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp",description=""
type ImageUpdateAutomation struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec ImageUpdateAutomationSpec `json:"spec,omitempty"`
	// +kubebuilder:default={"observedGeneration":-1}
	Status ImageUpdateAutomationStatus `json:"status,omitempty"`
}

// ImageUpdateAutomationList is a list of ImageUpdateAutomation objects.
// +kubebuilder:object:root=true
type ImageUpdateAutomationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []ImageUpdateAutomation `json:"items"`
}

// GetConditions returns the conditions of the status.
func (in *ImageUpdateAutomation) GetConditions() []metav1.Condition { return in.Status.Conditions }

// SetConditions replaces the conditions of the status.
func (in *ImageUpdateAutomation) SetConditions(conditions []metav1.Condition) {
	in.Status.Conditions = conditions
}

// GetRequeueAfter returns the time between two looks at the repository.
func (in *ImageUpdateAutomation) GetRequeueAfter() time.Duration { return in.Spec.Interval.Duration }
