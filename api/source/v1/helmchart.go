// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// HelmChartKind is the kind of HelmChart.
const HelmChartKind = "HelmChart"

// Reasons of HelmChart.
const (
	// NewChartReason says the name or version of the chart differs from what is published.
	NewChartReason = "NewChart"

	// ChartPullSucceededReason says the chart was stored as it was downloaded.
	ChartPullSucceededReason = "ChartPullSucceeded"

	// ChartPackageSucceededReason says the chart was packaged or repackaged and stored.
	ChartPackageSucceededReason = "ChartPackageSucceeded"

	// SourceUnavailableReason says the source object cannot be read.
	SourceUnavailableReason = "SourceUnavailable"

	// UnsupportedSourceKindReason says charts cannot come from that kind.
	UnsupportedSourceKindReason = "UnsupportedSourceKind"

	// NoSourceArtifactReason says the source has no artifact, or that its file is not in storage.
	NoSourceArtifactReason = "NoSourceArtifact"

	// InvalidChartReferenceReason says the chart, or a version that satisfies the constraint, is not in the source.
	InvalidChartReferenceReason = "InvalidChartReference"

	// ChartPullErrorReason says the chart could not be downloaded.
	ChartPullErrorReason = "ChartPullError"

	// ChartMetadataPatchErrorReason says the version of the chart cannot carry build metadata.
	ChartMetadataPatchErrorReason = "MetadataPatchError"

	// ValuesFilesErrorReason says a values file is missing or not YAML.
	ValuesFilesErrorReason = "ValuesFilesError"

	// DependencyBuildErrorReason says a dependency of the chart could not be resolved.
	DependencyBuildErrorReason = "DependencyBuildError"

	// ChartPackageErrorReason says the chart could not be packaged.
	ChartPackageErrorReason = "ChartPackageError"

	// ChartVerificationErrorReason says the signature of the chart was refused.
	ChartVerificationErrorReason = "ChartVerificationError"

	// ResolvedDependenciesReason is the reason of the event that tells how many dependencies were added.
	ResolvedDependenciesReason = "ResolvedDependencies"

	// UnknownReason says a chart build failed in a way that no other reason covers.
	UnknownReason = "Unknown"
)

// Values of spec.reconcileStrategy.
const (
	// ReconcileStrategyChartVersion publishes a new artifact when the version of the chart changes.
	ReconcileStrategyChartVersion = "ChartVersion"

	// ReconcileStrategyRevision publishes a new artifact for every revision of the source.
	ReconcileStrategyRevision = "Revision"
)

// HelmChartSpec says which chart of which source to publish.
// +kubebuilder:validation:XValidation:rule="!has(self.verify) || self.sourceRef.kind == 'HelmRepository'",message="spec.verify is only supported when spec.sourceRef.kind is 'HelmRepository'"
type HelmChartSpec struct {
	// Chart is the name of the chart in a HelmRepository, or the path of a chart directory or .tgz file below the root of a
	// GitRepository or Bucket. One that is not there stalls the object with InvalidChartReference.
	// +required
	Chart string `json:"chart"`

	// Version is an exact version or a constraint such as ">=4.0.0 <5.0.0". Default: *, the newest stable version. Ignored for
	// charts from a GitRepository or Bucket.
	// +kubebuilder:default:=*
	// +optional
	Version string `json:"version,omitempty"`

	// SourceRef names the source of the chart; it is in the namespace of the object.
	// +required
	SourceRef LocalHelmChartSourceReference `json:"sourceRef"`

	// Interval is the time between two runs without error, such as 10m; jitter of some percent is added. A new artifact of the
	// source starts a run at once.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +required
	Interval metav1.Duration `json:"interval"`

	// ReconcileStrategy says what makes a new artifact: ChartVersion, a change of the version in Chart.yaml; Revision, any new
	// revision of the source, with the revision added to the version (GitRepository and Bucket only). Default: ChartVersion.
	// +kubebuilder:validation:Enum=ChartVersion;Revision
	// +kubebuilder:default:=ChartVersion
	// +optional
	ReconcileStrategy string `json:"reconcileStrategy,omitempty"`

	// ValuesFiles are merged from left to right, later ones win, and replace the values.yaml of the chart. Paths are inside the
	// chart for a HelmRepository and below the root of the source otherwise. Default: values.yaml of the chart. A missing or
	// unparsable file stalls the object with ValuesFilesError.
	// +optional
	ValuesFiles []string `json:"valuesFiles,omitempty"`

	// IgnoreMissingValuesFiles skips entries of valuesFiles that do not exist. Default: false.
	// +optional
	IgnoreMissingValuesFiles bool `json:"ignoreMissingValuesFiles,omitempty"`

	// Suspend stops reconciling the object while it is true. The published artifact and the conditions stay as they are.
	// Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// Verify asks for a valid signature of a chart from a HelmRepository of type oci. Default: none. A refused signature sets
	// SourceVerified to False; the artifact of an earlier run stays.
	// +optional
	Verify *HelmChartVerification `json:"verify,omitempty"`
}

