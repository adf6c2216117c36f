// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ExternalArtifactKind is the kind of ExternalArtifact.
const ExternalArtifactKind = "ExternalArtifact"

// VerificationFailedReason says the producer of an external artifact could not verify what it was made from.
const VerificationFailedReason = "VerificationFailed"

// ExternalArtifactSpec says who makes the artifact.
type ExternalArtifactSpec struct {
	// SourceRef names the object the artifact is made from. Informational; nothing is looked up. The namespace defaults to that
	// of the ExternalArtifact.
	// +optional
	SourceRef *meta.NamespacedObjectKindReference `json:"sourceRef,omitempty"`
}

// ExternalArtifactStatus is written by the producer of the artifact, not by source-controller.
type ExternalArtifactStatus struct {
	// Artifact is what the producer serves: a gzip-compressed tar with the given digest.
	// +optional
	Artifact *meta.Artifact `json:"artifact,omitempty"`

	// Conditions of the artifact; Ready is the one to wait for.
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// ExternalArtifact publishes an artifact that a controller outside of this project makes and serves. Consumers accept it when
// their feature gate ExternalArtifact is on.
// +genclient
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=ea,categories={all,fluxcd,fluxcd-sources}
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp",description=""
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type==\"Ready\")].status",description=""
// +kubebuilder:printcolumn:name="Status",type="string",JSONPath=".status.conditions[?(@.type==\"Ready\")].message",description=""
// +kubebuilder:printcolumn:name="Source",type="string",JSONPath=".spec.sourceRef.name",description=""
type ExternalArtifact struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   ExternalArtifactSpec   `json:"spec,omitempty"`
	Status ExternalArtifactStatus `json:"status,omitempty"`
}

// ExternalArtifactList is a list of ExternalArtifact objects.
// +kubebuilder:object:root=true
type ExternalArtifactList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []ExternalArtifact `json:"items"`
}

// GetConditions returns the conditions of the status.
func (in *ExternalArtifact) GetConditions() []metav1.Condition { return in.Status.Conditions }

// SetConditions replaces the conditions of the status.
func (in *ExternalArtifact) SetConditions(conditions []metav1.Condition) {
	in.Status.Conditions = conditions
}

// GetArtifact returns what the producer serves, nil before it did.
func (in *ExternalArtifact) GetArtifact() *meta.Artifact { return in.Status.Artifact }
