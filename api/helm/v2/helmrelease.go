// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v2

import (
	"time"

	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/apis/meta"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	apimeta "github.com/weir-gitops/weir/api/meta/v1"
)

// HelmReleaseKind is the kind of HelmRelease.
const HelmReleaseKind = "HelmRelease"

const (
	// defaultTimeout is what an absent spec.timeout means.
	defaultTimeout = 5 * time.Minute

	// defaultMaxHistory is what an absent spec.maxHistory means, in revisions.
	defaultMaxHistory = 5
)

// DriftDetectionMode says what to do about drift.
// +kubebuilder:validation:Enum=enabled;warn;disabled
type DriftDetectionMode string

// Values of DriftDetectionMode.
const (
	// DriftDetectionEnabled detects and corrects drift.
	DriftDetectionEnabled DriftDetectionMode = "enabled"

	// DriftDetectionWarn detects and reports drift.
	DriftDetectionWarn DriftDetectionMode = "warn"

	// DriftDetectionDisabled does not look for drift; the default.
	DriftDetectionDisabled DriftDetectionMode = "disabled"
)

// PostRenderStrategy says how hooks go through the post-renderers.
// +kubebuilder:validation:Enum=nohooks;combined;separate
type PostRenderStrategy string

// Values of PostRenderStrategy.
const (
	// PostRenderNoHooks leaves hooks out.
	PostRenderNoHooks PostRenderStrategy = "nohooks"

	// PostRenderCombined renders hooks together with the other manifests; the default.
	PostRenderCombined PostRenderStrategy = "combined"

	// PostRenderSeparate renders hooks on their own.
	PostRenderSeparate PostRenderStrategy = "separate"
)

// WaitStrategyName says how the health of what was applied is awaited.
// +kubebuilder:validation:Enum=poller;legacy
type WaitStrategyName string

// Values of WaitStrategyName.
const (
	// WaitStrategyPoller waits by the conventions that kstatus knows; the default.
	WaitStrategyPoller WaitStrategyName = "poller"

	// WaitStrategyLegacy waits as Helm 3 does.
	WaitStrategyLegacy WaitStrategyName = "legacy"
)