// LocalHelmChartSourceReference names a source in the namespace of the chart.
type LocalHelmChartSourceReference struct {
	// APIVersion of the source. Informational.
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`

	// Kind of the source.
	// +kubebuilder:validation:Enum=HelmRepository;GitRepository;Bucket
	// +required
	Kind string `json:"kind"`

	// Name of the source.
	// +required
	Name string `json:"name"`
}

// HelmChartStatus is what the controller last saw and published.
type HelmChartStatus struct {
	// ObservedGeneration is the generation of the spec that was last dealt with: by a run that succeeded, found nothing to do,
	// stalled, or met a suspended object. -1 until then.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// ObservedSourceArtifactRevision is the revision of the source that was last looked at.
	// +optional
	ObservedSourceArtifactRevision string `json:"observedSourceArtifactRevision,omitempty"`

	// ObservedChartName is the name in the Chart.yaml of the published chart.
	// +optional
	ObservedChartName string `json:"observedChartName,omitempty"`

	// ObservedValuesFiles are the values files that went into the published chart. Only set with ignoreMissingValuesFiles.
	// +optional
	ObservedValuesFiles []string `json:"observedValuesFiles,omitempty"`

	// Conditions summarise the last run; Ready is the one to wait for.
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// URL is the address of the link to the latest chart. Prefer artifact.url, which does not change under its reader.
	// +optional
	URL string `json:"url,omitempty"`

	// Artifact is the chart that is published. It stays while later runs fail.
	// +optional
	Artifact *meta.Artifact `json:"artifact,omitempty"`

	meta.ReconcileRequestStatus `json:",inline"`
}

// HelmChart publishes a Helm chart from one of the other sources.
// +genclient
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=hc,categories={all,fluxcd,fluxcd-sources}
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:printcolumn:name="Chart",type=string,JSONPath=`.spec.chart`
// +kubebuilder:printcolumn:name="Version",type=string,JSONPath=`.spec.version`
// +kubebuilder:printcolumn:name="Source Kind",type=string,JSONPath=`.spec.sourceRef.kind`
// +kubebuilder:printcolumn:name="Source Name",type=string,JSONPath=`.spec.sourceRef.name`
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp",description=""
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type==\"Ready\")].status",description=""
// +kubebuilder:printcolumn:name="Status",type="string",JSONPath=".status.conditions[?(@.type==\"Ready\")].message",description=""
type HelmChart struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec HelmChartSpec `json:"spec,omitempty"`
	// +kubebuilder:default={"observedGeneration":-1}
	Status HelmChartStatus `json:"status,omitempty"`
}

// HelmChartList is a list of HelmChart objects.
// +kubebuilder:object:root=true
type HelmChartList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []HelmChart `json:"items"`
}

// GetConditions returns the conditions of the status.
func (in *HelmChart) GetConditions() []metav1.Condition { return in.Status.Conditions }

// SetConditions replaces the conditions of the status.
func (in *HelmChart) SetConditions(conditions []metav1.Condition) { in.Status.Conditions = conditions }

// GetArtifact returns the published chart, nil before the first success.
func (in *HelmChart) GetArtifact() *meta.Artifact { return in.Status.Artifact }

// GetRequeueAfter returns the time between two runs without error.
func (in *HelmChart) GetRequeueAfter() time.Duration { return in.Spec.Interval.Duration }
