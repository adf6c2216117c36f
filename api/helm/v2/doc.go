// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package v2 holds the kind of the group helm.toolkit.fluxcd.io: HelmRelease, which installs a chart, upgrades it, tests it, puts right
// what failed and keeps what was installed from drifting. The JSON form is that of Flux v2.9, so objects written for either run with
// both.
//
// +kubebuilder:object:generate=true
// +groupName=helm.toolkit.fluxcd.io
package v2
