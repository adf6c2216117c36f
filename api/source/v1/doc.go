// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package v1 holds the kinds of the group source.toolkit.fluxcd.io: where desired state comes from.
//
// A source names something that changes elsewhere (a Git branch, an OCI tag, a Helm index, a bucket) and publishes what it
// found as an artifact: one file with a revision and a digest, served over HTTP. Consumers follow status.artifact and nothing
// else. The JSON form is that of Flux v2.9, so objects written for either run with both.
//
// +kubebuilder:object:generate=true
// +groupName=source.toolkit.fluxcd.io
package v1
