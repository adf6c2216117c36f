// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v2

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// CRDsPolicy says what happens to the files in the folder crds of a chart.
// +kubebuilder:validation:Enum=Skip;Create;CreateReplace
type CRDsPolicy string

// Values of CRDsPolicy.
const (
	// CRDsSkip leaves them alone.
	CRDsSkip CRDsPolicy = "Skip"

	// CRDsCreate creates those that do not exist.
	CRDsCreate CRDsPolicy = "Create"

	// CRDsCreateReplace creates those that do not exist and replaces those that do.
	CRDsCreateReplace CRDsPolicy = "CreateReplace"
)

// ActionStrategyName says what follows a failed install or upgrade.
// +kubebuilder:validation:Enum=RemediateOnFailure;RetryOnFailure
type ActionStrategyName string

// Values of ActionStrategyName.
const (
	// RemediateOnFailure uninstalls or rolls back, and tries again while attempts are left; the default.
	RemediateOnFailure ActionStrategyName = "RemediateOnFailure"

	// RetryOnFailure leaves the failed release in place and upgrades it again after a while, for ever.
	RetryOnFailure ActionStrategyName = "RetryOnFailure"
)

// RemediationStrategy says how a failed upgrade is remediated.
// +kubebuilder:validation:Enum=rollback;uninstall
type RemediationStrategy string

// Values of RemediationStrategy.
const (
	// RollbackRemediation goes back to the last good revision; the default.
	RollbackRemediation RemediationStrategy = "rollback"

	// UninstallRemediation uninstalls the release, so that the next attempt installs it.
	UninstallRemediation RemediationStrategy = "uninstall"
)

// ServerSideApplyMode says how objects are applied.
// +kubebuilder:validation:Enum=enabled;disabled;auto
type ServerSideApplyMode string

// Values of ServerSideApplyMode.
const (
	// ServerSideApplyEnabled applies on the server.
	ServerSideApplyEnabled ServerSideApplyMode = "enabled"

	// ServerSideApplyDisabled merges on the client.
	ServerSideApplyDisabled ServerSideApplyMode = "disabled"

	// ServerSideApplyAuto goes on as the release was applied before; the default.
	ServerSideApplyAuto ServerSideApplyMode = "auto"
)

// ChartNameChangeStrategy says what a change of the name of the chart does.
// +kubebuilder:validation:Enum=InPlaceUpdate;Reinstall
type ChartNameChangeStrategy string

// Values of ChartNameChangeStrategy.
const (
	// ChartNameChangeInPlaceUpdate upgrades the release to the other chart.
	ChartNameChangeInPlaceUpdate ChartNameChangeStrategy = "InPlaceUpdate"

	// ChartNameChangeReinstall uninstalls the release and installs the other chart; the default.
	ChartNameChangeReinstall ChartNameChangeStrategy = "Reinstall"
)

// Values of uninstall.deletionPropagation.
const (
	// DeletionPropagationBackground deletes dependents after their owner; the default.
	DeletionPropagationBackground = "background"

	// DeletionPropagationForeground deletes dependents before their owner.
	DeletionPropagationForeground = "foreground"

	// DeletionPropagationOrphan leaves dependents.
	DeletionPropagationOrphan = "orphan"
)

// Install configures the Helm install action.
type Install struct {
	// Timeout of the action, such as 10m. Default: spec.timeout.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`

	// Strategy says what follows a failure. Default: RemediateOnFailure; RetryOnFailure with the feature gate DefaultToRetryOnFailure.
	// +optional
	Strategy *InstallStrategy `json:"strategy,omitempty"`

	// Remediation says how often to try. A failed install is remediated by uninstalling.
	// +optional
	Remediation *InstallRemediation `json:"remediation,omitempty"`

	// DisableTakeOwnership fails on objects that exist and belong to no release or another one. Default: false, they are taken over.
	// +optional
	DisableTakeOwnership bool `json:"disableTakeOwnership,omitempty"`

	// DisableWait does not wait until what was installed is ready. Default: false.
	// +optional
	DisableWait bool `json:"disableWait,omitempty"`

	// DisableWaitForJobs does not wait until jobs are complete. Default: false.
	// +optional
	DisableWaitForJobs bool `json:"disableWaitForJobs,omitempty"`

	// DisableHooks runs no hooks. Default: false.
	// +optional
	DisableHooks bool `json:"disableHooks,omitempty"`

	// DisableOpenAPIValidation does not check manifests against the schema of the cluster. Default: false.
	// +optional
	DisableOpenAPIValidation bool `json:"disableOpenAPIValidation,omitempty"`

	// DisableSchemaValidation does not check values against the schema of the chart. Default: false.
	// +optional
	DisableSchemaValidation bool `json:"disableSchemaValidation,omitempty"`

	// Replace allows a name whose last revision failed or is uninstalled. Default: false.
	// +optional
	Replace bool `json:"replace,omitempty"`

	// SkipCRDs is accepted and has no effect; set crds to Skip instead.
	// +optional
	SkipCRDs bool `json:"skipCRDs,omitempty"`

	// CRDs says what happens to the files in the folder crds of the chart: Skip, Create or CreateReplace. Default: Create.
	// +optional
	CRDs CRDsPolicy `json:"crds,omitempty"`

	// CreateNamespace creates spec.targetNamespace when it does not exist; it is never deleted. Default: false.
	// +optional
	CreateNamespace bool `json:"createNamespace,omitempty"`

	// ServerSideApply applies on the server. Default: true; false with the feature gate UseHelm3Defaults.
	// +optional
	ServerSideApply *bool `json:"serverSideApply,omitempty"`
}

