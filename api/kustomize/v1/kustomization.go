// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"time"

	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	apimeta "github.com/weir-gitops/weir/api/meta/v1"
)

// KustomizationKind is the kind of Kustomization.
const KustomizationKind = "Kustomization"

// Values of spec.deletionPolicy.
const (
	// DeletionPolicyMirrorPrune deletes the objects when spec.prune is true and leaves them otherwise; the default.
	DeletionPolicyMirrorPrune = "MirrorPrune"

	// DeletionPolicyDelete deletes the objects.
	DeletionPolicyDelete = "Delete"

	// DeletionPolicyWaitForTermination deletes the objects and waits until they are gone, for the effective timeout at most.
	DeletionPolicyWaitForTermination = "WaitForTermination"

	// DeletionPolicyOrphan leaves the objects.
	DeletionPolicyOrphan = "Orphan"
)

// Values of spec.postBuild.substituteStrategy.
const (
	// SubstituteWithVariables substitutes only when at least one variable is given; the default.
	SubstituteWithVariables = "WithVariables"

	// SubstituteAlways substitutes also without any variable, so that defaults written in the manifests take effect.
	SubstituteAlways = "Always"
)

// DecryptionProviderSOPS is the only value of spec.decryption.provider.
const DecryptionProviderSOPS = "sops"

const (
	// timeoutMargin is how much earlier than the next run a wait ends when spec.timeout is absent.
	timeoutMargin = 30 * time.Second

	// minTimeout is the least effective timeout, also when less is asked for.
	minTimeout = 30 * time.Second
)

// KustomizationSpec says what to build from which source and how to apply it.
type KustomizationSpec struct {
	// CommonMetadata is put on every object after the build. It overrides what the manifests say.
	// +optional
	CommonMetadata *CommonMetadata `json:"commonMetadata,omitempty"`

	// DependsOn lists Kustomizations that have to be ready first. While one is not, the object waits with DependencyNotReady and
	// looks again as soon as the dependency turns ready. The restriction on cross-namespace references does not apply here.
	// +optional
	DependsOn []meta.DependencyReference `json:"dependsOn,omitempty"`

	// Decryption says how SOPS-encrypted manifests are decrypted. Default: they are not; an encrypted Secret then fails with
	// ReconciliationFailed and nothing is applied.
	// +optional
	Decryption *Decryption `json:"decryption,omitempty"`

	// Interval is the time between two runs after a success, such as 10m; jitter of some percent is added. Changes of the source,
	// the spec and the dependencies start a run at once.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +required
	Interval metav1.Duration `json:"interval"`

	// RetryInterval is the time until the next run after a failure, such as 2m, without jitter. Default: interval.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	RetryInterval *metav1.Duration `json:"retryInterval,omitempty"`

	// KubeConfig names the cluster to apply to. Default: the cluster the controller runs in.
	// +optional
	KubeConfig *meta.KubeConfigReference `json:"kubeConfig,omitempty"`

	// Path of the directory to build, below the root of the artifact; a leading ./ or / may be left out. It cannot leave the
	// artifact. Default: the root. One that does not exist fails with ArtifactFailed. A directory without a kustomization file is
	// built from all manifests below it.
	// +optional
	Path string `json:"path,omitempty"`

	// PostBuild substitutes variables in the built manifests. Default: none.
	// +optional
	PostBuild *PostBuild `json:"postBuild,omitempty"`

	// Prune deletes objects from the cluster that were applied before and are no longer in the source. The inventory is kept also
	// when it is false; objects that leave the source then are forgotten.
	// +required
	Prune bool `json:"prune"`

	// DeletionPolicy says what becomes of the objects when the Kustomization is deleted: MirrorPrune (delete them if prune is
	// true), Delete, WaitForTermination (delete and wait until they are gone, for timeout at most) or Orphan. Default:
	// MirrorPrune. A suspended Kustomization leaves its objects whatever the policy.
	// +kubebuilder:validation:Enum=MirrorPrune;Delete;WaitForTermination;Orphan
	// +optional
	DeletionPolicy string `json:"deletionPolicy,omitempty"`

	// HealthChecks lists objects that have to be healthy before the Kustomization is ready; they need not be applied by it.
	// Ignored when wait is true. An empty apiVersion means apps/v1. One that is missing or not healthy at the end of timeout
	// fails with HealthCheckFailed.
	// +optional
	HealthChecks []meta.NamespacedObjectKindReference `json:"healthChecks,omitempty"`

	// NamePrefix is put before the names of all objects, in place of that of the kustomization file. Between 1 and 200
	// characters.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	// +optional
	NamePrefix string `json:"namePrefix,omitempty"`

	// NameSuffix is put after the names of all objects, in place of that of the kustomization file. Between 1 and 200
	// characters.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	// +optional
	NameSuffix string `json:"nameSuffix,omitempty"`

	// Patches are applied after those of the kustomization file: strategic merge or JSON 6902, YAML or JSON. A patch without
	// target that matches nothing fails with BuildFailed; one with target has no effect then.
	// +optional
	Patches []kustomize.Patch `json:"patches,omitempty"`

	// Images replace names, tags and digests of container images, merged by name with those of the kustomization file.
	// +optional
	Images []kustomize.Image `json:"images,omitempty"`

	// ServiceAccountName names a ServiceAccount in the namespace of the object to impersonate when objects are read, applied,
	// deleted and checked. Default: the one the controller was started with, if any, else the controller's own identity. What the
	// account may not do fails with ReconciliationFailed.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`

	// SourceRef names the source of the manifests.
	// +required
	SourceRef CrossNamespaceSourceReference `json:"sourceRef"`

	// Suspend stops reconciling the object while it is true; a run that is under way is not interrupted. Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// TargetNamespace is the namespace of all namespaced objects, in place of that of the kustomization file. It has to exist or
	// be part of the build. Between 1 and 63 characters.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +optional
	TargetNamespace string `json:"targetNamespace,omitempty"`

	// Timeout bounds the wait for health, and the wait for termination when the Kustomization is deleted, such as 5m. At least 30s are
	// given, also when less is asked for. Default: interval less 30s.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`

	// Force recreates objects whose change the API server refuses because a field is immutable. Default: false, the run fails
	// with ReconciliationFailed and the live object stays.
	// +kubebuilder:default:=false
	// +optional
	Force bool `json:"force,omitempty"`

	// Wait waits until every applied object is healthy; healthChecks is ignored then. Objects that are not by the end of timeout
	// fail with HealthCheckFailed. Default: false.
	// +optional
	Wait bool `json:"wait,omitempty"`

	// Components lists directories of kustomize components, relative to path and inside the artifact, that are added to those of
	// the kustomization file. An absolute or remote one fails with BuildFailed.
	// +optional
	Components []string `json:"components,omitempty"`

	// IgnoreMissingComponents skips entries of components that do not exist. Those of kustomization files still have to exist.
	// Default: false.
	// +optional
	IgnoreMissingComponents bool `json:"ignoreMissingComponents,omitempty"`

	// HealthCheckExprs are CEL expressions that decide about the health of kinds that do not follow the usual conventions. An
	// invalid one, or two for the same kind, stalls the object with InvalidCELExpression.
	// +optional
	HealthCheckExprs []kustomize.CustomHealthCheck `json:"healthCheckExprs,omitempty"`

	// Ignore lists fields that are left to others: they count neither as drift nor are they changed on existing objects.
	// +optional
	Ignore []IgnoreRule `json:"ignore,omitempty"`

	// BuildMetadata makes kustomize note on every object where it came from, in place of the list in the kustomization file.
	// +optional
	BuildMetadata []BuildMetadataOption `json:"buildMetadata,omitempty"`
}

