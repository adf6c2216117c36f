// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Command helm-controller will install, upgrade, test and roll back Helm releases described by HelmRelease objects. It comes in a later
// version of Weir. Until then the binary only says so.
package main