// InstallStrategy says what follows a failed install.
// +kubebuilder:validation:XValidation:rule="!has(self.retryInterval) || self.name != 'RemediateOnFailure'", message=".retryInterval cannot be set when .name is 'RemediateOnFailure'"
type InstallStrategy struct {
	// Name of the strategy: RemediateOnFailure or RetryOnFailure.
	// +required
	Name ActionStrategyName `json:"name"`

	// RetryInterval is the time until the next attempt of RetryOnFailure, such as 2m. Default: 5m.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	RetryInterval *metav1.Duration `json:"retryInterval,omitempty"`
}

// InstallRemediation says how often an install is tried.
type InstallRemediation struct {
	// Retries is the number of attempts after the first; negative means without end. Default: 0.
	// +optional
	Retries int `json:"retries,omitempty"`

	// IgnoreTestFailures does not count failed tests as a failed install. Default: spec.test.ignoreFailures.
	// +optional
	IgnoreTestFailures *bool `json:"ignoreTestFailures,omitempty"`

	// RemediateLastFailure remediates also after the last attempt. Default: false.
	// +optional
	RemediateLastFailure *bool `json:"remediateLastFailure,omitempty"`
}

// Upgrade configures the Helm upgrade action.
type Upgrade struct {
	// Timeout of the action, such as 10m. Default: spec.timeout.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`

	// Strategy says what follows a failure. Default: RemediateOnFailure; RetryOnFailure with the feature gate DefaultToRetryOnFailure.
	// +optional
	Strategy *UpgradeStrategy `json:"strategy,omitempty"`

	// Remediation says how often to try and how to remediate.
	// +optional
	Remediation *UpgradeRemediation `json:"remediation,omitempty"`

	// DisableTakeOwnership fails on objects that exist and belong to no release or another one. Default: false, they are taken over.
	// +optional
	DisableTakeOwnership bool `json:"disableTakeOwnership,omitempty"`

	// DisableWait does not wait until what was upgraded is ready. Default: false.
	// +optional
	DisableWait bool `json:"disableWait,omitempty"`

	// DisableWaitForJobs does not wait until jobs are complete. Default: false.
	// +optional
	DisableWaitForJobs bool `json:"disableWaitForJobs,omitempty"`

	// DisableHooks runs no hooks. Default: false.
	// +optional
	DisableHooks bool `json:"disableHooks,omitempty"`

	// DisableOpenAPIValidation does not check manifests against the schema of the cluster. Default: false.
	// +optional
	DisableOpenAPIValidation bool `json:"disableOpenAPIValidation,omitempty"`

	// DisableSchemaValidation does not check values against the schema of the chart. Default: false.
	// +optional
	DisableSchemaValidation bool `json:"disableSchemaValidation,omitempty"`

	// Force replaces objects instead of patching them; without effect where server-side apply is used. Default: false.
	// +optional
	Force bool `json:"force,omitempty"`

	// PreserveValues merges the new values into those of the last release. Default: false, they replace them.
	// +optional
	PreserveValues bool `json:"preserveValues,omitempty"`

	// CleanupOnFail deletes objects that a failed upgrade created. Default: false.
	// +optional
	CleanupOnFail bool `json:"cleanupOnFail,omitempty"`

	// CRDs says what happens to the files in the folder crds of the chart: Skip, Create or CreateReplace. Default: Create.
	// +optional
	CRDs CRDsPolicy `json:"crds,omitempty"`

	// ServerSideApply says how objects are applied: enabled, disabled, or auto, as the release was applied before. Default: auto.
	// +optional
	ServerSideApply ServerSideApplyMode `json:"serverSideApply,omitempty"`

	// ChartNameChangeStrategy says what a change of the name of the chart does: InPlaceUpdate upgrades, Reinstall uninstalls and installs.
	// Default: Reinstall.
	// +optional
	ChartNameChangeStrategy ChartNameChangeStrategy `json:"chartNameChangeStrategy,omitempty"`
}