// BuildMetadataOption is a kind of build metadata.
// +kubebuilder:validation:Enum=originAnnotations;transformerAnnotations
type BuildMetadataOption string

// Values of BuildMetadataOption.
const (
	// BuildMetadataOrigin notes the file an object came from.
	BuildMetadataOrigin BuildMetadataOption = "originAnnotations"

	// BuildMetadataTransformers notes what changed an object during the build.
	BuildMetadataTransformers BuildMetadataOption = "transformerAnnotations"
)

// Decryption says how encrypted manifests are decrypted.
type Decryption struct {
	// Provider of the encryption: sops.
	// +kubebuilder:validation:Enum=sops
	// +required
	Provider string `json:"provider"`

	// ServiceAccountName names a ServiceAccount in the namespace of the object whose cloud identity is used for key management
	// services. Needs the feature gate ObjectLevelWorkloadIdentity; with the gate off the object stalls with FeatureGateDisabled.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`

	// SecretRef names a Secret in the namespace of the object with private keys (*.agekey, *.asc) and credentials of key
	// management services. A missing Secret fails with BuildFailed.
	// +optional
	SecretRef *meta.LocalObjectReference `json:"secretRef,omitempty"`
}

// PostBuild says which variables to substitute.
type PostBuild struct {
	// Substitute holds variables by name; they win over those of substituteFrom. Names start with a letter or underscore and
	// go on with letters, digits and underscores; another name fails with BuildFailed. Newlines are removed from values.
	// +optional
	Substitute map[string]string `json:"substitute,omitempty"`

	// SubstituteFrom lists ConfigMaps and Secrets in the namespace of the object whose keys are variables; later ones win. One
	// that is missing fails with BuildFailed unless it is optional.
	// +optional
	SubstituteFrom []SubstituteReference `json:"substituteFrom,omitempty"`

	// SubstituteStrategy says when to substitute: WithVariables, if at least one variable is given; Always, also without any.
	// Default: WithVariables.
	// +kubebuilder:validation:Enum=WithVariables;Always
	// +optional
	SubstituteStrategy string `json:"substituteStrategy,omitempty"`
}

