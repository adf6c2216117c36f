// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package imagepolicy chooses, from the tags that an ImageRepository has found, the one that manifests are to follow.
//
// A run walks four phases. accept looks at the spec. repository finds the ImageRepository and checks that the object may use it. choose reads the
// stored tags and picks one. digest asks the registry what the tag names, where the object wants that; it is the only phase that sends anything.
//
// An object runs when its repository has found other tags, the moment the status of that says so, and not by time, unless it follows digests. One that
// uses a repository of another namespace also runs when the labels of its own change, which say whether it may.
// A run that chooses what was chosen before writes nothing. What was chosen last stays while later runs fail: automations go by it.
//
// It reads ImagePolicies, ImageRepositories, the Namespaces of objects that use repositories of others, and the Secrets and ServiceAccounts that
// ImageRepositories name; it writes the finalizer and the status of ImagePolicies.
//
// Metrics: gotk_reconcile_duration_seconds{kind="ImagePolicy"}.
package imagepolicy
