// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package git reads and writes Git repositories: it resolves references, keeps an incremental mirror of a
// remote repository on disk, walks the trees of commits, makes new commits and pushes them. It owns the
// go-git library; no other package imports it.
//
// A Remote is a repository somewhere else with the credentials to read it. A Reference says which commit
// is wanted. A Mirror is the local copy: Resolve asks the remote, with one listing of its references,
// which commit the reference names now, and Fetch brings in the objects of that commit the mirror does
// not have yet. A Commit is then read from the mirror, entry by entry, without a work tree. A Finder follows paths in
// it as a work tree would, through symbolic links that stay inside.
//
// A Draft is a commit on top of another one, made from tree objects alone: only files that change are
// touched, whatever the size of the repository. A Push moves one reference to it, from where it was seen and
// from nowhere else: somebody else's push in between is ErrNonFastForward, never overwritten. Keep adds what
// was pushed to the mirror.
//
// The objects, packs and messages on the wire are go-git's. Four parts are our own because go-git has
// no equivalent: the transports (go-git's cannot be interrupted while an SSH server is silent, and hide
// capabilities that incremental shallow fetches need), the index of a received pack (go-git's keeps up
// to 96 MB of objects in memory, and cannot complete a thin pack), the side-band (go-git's does not tell
// a refusal from a malformed response), and the choice of what to ask for.
// See docs/design/0002-incremental-git.md.
//
// Whatever comes from a remote repository is hostile: sizes are bounded, paths checked, and errors carry
// neither user information nor queries of URLs.
package git