// HelmReleaseSpec says which chart to install where, with which values.
// +kubebuilder:validation:XValidation:rule="(has(self.chart) && !has(self.chartRef)) || (!has(self.chart) && has(self.chartRef))", message="either chart or chartRef must be set"
type HelmReleaseSpec struct {
	// Chart is a template from which a HelmChart is made and kept, named <namespace>-<name> of the release. Exactly one of chart and
	// chartRef has to be set.
	// +optional
	Chart *HelmChartTemplate `json:"chart,omitempty"`

	// ChartRef names a source whose artifact is the chart. Exactly one of chart and chartRef has to be set.
	// +optional
	ChartRef *CrossNamespaceSourceReference `json:"chartRef,omitempty"`

	// Interval is the time between two runs after a success, such as 10m; jitter of some percent is added. Changes of the chart, the
	// spec and the dependencies start a run at once.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +required
	Interval metav1.Duration `json:"interval"`

	// KubeConfig names the cluster to release to. Default: the cluster the controller runs in.
	// +optional
	KubeConfig *meta.KubeConfigReference `json:"kubeConfig,omitempty"`

	// Suspend stops reconciling the object while it is true; an action that is under way is not interrupted. Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// ReleaseName is the name of the Helm release, of 1 to 53 characters. Default: [<targetNamespace>-]<name>, shortened with a hash
	// when it is too long. A change uninstalls the release under its old name and installs it anew.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=53
	// +optional
	ReleaseName string `json:"releaseName,omitempty"`

	// TargetNamespace is the namespace to release into, of 1 to 63 characters. Default: that of the object. A change uninstalls the
	// release from the old one and installs it anew.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +optional
	TargetNamespace string `json:"targetNamespace,omitempty"`

	// StorageNamespace is the namespace for the Secrets in which Helm keeps the release, of 1 to 63 characters. Default: that of the
	// object. A change uninstalls the release and installs it anew.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +optional
	StorageNamespace string `json:"storageNamespace,omitempty"`

	// DependsOn lists HelmReleases that have to be ready first. While one is not, the object waits with DependencyNotReady.
	// +optional
	DependsOn []meta.DependencyReference `json:"dependsOn,omitempty"`

	// Timeout bounds every action that has no timeout of its own, such as 10m. Default: 5m.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`

	// MaxHistory is the number of revisions that Helm keeps; 0 keeps all. Default: 5.
	// +optional
	MaxHistory *int `json:"maxHistory,omitempty"`

	// ServiceAccountName names a ServiceAccount in the namespace of the object to impersonate, of 1 to 253 characters. Default: the one
	// the controller was started with, if any, else the controller's own identity.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`

	// PersistentClient keeps one client for a whole run. False makes a new one for each use, for charts whose objects change what kinds
	// the cluster knows during an action. Default: true.
	// +optional
	PersistentClient *bool `json:"persistentClient,omitempty"`

	// DriftDetection compares the cluster with the release between upgrades. Default: off.
	// +optional
	DriftDetection *DriftDetection `json:"driftDetection,omitempty"`

	// Install configures the Helm install action.
	// +optional
	Install *Install `json:"install,omitempty"`

	// Upgrade configures the Helm upgrade action.
	// +optional
	Upgrade *Upgrade `json:"upgrade,omitempty"`

	// Test configures the Helm test action. Default: off.
	// +optional
	Test *Test `json:"test,omitempty"`

	// Rollback configures the Helm rollback action.
	// +optional
	Rollback *Rollback `json:"rollback,omitempty"`

	// Uninstall configures the Helm uninstall action.
	// +optional
	Uninstall *Uninstall `json:"uninstall,omitempty"`

	// ValuesFrom lists ConfigMaps and Secrets in the namespace of the object with values, merged in list order. One that is missing
	// fails with ValuesError unless it is optional.
	// +optional
	ValuesFrom []meta.ValuesReference `json:"valuesFrom,omitempty"`

	// Values of the release. They win over those of valuesFrom.
	// +optional
	Values *apiextensionsv1.JSON `json:"values,omitempty"`

	// CommonMetadata is put on every rendered object. It overrides what the chart says.
	// +optional
	CommonMetadata *CommonMetadata `json:"commonMetadata,omitempty"`

	// PostRenderers change the rendered manifests, in list order.
	// +optional
	PostRenderers []PostRenderer `json:"postRenderers,omitempty"`

	// PostRenderStrategy says how hooks go through the post-renderers: combined with the other manifests, separate from them, or nohooks,
	// not at all. Default: combined; nohooks with the feature gate UseHelm3Defaults.
	// +optional
	PostRenderStrategy PostRenderStrategy `json:"postRenderStrategy,omitempty"`

	// WaitStrategy says how the health of what was applied is awaited. Default: poller; legacy with the feature gate UseHelm3Defaults.
	// +optional
	WaitStrategy *WaitStrategy `json:"waitStrategy,omitempty"`

	// HealthCheckExprs are CEL expressions that decide about the health of kinds that do not follow the usual conventions. Used with the
	// wait strategy poller. An invalid one, or two for the same kind, stalls the object with InvalidCELExpression.
	// +optional
	HealthCheckExprs []kustomize.CustomHealthCheck `json:"healthCheckExprs,omitempty"`
}

// Types of package meta/v1 under the names that programs written for this group use.
type (
	// CommonMetadata is put on every object.
	CommonMetadata = apimeta.CommonMetadata

	// IgnoreRule names fields that are left to others.
	IgnoreRule = apimeta.IgnoreRule

	// ResourceInventory lists applied objects.
	ResourceInventory = apimeta.ResourceInventory

	// ResourceRef names an applied object.
	ResourceRef = apimeta.ResourceRef
)

