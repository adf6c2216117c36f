// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// GitRepositoryKind is the kind of GitRepository.
const GitRepositoryKind = "GitRepository"

// Reasons of GitRepository.
const (
	// GitOperationFailedReason says the remote could not be listed or fetched, the reference could not be resolved, or a path of
	// spec.sparseCheckout is not in the commit.
	GitOperationFailedReason = "GitOperationFailed"

	// GitOperationSucceededReason is the reason of the event of a run in which the reference had not moved.
	GitOperationSucceededReason = "GitOperationSucceeded"

	// EmptyGitRepositoryReason says the remote has no commit.
	EmptyGitRepositoryReason = "EmptyGitRepository"

	// InvalidProviderConfigurationReason says spec.provider and the content of the Secret do not go together.
	InvalidProviderConfigurationReason = "InvalidProviderConfiguration"

	// IncludeChangeReason says an included repository has a new artifact.
	IncludeChangeReason = "IncludeChange"

	// NotFoundReason says an included repository does not exist.
	NotFoundReason = "NotFound"

	// NoArtifactReason says an included repository has no artifact yet.
	NoArtifactReason = "NoArtifact"

	// IllegalPathReason says the destination of an include cannot be placed below the work tree.
	IllegalPathReason = "IllegalPath"

	// CopyFailureReason says the content of an include could not be put in place.
	CopyFailureReason = "CopyFailure"

	// InvalidVerificationModeReason says a tag is to be verified but the reference is not a tag.
	InvalidVerificationModeReason = "InvalidVerificationMode"

	// InvalidGitObjectReason says the object to verify is missing or carries no signature, such as a lightweight tag.
	InvalidGitObjectReason = "InvalidGitObject"

	// InvalidTagSignatureReason says no configured key made the signature of the tag.
	InvalidTagSignatureReason = "InvalidTagSignature"

	// InvalidCommitSignatureReason says no configured key made the signature of the commit.
	InvalidCommitSignatureReason = "InvalidCommitSignature"
)

// GitDefaultBranch is the branch of a repository whose spec names no reference at all.
const GitDefaultBranch = "master"

// defaultTimeout is what an absent spec.timeout of a source means. Most CRDs fill in the same value.
const defaultTimeout = time.Minute

// GitVerificationMode says which Git objects need a valid signature.
type GitVerificationMode string

// Values of GitVerificationMode.
const (
	// ModeGitHEAD verifies the commit.
	ModeGitHEAD GitVerificationMode = "HEAD"

	// ModeGitTag verifies the annotated tag.
	ModeGitTag GitVerificationMode = "Tag"

	// ModeGitTagAndHEAD verifies the annotated tag and the commit it points at.
	ModeGitTagAndHEAD GitVerificationMode = "TagAndHEAD"

	// modeGitHEADAlias is the older spelling of ModeGitHEAD.
	modeGitHEADAlias GitVerificationMode = "head"
)

