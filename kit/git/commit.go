// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/weir-gitops/weir/kit/excerpt"
)

// Commit is a commit of a mirror, readable while the mirror is open.
type Commit struct {
	// Hash names the commit.
	Hash Hash
	// Subject is the first line of its message.
	Subject string
	// Message is all of it, at most maxMessageBytes, without what is no UTF-8.
	Message string
	// Time is when it was committed, as its author says.
	Time time.Time

	committer object.Signature
	tree      Hash
	store     *filesystem.Storage
}

// maxMessageBytes bounds the message of a commit that is kept. Our own have at most a mebibyte.
const maxMessageBytes = 1 << 20

// CommittedBy reports whether the committer has this name and address, as DraftOptions would put them into a commit.
func (c *Commit) CommittedBy(name, email string) bool {
	return c.committer.Name == headerText(name) && c.committer.Email == headerText(email)
}

// Commit returns a commit that was fetched before. ErrCorrupt means that it is not there or cannot be
// read, ErrReference that it is something else, which a tag may name.
func (m *Mirror) Commit(h Hash) (*Commit, error) {
	if m.store == nil {
		return nil, fmt.Errorf("%w: no commit %s", ErrCorrupt, h)
	}
	c, err := object.GetCommit(m.store, h)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		if o, other := m.store.EncodedObject(plumbing.AnyObject, h); other == nil {
			return nil, fmt.Errorf("%w: %s is not a commit but a %s", ErrReference, h, o.Type())
		}
	}
	if err != nil {
		return nil, damaged("commit", h, err)
	}
	subject, _, _ := strings.Cut(strings.TrimLeft(c.Message, "\r\n"), "\n")
	return &Commit{
		Hash:    h,
		Subject: strings.TrimSpace(strings.ToValidUTF8(subject, "\uFFFD")),
		Message: excerpt.Of(c.Message, maxMessageBytes),
		Time:    c.Committer.When,

		committer: c.Committer,
		tree:      c.TreeHash,
		store:     m.store,
	}, nil
}

// damaged is the error of an object that is not in the mirror as it should be.
func damaged(what string, h Hash, err error) error {
	return fmt.Errorf("%w: %s %s: %w", ErrCorrupt, what, h, err)
}

// ErrNotFound says that a path is not in a tree.
var ErrNotFound = errors.New("path not found in the repository")

// ErrSubmodule says that a path is that of a submodule, an empty directory to who checks out nothing else.
var ErrSubmodule = errors.New("path of a submodule")
