// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package imageupdateautomation writes the images that policies chose into manifests in a Git repository.
//
// A run walks six phases. policies collects what the ImagePolicies of the namespace chose. source finds the repository and the credentials.
// message reads the template. checkout asks the remote where its branches are, with one request; where nothing moved the run is over,
// otherwise it fetches what is new. update changes the marked values in memory. push makes one commit of it and moves the branch; when
// somebody else was faster it looks again, changes again and pushes again.
//
// The branch is the record of what was done: a run that finds its change there makes no second commit, whatever became of the run before.
// Within the process one object at a time writes to a branch of a repository.
//
// It reads ImageUpdateAutomations, ImagePolicies, GitRepositories and the Secrets they name, and writes the finalizer and the status of
// ImageUpdateAutomations. On disk an object has a private mirror of its repository, which may be lost at any time.
//
// Metrics: gotk_reconcile_duration_seconds{kind="ImageUpdateAutomation"}.
package imageupdateautomation