// SubstituteReference names an object whose keys are variables.
type SubstituteReference struct {
	// Kind of the object: Secret or ConfigMap.
	// +kubebuilder:validation:Enum=Secret;ConfigMap
	// +required
	Kind string `json:"kind"`

	// Name of the object. Between 1 and 253 characters.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`

	// Optional accepts that the object does not exist; any other error still fails the build. Default: false.
	// +kubebuilder:default:=false
	// +optional
	Optional bool `json:"optional,omitempty"`
}

// CrossNamespaceSourceReference names a source, possibly in another namespace.
type CrossNamespaceSourceReference struct {
	// APIVersion of the source. Accepted and ignored.
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`

	// Kind of the source. ExternalArtifact needs the feature gate of that name; with the gate off the object stalls with
	// AccessDenied.
	// +kubebuilder:validation:Enum=OCIRepository;GitRepository;Bucket;ExternalArtifact
	// +required
	Kind string `json:"kind"`

	// Name of the source.
	// +required
	Name string `json:"name"`

	// Namespace of the source. Default: that of the object. Where cross-namespace references are blocked another one stalls the
	// object with AccessDenied.
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// String returns Kind/namespace/name, without the namespace when it is empty.
func (in CrossNamespaceSourceReference) String() string {
	if in.Namespace == "" {
		return in.Kind + "/" + in.Name
	}
	return in.Kind + "/" + in.Namespace + "/" + in.Name
}

// KustomizationStatus is what the controller last saw and applied.
type KustomizationStatus struct {
	meta.ReconcileRequestStatus `json:",inline"`

	// ObservedGeneration is the generation of the spec that was last dealt with: by a run that ended with Ready True, or that
	// found an expression invalid. -1 until then.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Conditions summarise the last run; Ready is the one to wait for.
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// LastAppliedRevision is the revision of the source that was last applied, pruned and found healthy.
	// +optional
	LastAppliedRevision string `json:"lastAppliedRevision,omitempty"`

	// LastAppliedOriginRevision is the revision the artifact of lastAppliedRevision was made from, when its source says so.
	// +optional
	LastAppliedOriginRevision string `json:"lastAppliedOriginRevision,omitempty"`

	// LastAttemptedRevision is the revision of the source that was last built.
	// +optional
	LastAttemptedRevision string `json:"lastAttemptedRevision,omitempty"`

	// Inventory lists the objects that this Kustomization applied. It is what pruning and deletion go by.
	// +optional
	Inventory *ResourceInventory `json:"inventory,omitempty"`

	// History holds the last five outcomes by content, the latest first.
	// +optional
	History meta.History `json:"history,omitempty"`
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

// Kustomization applies manifests from a source and keeps them applied.
// +genclient
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=ks,categories={all,fluxcd,fluxcd-appliers}
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp",description=""
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type==\"Ready\")].status",description=""
// +kubebuilder:printcolumn:name="Status",type="string",JSONPath=".status.conditions[?(@.type==\"Ready\")].message",description=""
type Kustomization struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec KustomizationSpec `json:"spec,omitempty"`
	// +kubebuilder:default:={"observedGeneration":-1}
	Status KustomizationStatus `json:"status,omitempty"`
}

// KustomizationList is a list of Kustomization objects.
// +kubebuilder:object:root=true
type KustomizationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []Kustomization `json:"items"`
}

// GetConditions returns the conditions of the status.
func (in *Kustomization) GetConditions() []metav1.Condition { return in.Status.Conditions }

// SetConditions replaces the conditions of the status.
func (in *Kustomization) SetConditions(conditions []metav1.Condition) {
	in.Status.Conditions = conditions
}

// GetDependsOn returns the Kustomizations that have to be ready first, as written.
func (in *Kustomization) GetDependsOn() []meta.DependencyReference { return in.Spec.DependsOn }

// GetRequeueAfter returns the time between two runs after a success.
func (in *Kustomization) GetRequeueAfter() time.Duration { return in.Spec.Interval.Duration }

// GetRetryInterval returns the time until the next run after a failure.
func (in *Kustomization) GetRetryInterval() time.Duration {
	if in.Spec.RetryInterval == nil {
		return in.GetRequeueAfter()
	}
	return in.Spec.RetryInterval.Duration
}

// GetTimeout returns the effective timeout: that of the spec, or the interval less 30 seconds, and never less than 30 seconds.
func (in *Kustomization) GetTimeout() time.Duration {
	timeout := in.Spec.Interval.Duration - timeoutMargin
	if in.Spec.Timeout != nil {
		timeout = in.Spec.Timeout.Duration
	}
	return max(timeout, minTimeout)
}

// GetDeletionPolicy returns the policy with the default filled in.
func (in *Kustomization) GetDeletionPolicy() string {
	if in.Spec.DeletionPolicy == "" {
		return DeletionPolicyMirrorPrune
	}
	return in.Spec.DeletionPolicy
}

// GetSourceNamespace returns the namespace the source is in.
func (in *Kustomization) GetSourceNamespace() string {
	if in.Spec.SourceRef.Namespace == "" {
		return in.Namespace
	}
	return in.Spec.SourceRef.Namespace
}