// CrossNamespaceSourceReference names a source, possibly in another namespace.
type CrossNamespaceSourceReference struct {
	// APIVersion of the source. Accepted and ignored.
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`

	// Kind of the source. ExternalArtifact needs the feature gate of that name; with the gate off the object stalls with AccessDenied.
	// +kubebuilder:validation:Enum=OCIRepository;HelmChart;ExternalArtifact
	// +required
	Kind string `json:"kind"`

	// Name of the source, of 1 to 253 characters.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`

	// Namespace of the source, of 1 to 63 characters. Default: that of the object. Where cross-namespace references are blocked another
	// one stalls the object with AccessDenied.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// DriftDetection says whether and where to look for drift.
type DriftDetection struct {
	// Mode is enabled (detect and correct), warn (detect and report) or disabled. Default: disabled.
	// +optional
	Mode DriftDetectionMode `json:"mode,omitempty"`

	// Ignore lists fields that do not count as drift and are not corrected.
	// +optional
	Ignore []IgnoreRule `json:"ignore,omitempty"`
}

// PostRenderer changes rendered manifests.
type PostRenderer struct {
	// Kustomize applies patches and image replacements.
	// +optional
	Kustomize *Kustomize `json:"kustomize,omitempty"`
}

// Kustomize is what a post-renderer can change.
type Kustomize struct {
	// Patches to apply: strategic merge or JSON 6902, YAML or JSON.
	// +optional
	Patches []kustomize.Patch `json:"patches,omitempty"`

	// Images replace names, tags and digests of container images.
	// +optional
	Images []kustomize.Image `json:"images,omitempty"`
}

// WaitStrategy says how the health of what was applied is awaited.
type WaitStrategy struct {
	// Name of the strategy: poller or legacy.
	// +required
	Name WaitStrategyName `json:"name"`
}

// HelmRelease installs a chart and keeps it as the spec says.
// +genclient
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=hr,categories={all,fluxcd,fluxcd-appliers}
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp",description=""
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type==\"Ready\")].status",description=""
// +kubebuilder:printcolumn:name="Status",type="string",JSONPath=".status.conditions[?(@.type==\"Ready\")].message",description=""
type HelmRelease struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec HelmReleaseSpec `json:"spec,omitempty"`
	// +kubebuilder:default:={"observedGeneration":-1}
	Status HelmReleaseStatus `json:"status,omitempty"`
}

// HelmReleaseList is a list of HelmRelease objects.
// +kubebuilder:object:root=true
type HelmReleaseList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []HelmRelease `json:"items"`
}

// GetConditions returns the conditions of the status.
func (in *HelmRelease) GetConditions() []metav1.Condition { return in.Status.Conditions }

// SetConditions replaces the conditions of the status.
func (in *HelmRelease) SetConditions(conditions []metav1.Condition) {
	in.Status.Conditions = conditions
}

// GetDependsOn returns the HelmReleases that have to be ready first, as written.
func (in *HelmRelease) GetDependsOn() []meta.DependencyReference { return in.Spec.DependsOn }

// GetRequeueAfter returns the time between two runs after a success.
func (in *HelmRelease) GetRequeueAfter() time.Duration { return in.Spec.Interval.Duration }

// GetTimeout returns the bound of actions that have no timeout of their own.
func (in *HelmRelease) GetTimeout() time.Duration {
	if in.Spec.Timeout == nil {
		return defaultTimeout
	}
	return in.Spec.Timeout.Duration
}

// GetMaxHistory returns the number of revisions Helm keeps, 0 for all.
func (in *HelmRelease) GetMaxHistory() int {
	if in.Spec.MaxHistory == nil {
		return defaultMaxHistory
	}
	return *in.Spec.MaxHistory
}

// GetReleaseNamespace returns the namespace to release into.
func (in *HelmRelease) GetReleaseNamespace() string {
	if in.Spec.TargetNamespace == "" {
		return in.Namespace
	}
	return in.Spec.TargetNamespace
}

// GetStorageNamespace returns the namespace in which Helm keeps the release.
func (in *HelmRelease) GetStorageNamespace() string {
	if in.Spec.StorageNamespace == "" {
		return in.Namespace
	}
	return in.Spec.StorageNamespace
}
