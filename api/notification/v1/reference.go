// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v1

// CrossNamespaceObjectReference names objects, possibly in another namespace.
type CrossNamespaceObjectReference struct {
	// APIVersion of the objects. Alerts ignore it; receivers use it where it is set, else the version that this project serves.
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`

	// Kind of the objects.
	// +kubebuilder:validation:Enum=Bucket;GitRepository;Kustomization;HelmRelease;HelmChart;HelmRepository;ImageRepository;ImagePolicy;ImageUpdateAutomation;OCIRepository;ArtifactGenerator;ExternalArtifact
	// +required
	Kind string `json:"kind"`

	// Name of the object, or * for all of them, of 1 to 253 characters.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`

	// Namespace of the objects, of 1 to 253 characters; there is no wildcard. Default: that of the referring object. Where
	// cross-namespace references are blocked another one is refused.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Namespace string `json:"namespace,omitempty"`

	// MatchLabels are labels the objects must have, all of them. Default: none.
	// +optional
	MatchLabels map[string]string `json:"matchLabels,omitempty"`
}
