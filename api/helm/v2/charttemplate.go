// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v2

import (
	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// HelmChartTemplate is what the HelmChart of a release is made from.
type HelmChartTemplate struct {
	// ObjectMeta is put on the HelmChart.
	// +optional
	ObjectMeta *HelmChartTemplateObjectMeta `json:"metadata,omitempty"`

	// Spec of the HelmChart.
	// +required
	Spec HelmChartTemplateSpec `json:"spec"`
}

// HelmChartTemplateObjectMeta is metadata of a HelmChart.
type HelmChartTemplateObjectMeta struct {
	// Labels to set. Those that name the owner win.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`

	// Annotations to set.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}

// HelmChartTemplateSpec is the spec of a HelmChart, as far as a release decides about it.
type HelmChartTemplateSpec struct {
	// Chart is the name of the chart in a HelmRepository, or its path below the root of a GitRepository or Bucket, of 1 to 2048
	// characters.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +required
	Chart string `json:"chart"`

	// Version is an exact version or a constraint such as ">=4.0.0 <5.0.0". Default: *, the newest stable version. Ignored for charts
	// from a GitRepository or Bucket.
	// +kubebuilder:default:=*
	// +optional
	Version string `json:"version,omitempty"`

	// SourceRef names the source of the chart. The HelmChart is made in the namespace of the source.
	// +required
	SourceRef CrossNamespaceObjectReference `json:"sourceRef"`

	// Interval of the HelmChart, such as 10m. Default: that of the release.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	Interval *metav1.Duration `json:"interval,omitempty"`

	// ReconcileStrategy says what makes a new chart: ChartVersion, a change of its version; Revision, any new revision of the source.
	// Default: ChartVersion.
	// +kubebuilder:validation:Enum=ChartVersion;Revision
	// +kubebuilder:default:=ChartVersion
	// +optional
	ReconcileStrategy string `json:"reconcileStrategy,omitempty"`

	// ValuesFiles are merged from left to right and replace the values.yaml of the chart. Default: values.yaml of the chart.
	// +optional
	ValuesFiles []string `json:"valuesFiles,omitempty"`

	// IgnoreMissingValuesFiles skips entries of valuesFiles that do not exist. Default: false.
	// +optional
	IgnoreMissingValuesFiles bool `json:"ignoreMissingValuesFiles,omitempty"`

	// Verify asks for a valid signature of a chart from a HelmRepository of type oci. Default: none.
	// +optional
	Verify *HelmChartTemplateVerification `json:"verify,omitempty"`
}

// HelmChartTemplateVerification says who has to have signed the chart.
type HelmChartTemplateVerification struct {
	// Provider of the signature: cosign or notation. Default: cosign.
	// +kubebuilder:validation:Enum=cosign;notation
	// +kubebuilder:default:=cosign
	// +required
	Provider string `json:"provider"`

	// SecretRef names a Secret in the namespace of the HelmChart with the trusted keys or certificates. Default: keyless.
	// +optional
	SecretRef *meta.LocalObjectReference `json:"secretRef,omitempty"`
}

// CrossNamespaceObjectReference names the source of a chart, possibly in another namespace.
type CrossNamespaceObjectReference struct {
	// APIVersion of the source. Accepted and ignored.
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`

	// Kind of the source.
	// +kubebuilder:validation:Enum=HelmRepository;GitRepository;Bucket
	// +required
	Kind string `json:"kind"`

	// Name of the source, of 1 to 253 characters.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`

	// Namespace of the source, of 1 to 63 characters. Default: that of the release. Where cross-namespace references are blocked
	// another one stalls the release with AccessDenied.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Namespace string `json:"namespace,omitempty"`
}
