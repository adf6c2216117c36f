// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v1

// Condition types of sources, next to Ready, Reconciling and Stalled of github.com/fluxcd/pkg/apis/meta. A negative condition
// (one whose presence is bad news) is removed when its cause is gone; it never stays as False.
const (
	// FetchFailedCondition is negative: the upstream could not be reached, read or authenticated to. An artifact of an earlier
	// run stays published.
	FetchFailedCondition = "FetchFailed"

	// StorageOperationFailedCondition is negative: the artifact could not be written to or found in storage.
	StorageOperationFailedCondition = "StorageOperationFailed"

	// ArtifactOutdatedCondition is negative: upstream has something newer than what is published.
	ArtifactOutdatedCondition = "ArtifactOutdated"

	// ArtifactInStorageCondition is positive: the artifact of status is in storage and served.
	ArtifactInStorageCondition = "ArtifactInStorage"

	// SourceVerifiedCondition is True for a verified signature, False for one that was refused, absent when verification is not
	// configured. False overrides Ready. Kinds: GitRepository, OCIRepository, HelmChart.
	SourceVerifiedCondition = "SourceVerified"

	// IncludeUnavailableCondition is negative: a repository named in spec.include is missing or has no artifact. Kind:
	// GitRepository.
	IncludeUnavailableCondition = "IncludeUnavailable"

	// BuildFailedCondition is negative: the chart could not be patched, merged, completed or packaged. Kind: HelmChart.
	BuildFailedCondition = "BuildFailed"
)

// Reasons that conditions and events of several source kinds share.
const (
	// URLInvalidReason says the URL of the source cannot be used; nothing is retried until the object changes.
	URLInvalidReason = "URLInvalid"

	// AuthenticationFailedReason says a Secret (credentials, TLS, proxy) is missing or malformed, or that no token could be
	// obtained.
	AuthenticationFailedReason = "AuthenticationFailed"

	// UnsupportedReason says a field asks for something this version does not do; nothing is retried until the object changes.
	UnsupportedReason = "Unsupported"

	// NewRevisionReason says upstream moved to a revision that is not published yet.
	NewRevisionReason = "NewRevision"

	// NewArtifactReason is the reason of the event that announces a new digest.
	NewArtifactReason = "NewArtifact"

	// ArtifactUpToDateReason is the reason of the event of a run that found nothing new.
	ArtifactUpToDateReason = "ArtifactUpToDate"

	// ArtifactVerificationFailedReason says a stored file no longer has the digest of status; it is removed and made again.
	ArtifactVerificationFailedReason = "ArtifactVerificationFailed"

	// DirectoryCreationFailedReason says a working or storage directory could not be made.
	DirectoryCreationFailedReason = "DirectoryCreationFailed"

	// StatOperationFailedReason says the tree to archive could not be inspected.
	StatOperationFailedReason = "StatOperationFailed"

	// InvalidPathReason says the tree to archive is not a directory.
	InvalidPathReason = "InvalidPath"

	// ArchiveOperationFailedReason says the archive could not be written, for example because the volume is full.
	ArchiveOperationFailedReason = "ArchiveOperationFailed"

	// AcquireLockFailedReason says the advisory lock of an artifact file could not be taken.
	AcquireLockFailedReason = "AcquireLockFailed"

	// SymlinkUpdateFailedReason says the link to the latest artifact could not be replaced; the artifact itself is published.
	SymlinkUpdateFailedReason = "SymlinkUpdateFailed"

	// GarbageCollectionSucceededReason is the reason of the event that lists removed files.
	GarbageCollectionSucceededReason = "GarbageCollectionSucceeded"

	// GarbageCollectionFailedReason says files could not be removed; on deletion the finalizer stays and removal is retried.
	GarbageCollectionFailedReason = "GarbageCollectionFailed"

	// SourceIgnoreErrorReason says a .sourceignore file could not be read.
	SourceIgnoreErrorReason = "SourceIgnoreError"

	// VerificationErrorReason says a signature could not be checked or was refused.
	VerificationErrorReason = "VerificationError"

	// ReadOperationFailedReason says tags could not be listed or resolved, or that a source archive could not be opened.
	ReadOperationFailedReason = "ReadOperationFailed"

	// CacheOperationFailedReason says the in-memory index cache refused an entry; the run goes on without it.
	CacheOperationFailedReason = "CacheOperationFailed"
)

// Values of spec.provider: where credentials come from when no Secret names them.
const (
	// ProviderGeneric uses the referenced Secret, or nothing.
	ProviderGeneric = "generic"

	// ProviderAWS uses an AWS identity.
	ProviderAWS = "aws"

	// ProviderAzure uses a Microsoft Entra identity.
	ProviderAzure = "azure"

	// ProviderGCP uses a Google Cloud identity.
	ProviderGCP = "gcp"

	// ProviderGitHub uses a GitHub App installation; GitRepository only.
	ProviderGitHub = "github"
)
