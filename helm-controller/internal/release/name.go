// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"crypto/sha256"
	"encoding/hex"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
)

const (
	// maxNameLen is Helm's limit for the name of a release, in characters.
	maxNameLen = 53
	// keptNameLen and nameHashLen make up a shortened name, with a dash between them.
	keptNameLen = 40
	nameHashLen = 12
)

// FullReleaseName returns the name of the release before it is shortened: [<targetNamespace>-]<name> unless spec says otherwise. Messages
// about failed installs and upgrades show it.
func FullReleaseName(obj *helmv2.HelmRelease) string {
	switch {
	case obj.Spec.ReleaseName != "":
		return obj.Spec.ReleaseName
	case obj.Spec.TargetNamespace != "":
		return obj.Spec.TargetNamespace + "-" + obj.Name
	default:
		return obj.Name
	}
}

// Name returns the name under which Helm knows the release.
func Name(obj *helmv2.HelmRelease) string { return shorten(FullReleaseName(obj)) }

// shorten keeps names that Helm takes, and replaces the end of others by a part of their hash. Contract 2.4.
func shorten(name string) string {
	if len(name) <= maxNameLen {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return name[:keptNameLen] + "-" + hex.EncodeToString(sum[:])[:nameHashLen]
}

// TargetChange says that a HelmRelease now names another release than the one it made.
type TargetChange struct {
	// What changed, for people.
	What string
	// Namespace is the storage namespace of the old release.
	Namespace string
	// Old is the newest snapshot of the old release.
	Old *helmv2.Snapshot
}

// TargetChanged compares the release that the object made with the one it asks for, nil when they are the same or none was made. chartName
// is the name of the chart to release. Contract 7.4.
func TargetChanged(obj *helmv2.HelmRelease, chartName string) *TargetChange {
	old := obj.Status.History.Latest()
	if obj.Status.StorageNamespace == "" || old == nil {
		return nil
	}
	what := Elsewhere(obj, old)
	if what == "" && old.ChartName != chartName && reinstalls(obj) {
		what = "chart name"
	}
	if what == "" {
		return nil
	}
	return &TargetChange{What: what, Namespace: obj.Status.StorageNamespace, Old: old}
}

// Elsewhere says in what the release that the object asks for differs from one that it made: where it is stored, where it is installed, or its
// name; empty if they are the same.
func Elsewhere(obj *helmv2.HelmRelease, old *helmv2.Snapshot) string {
	switch {
	case obj.Status.StorageNamespace != obj.GetStorageNamespace():
		return "storage namespace"
	case old.Namespace != obj.GetReleaseNamespace():
		return "target namespace"
	case old.Name != Name(obj):
		return "release name"
	}
	return ""
}

func reinstalls(obj *helmv2.HelmRelease) bool {
	return obj.Spec.Upgrade == nil || obj.Spec.Upgrade.ChartNameChangeStrategy != helmv2.ChartNameChangeInPlaceUpdate
}