// UpgradeStrategy says what follows a failed upgrade.
// +kubebuilder:validation:XValidation:rule="!has(self.retryInterval) || self.name == 'RetryOnFailure'", message=".retryInterval can only be set when .name is 'RetryOnFailure'"
type UpgradeStrategy struct {
	// Name of the strategy: RemediateOnFailure or RetryOnFailure.
	// +required
	Name ActionStrategyName `json:"name"`

	// RetryInterval is the time until the next attempt of RetryOnFailure, such as 2m. Default: 5m.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	RetryInterval *metav1.Duration `json:"retryInterval,omitempty"`
}

// UpgradeRemediation says how often an upgrade is tried and how a failed one is remediated.
type UpgradeRemediation struct {
	// Retries is the number of attempts after the first; negative means without end. Default: 0.
	// +optional
	Retries int `json:"retries,omitempty"`

	// IgnoreTestFailures does not count failed tests as a failed upgrade. Default: spec.test.ignoreFailures.
	// +optional
	IgnoreTestFailures *bool `json:"ignoreTestFailures,omitempty"`

	// RemediateLastFailure remediates also after the last attempt. Default: true when retries is above 0.
	// +optional
	RemediateLastFailure *bool `json:"remediateLastFailure,omitempty"`

	// Strategy says how to remediate: rollback or uninstall. Default: rollback.
	// +optional
	Strategy *RemediationStrategy `json:"strategy,omitempty"`
}

// Test configures the Helm test action.
type Test struct {
	// Enable runs the test hooks of the chart after each install and upgrade. Default: false.
	// +optional
	Enable bool `json:"enable,omitempty"`

	// Timeout of the action, such as 10m. Default: spec.timeout.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`

	// IgnoreFailures does not count failed tests as a failed release. Default: false.
	// +optional
	IgnoreFailures bool `json:"ignoreFailures,omitempty"`

	// Filters choose test hooks by name: one runs if no excluding filter names it and an including one does, or there is none.
	// +optional
	Filters []Filter `json:"filters,omitempty"`
}

// Filter chooses a test hook.
type Filter struct {
	// Name of the hook, of 1 to 253 characters.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`

	// Exclude leaves the hook out instead of choosing it. Default: false.
	// +optional
	Exclude bool `json:"exclude,omitempty"`
}

// Rollback configures the Helm rollback action.
type Rollback struct {
	// Timeout of the action, such as 10m. Default: spec.timeout.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`

	// DisableWait does not wait until what was rolled back is ready. Default: false.
	// +optional
	DisableWait bool `json:"disableWait,omitempty"`

	// DisableWaitForJobs does not wait until jobs are complete. Default: false.
	// +optional
	DisableWaitForJobs bool `json:"disableWaitForJobs,omitempty"`

	// DisableHooks runs no hooks. Default: false.
	// +optional
	DisableHooks bool `json:"disableHooks,omitempty"`

	// Recreate is accepted and has no effect.
	// +optional
	Recreate bool `json:"recreate,omitempty"`

	// Force replaces objects instead of patching them; without effect where server-side apply is used. Default: false.
	// +optional
	Force bool `json:"force,omitempty"`

	// CleanupOnFail deletes objects that a failed rollback created. Default: false.
	// +optional
	CleanupOnFail bool `json:"cleanupOnFail,omitempty"`

	// ServerSideApply says how objects are applied: enabled, disabled, or auto, as the release was applied before. Default: auto.
	// +optional
	ServerSideApply ServerSideApplyMode `json:"serverSideApply,omitempty"`
}

// Uninstall configures the Helm uninstall action.
type Uninstall struct {
	// Timeout of the action, such as 10m. Default: spec.timeout.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`

	// DisableHooks runs no hooks. Default: false.
	// +optional
	DisableHooks bool `json:"disableHooks,omitempty"`

	// KeepHistory keeps the revisions in storage, marked as uninstalled. Default: false.
	// +optional
	KeepHistory bool `json:"keepHistory,omitempty"`

	// DisableWait does not wait until what was uninstalled is gone. Default: false.
	// +optional
	DisableWait bool `json:"disableWait,omitempty"`

	// DeletionPropagation says what becomes of dependents: background, foreground or orphan. Default: background.
	// +kubebuilder:default=background
	// +kubebuilder:validation:Enum=background;foreground;orphan
	// +optional
	DeletionPropagation *string `json:"deletionPropagation,omitempty"`
}
