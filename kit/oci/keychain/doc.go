// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package keychain holds the credentials of registries as plain values: it reads docker configs and finds the credential for a repository with
// the rules that Kubernetes has for pull secrets. It needs nothing but the standard library, so that whoever only carries credentials does not
// link a registry client.
package keychain
