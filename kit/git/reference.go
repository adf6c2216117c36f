// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git

import (
	"errors"
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/go-git/go-git/v5/plumbing"
)

// Hash names a Git object.
type Hash = plumbing.Hash

const (
	branchPrefix = "refs/heads/"
	tagPrefix    = "refs/tags/"
	headName     = "HEAD"
	// peeledSuffix marks the object that an annotated tag points at.
	peeledSuffix = "^{}"
	// defaultBranch is taken when nothing is said. Flux: gitrepositories, "ref.branch".
	defaultBranch = "master"
	// hexLength is the length of a SHA-1 in text.
	hexLength = 40
)

// ErrReference says that a reference is malformed or that the remote has nothing for it.
var ErrReference = errors.New("reference cannot be resolved")

// Reference says which commit is wanted. If several fields are set, the first of Commit, Name, Tag,
// SemVer, Branch counts. Flux: gitrepositories, "Reference precedence".
type Reference struct {
	// Branch is the short name of a branch, master if nothing is set. Together with Commit it limits
	// where the commit is looked for.
	Branch string
	// Tag is the short name of a tag.
	Tag string
	// SemVer is a version constraint over the tags.
	SemVer string
	// Name is the full name of a reference, as in refs/pull/420/head.
	Name string
	// Commit is a full hash.
	Commit string
}

// kind is which field of a reference counts.
type kind int

const (
	byBranch kind = iota
	bySemVer
	byTag
	byName
	byCommit
)

// kind returns which field counts.
func (r Reference) kind() kind {
	switch {
	case r.Commit != "":
		return byCommit
	case r.Name != "":
		return byName
	case r.Tag != "":
		return byTag
	case r.SemVer != "":
		return bySemVer
	}
	return byBranch
}

// branch is the branch that is wanted.
func (r Reference) branch() string {
	if r.Branch == "" {
		return defaultBranch
	}
	return r.Branch
}

// NamesBranch reports whether the reference follows a branch, so that a repository without commits is
// not an error of the reference but of the repository.
func (r Reference) NamesBranch() bool { return r.kind() == byBranch }

// String describes the reference for messages.
func (r Reference) String() string {
	switch r.kind() {
	case byCommit:
		if r.Branch != "" {
			return fmt.Sprintf("commit '%s' of branch '%s'", r.Commit, r.Branch)
		}
		return fmt.Sprintf("commit '%s'", r.Commit)
	case byName:
		return fmt.Sprintf("ref name '%s'", r.Name)
	case byTag:
		return fmt.Sprintf("tag '%s'", r.Tag)
	case bySemVer:
		return fmt.Sprintf("semver '%s'", r.SemVer)
	case byBranch:
	}
	return fmt.Sprintf("branch '%s'", r.branch())
}

// check refuses a reference that no remote can resolve.
func (r Reference) check() error {
	switch r.kind() {
	case byCommit:
		if !isHash(r.Commit) {
			return r.unresolved("not a full SHA-1 in lower case")
		}
	case byName:
		if strings.HasPrefix(r.Name, "/") || strings.HasSuffix(r.Name, "/") {
			return r.unresolved("must not begin or end with a slash")
		}
	case bySemVer:
		if _, err := semver.NewConstraint(r.SemVer); err != nil {
			return r.unresolved(err.Error())
		}
	case byTag, byBranch:
	}
	return nil
}

// unresolved is the error for this reference.
func (r Reference) unresolved(why string) error {
	return fmt.Errorf("%w: %s: %s", ErrReference, r, why)
}

// isHash reports whether text is the hash of a commit in full.
func isHash(text string) bool {
	return len(text) == hexLength && strings.Trim(text, "0123456789abcdef") == ""
}

// revision is the text that names a commit found through pointer, which may be empty.
// Flux: source-controller contract, "revision".
func revision(pointer string, commit Hash) string {
	text := "sha1:" + commit.String()
	if pointer != "" {
		text = pointer + "@" + text
	}
	return text
}

// Revision returns the text that names a commit of a branch for people and consumers, as in "main@sha1:…".
func Revision(branch string, commit Hash) string { return revision(branch, commit) }

// NormalizeRevision returns a revision as written by old controllers (<branch>/<hash>, a bare hash) in
// today's form. Flux: source-controller contract, "legacy Git revisions".
func NormalizeRevision(text string) string {
	if strings.Contains(text, ":") || len(text) < hexLength {
		return text
	}
	pointer, hash := text[:len(text)-hexLength], text[len(text)-hexLength:]
	if !isHash(hash) || (pointer != "" && !strings.HasSuffix(pointer, "/")) {
		return text
	}
	pointer = strings.TrimSuffix(pointer, "/")
	if pointer == "HEAD" {
		pointer = ""
	}
	if pointer == "" {
		return "sha1:" + hash
	}
	return pointer + "@sha1:" + hash
}
