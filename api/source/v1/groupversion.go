// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Group is the API group of every kind in this package.
const Group = "source.toolkit.fluxcd.io"

// Version is the only version of the group that is served and stored.
const Version = "v1"

// Finalizer keeps a source in the cluster until its files are removed from storage.
const Finalizer = "finalizers.fluxcd.io"

// Keys that events about sources carry in their metadata.
const (
	// RevisionMetadataKey holds the revision of the artifact the event is about.
	RevisionMetadataKey = Group + "/revision"

	// DigestMetadataKey holds the digest of the artifact the event is about.
	DigestMetadataKey = Group + "/digest"
)

// Artifact metadata and event keys defined by the OCI image specification.
const (
	// OCISourceMetadataKey names the repository an OCI artifact was built from.
	OCISourceMetadataKey = "org.opencontainers.image.source"

	// OCIRevisionMetadataKey names the revision an OCI artifact was built from.
	OCIRevisionMetadataKey = "org.opencontainers.image.revision"
)

var (
	// GroupVersion identifies the kinds of this package on the wire.
	GroupVersion = schema.GroupVersion{Group: Group, Version: Version}

	// SchemeBuilder collects the functions that add the kinds to a scheme.
	SchemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

	// AddToScheme adds every kind of this package to a scheme.
	AddToScheme = SchemeBuilder.AddToScheme
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&Bucket{}, &BucketList{},
		&ExternalArtifact{}, &ExternalArtifactList{},
		&GitRepository{}, &GitRepositoryList{},
		&HelmChart{}, &HelmChartList{},
		&HelmRepository{}, &HelmRepositoryList{},
		&OCIRepository{}, &OCIRepositoryList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