// GitRepositorySpec says which commit of which repository to publish.
// +kubebuilder:validation:XValidation:rule="!has(self.serviceAccountName) || (has(self.provider) && (self.provider == 'azure' || self.provider == 'aws'))",message="serviceAccountName can only be set when provider is 'azure' or 'aws'"
type GitRepositorySpec struct {
	// URL is the address of the repository: http, https or ssh. The SCP form (git@host:path) is refused by the API server;
	// write ssh://git@host/path. A URL that does not parse stalls the object with reason URLInvalid.
	// +kubebuilder:validation:Pattern="^(http|https|ssh)://.*$"
	// +required
	URL string `json:"url"`

	// SecretRef names a Secret in the namespace of the object with the credentials. HTTP(S): username and password, or
	// bearerToken; ca.crt; tls.crt and tls.key. SSH: identity and known_hosts (both required), password for an encrypted key.
	// Without it HTTP(S) is anonymous and SSH fails. A missing or malformed Secret fails with AuthenticationFailed and is retried.
	// +optional
	SecretRef *meta.LocalObjectReference `json:"secretRef,omitempty"`

	// Provider says where credentials come from. Default: generic, the Secret of secretRef. aws and azure use a workload
	// identity, github a GitHub App whose data is in the Secret. A Secret that does not fit fails with
	// InvalidProviderConfiguration.
	// +kubebuilder:validation:Enum=generic;aws;azure;github
	// +optional
	Provider string `json:"provider,omitempty"`

	// ServiceAccountName names a ServiceAccount in the namespace of the object whose cloud identity is used instead of the
	// controller's. Needs provider aws or azure and the feature gate ObjectLevelWorkloadIdentity; with the gate off the object
	// stalls with FeatureGateDisabled.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`

	// Interval is the time between two looks at the remote after a run without error, such as 1m or 1h30m; jitter of some
	// percent is added. Failed runs are retried with a growing delay instead.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +required
	Interval metav1.Duration `json:"interval"`

	// Timeout bounds one exchange with the remote (listing references, fetching), such as 60s; hours are not accepted.
	// Default: 60s. A run that exceeds it fails with GitOperationFailed and is retried.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m))+$"
	// +kubebuilder:default="60s"
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`

	// Reference says which commit to take. Default: the branch master. One that cannot be resolved fails with
	// GitOperationFailed, naming it, and is retried.
	// +optional
	Reference *GitRepositoryRef `json:"ref,omitempty"`

	// Verification asks for a valid signature before anything is published. Default: none. A refused signature sets
	// SourceVerified to False; the artifact of an earlier run stays.
	// +optional
	Verification *GitRepositoryVerification `json:"verify,omitempty"`

	// ProxySecretRef names a Secret in the namespace of the object with the proxy to use: address (http, https or socks5), and
	// username and password if the proxy wants them. Default: the proxy variables of the controller's environment. A missing or
	// malformed Secret fails with AuthenticationFailed.
	// +optional
	ProxySecretRef *meta.LocalObjectReference `json:"proxySecretRef,omitempty"`

	// Ignore holds rules in .gitignore syntax for files to leave out of the artifact. They come after those of .sourceignore
	// files and win over them. Any rule, from either, replaces the default set (images, archives, CI files); the files of Git
	// itself stay out unless a rule brings them back. A malformed rule matches nothing. Empty differs from absent only in that it
	// counts as a change.
	// +optional
	Ignore *string `json:"ignore,omitempty"`

	// Suspend stops reconciling the object while it is true. The published artifact and the conditions stay as they are.
	// Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// RecurseSubmodules fetches all submodules, to a depth of 10, with the credentials of the repository. Default: false. A
	// submodule that cannot be fetched fails the run with GitOperationFailed.
	// +optional
	RecurseSubmodules bool `json:"recurseSubmodules,omitempty"`

	// Include places the artifacts of other GitRepositories into this one, in list order. While one is missing or has no
	// artifact the object waits with IncludeUnavailable.
	// +optional
	Include []GitRepositoryInclude `json:"include,omitempty"`

	// SparseCheckout lists the directories to take; a leading ./ is ignored. Default: the whole tree. Files outside of them,
	// including those in the root, are absent from the artifact. A directory that is not in the commit fails the run with
	// GitOperationFailed.
	// +optional
	SparseCheckout []string `json:"sparseCheckout,omitempty"`
}

// GitRepositoryRef names a commit. When several fields are set the first of commit, name, tag, semver and branch counts.
type GitRepositoryRef struct {
	// Branch to follow. Default: master when no other field is set. Together with commit it names the branch the commit is on.
	// +optional
	Branch string `json:"branch,omitempty"`

	// Tag to take, annotated or lightweight. The revision carries the hash of the commit, not of the tag object.
	// +optional
	Tag string `json:"tag,omitempty"`

	// SemVer is a constraint such as ">=1.0.0 <2.0.0"; the highest tag that satisfies it is taken. Tags need three numeric parts,
	// a v in front is ignored; pre-releases count only when the constraint mentions one.
	// +optional
	SemVer string `json:"semver,omitempty"`

	// Name is a full reference such as refs/heads/main, refs/tags/v1.0.0 or refs/pull/420/head. It must not begin or end with a
	// slash.
	// +optional
	Name string `json:"name,omitempty"`

	// Commit is a full SHA-1 of 40 hexadecimal digits. It has to be reachable from a branch, or from the given branch.
	// +optional
	Commit string `json:"commit,omitempty"`
}

// GitRepositoryVerification says what must be signed and by whom.
type GitRepositoryVerification struct {
	// Mode says which objects are verified. HEAD (or head): the commit. Tag: the annotated tag. TagAndHEAD: both. Default: HEAD.
	// The modes with Tag need a tag, semver or tag name reference; otherwise the object stalls with InvalidVerificationMode.
	// +kubebuilder:validation:Enum=head;HEAD;Tag;TagAndHEAD
	// +kubebuilder:default=HEAD
	// +optional
	Mode GitVerificationMode `json:"mode,omitempty"`

	// SecretRef names a Secret in the namespace of the object with the trusted public keys: *.asc for armored PGP, *.sshpub for
	// SSH, any other name for PGP. A missing Secret fails with VerificationError.
	// +required
	SecretRef meta.LocalObjectReference `json:"secretRef"`
}

// GitRepositoryInclude places a directory of another artifact into this one.
type GitRepositoryInclude struct {
	// GitRepositoryRef names the GitRepository to include; it is in the namespace of the object.
	// +required
	GitRepositoryRef meta.LocalObjectReference `json:"repository"`

	// FromPath is the directory of the included artifact to take. Default: all of it. One that is absent fails the run with
	// CopyFailure.
	// +optional
	FromPath string `json:"fromPath,omitempty"`

	// ToPath is the directory to put it in, below the root of this artifact. Default: the name of the included repository. One
	// that already holds files fails the run with CopyFailure.
	// +optional
	ToPath string `json:"toPath,omitempty"`
}

// GitRepositoryStatus is what the controller last saw and published.
type GitRepositoryStatus struct {
	// ObservedGeneration is the generation of the spec that was last dealt with: by a run that succeeded, found nothing to do,
	// stalled, or met a suspended object. -1 until then.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Conditions summarise the last run; Ready is the one to wait for.
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// Artifact is what is published: the last commit that was fetched, verified and stored. It stays while later runs fail.
	// +optional
	Artifact *meta.Artifact `json:"artifact,omitempty"`

	// IncludedArtifacts are the artifacts that went into the published one, in the order of spec.include.
	// +optional
	IncludedArtifacts []*meta.Artifact `json:"includedArtifacts,omitempty"`

	// ObservedIgnore is spec.ignore as it was when the artifact was made.
	// +optional
	ObservedIgnore *string `json:"observedIgnore,omitempty"`

	// ObservedRecurseSubmodules is spec.recurseSubmodules as it was when the artifact was made.
	// +optional
	ObservedRecurseSubmodules bool `json:"observedRecurseSubmodules,omitempty"`

	// ObservedInclude is spec.include as it was when the artifact was made.
	// +optional
	ObservedInclude []GitRepositoryInclude `json:"observedInclude,omitempty"`

	// ObservedSparseCheckout is spec.sparseCheckout as it was when the artifact was made.
	// +optional
	ObservedSparseCheckout []string `json:"observedSparseCheckout,omitempty"`

	// SourceVerificationMode is the mode of the last verification that succeeded: HEAD, Tag or TagAndHEAD.
	// +optional
	SourceVerificationMode *GitVerificationMode `json:"sourceVerificationMode,omitempty"`

	meta.ReconcileRequestStatus `json:",inline"`
}

// GitRepository publishes a commit of a Git repository as an artifact.
// +genclient
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=gitrepo,categories={all,fluxcd,fluxcd-sources}
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=`.spec.url`
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp",description=""
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type==\"Ready\")].status",description=""
// +kubebuilder:printcolumn:name="Status",type="string",JSONPath=".status.conditions[?(@.type==\"Ready\")].message",description=""
type GitRepository struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec GitRepositorySpec `json:"spec,omitempty"`
	// +kubebuilder:default={"observedGeneration":-1}
	Status GitRepositoryStatus `json:"status,omitempty"`
}

// GitRepositoryList is a list of GitRepository objects.
// +kubebuilder:object:root=true
type GitRepositoryList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []GitRepository `json:"items"`
}

// GetConditions returns the conditions of the status.
func (in *GitRepository) GetConditions() []metav1.Condition { return in.Status.Conditions }

// SetConditions replaces the conditions of the status.
func (in *GitRepository) SetConditions(conditions []metav1.Condition) {
	in.Status.Conditions = conditions
}

// GetArtifact returns what is published, nil before the first success.
func (in *GitRepository) GetArtifact() *meta.Artifact { return in.Status.Artifact }

// GetRequeueAfter returns the time between two runs without error.
func (in *GitRepository) GetRequeueAfter() time.Duration { return in.Spec.Interval.Duration }

// GetTimeout returns the bound of one exchange with the remote.
func (in *GitRepository) GetTimeout() time.Duration { return timeoutOrDefault(in.Spec.Timeout) }

// GetMode returns the normalised mode: the default filled in and the older spelling of HEAD replaced.
func (in *GitRepositoryVerification) GetMode() GitVerificationMode {
	if in.Mode == "" || in.Mode == modeGitHEADAlias {
		return ModeGitHEAD
	}
	return in.Mode
}

// VerifiesTag reports whether the mode asks for a signed tag.
func (in *GitRepositoryVerification) VerifiesTag() bool {
	return in.Mode == ModeGitTag || in.Mode == ModeGitTagAndHEAD
}

// VerifiesHEAD reports whether the mode asks for a signed commit.
func (in *GitRepositoryVerification) VerifiesHEAD() bool {
	return in.GetMode() != ModeGitTag
}

// GetToPath returns the directory to put the included files in.
func (in *GitRepositoryInclude) GetToPath() string {
	if in.ToPath == "" {
		return in.GitRepositoryRef.Name
	}
	return in.ToPath
}

// timeoutOrDefault returns the timeout of a spec, or the default when it is absent.
func timeoutOrDefault(d *metav1.Duration) time.Duration {
	if d == nil {
		return defaultTimeout
	}
	return d.Duration
}
