// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"
)

// ErrUnchanged says that a commit would have the content of its parent.
var ErrUnchanged = errors.New("nothing to commit")

// Draft is a commit that no repository has yet, with everything new that belongs to it, in memory.
type Draft struct {
	// Hash names the commit.
	Hash Hash

	store  *memory.Storage
	hashes []Hash
}

// DraftOptions say what a commit has beside its content.
type DraftOptions struct {
	// Name and Email are those of author and committer.
	Name, Email string
	// Time is when it is made.
	Time time.Time
	// Message is taken as it is.
	Message string
	// Signer signs the commit; nil leaves it unsigned.
	Signer Signer
}

// Draft makes a commit on top of c in which files that exist, by path, have other content. Everything else,
// links and submodules too, stays as it is. Errors are ErrUnchanged, ErrNotFound for a path that is no file,
// and ErrCorrupt.
func (c *Commit) Draft(ctx context.Context, files map[string][]byte, o DraftOptions) (*Draft, error) {
	d := &drafter{commit: c, draft: &Draft{store: memory.NewStorage()}}
	tree, err := d.tree(ctx, c.tree, "", files)
	if err != nil {
		return nil, fmt.Errorf("make commit: %w", err)
	}
	if tree == c.tree {
		return nil, ErrUnchanged
	}
	who := object.Signature{Name: headerText(o.Name), Email: headerText(o.Email), When: o.Time}
	commit := &object.Commit{Author: who, Committer: who, Message: o.Message, TreeHash: tree, ParentHashes: []Hash{c.Hash}}
	if err := sign(commit, o.Signer); err != nil {
		return nil, fmt.Errorf("sign commit: %w", err)
	}
	if d.draft.Hash, err = d.add(commit); err != nil {
		return nil, fmt.Errorf("make commit: %w", err)
	}
	return d.draft, nil
}

// sign adds a signature of everything else to the commit.
func sign(commit *object.Commit, signer Signer) error {
	if signer == nil {
		return nil
	}
	unsigned := &plumbing.MemoryObject{}
	if err := commit.EncodeWithoutSignature(unsigned); err != nil {
		return err
	}
	r, err := unsigned.Reader()
	if err != nil {
		return err
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	signature, err := signer.Sign(content)
	commit.PGPSignature = string(signature) // the header is the same for all kinds
	return err
}

// headerText takes out of a name or an address what would end it, as the git command does.
func headerText(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if strings.ContainsRune("<>\n\r\x00", r) {
			return -1
		}
		return r
	}, s))
}

// drafter writes the new objects of a commit.
type drafter struct {
	commit *Commit
	draft  *Draft
}

// tree returns the tree h, which is at dir, with other content for the files below it.
func (d *drafter) tree(ctx context.Context, h Hash, dir string, files map[string][]byte) (Hash, error) {
	if ctx.Err() != nil {
		return Hash{}, context.Cause(ctx)
	}
	entries, err := d.commit.readTree(h)
	if err != nil {
		return Hash{}, err
	}
	entries = slices.Clone(entries) // go-git may keep what it returned
	changed := false
	for name, group := range byFirstName(files) {
		i := slices.IndexFunc(entries, func(e object.TreeEntry) bool { return e.Name == name })
		if i < 0 {
			return Hash{}, fmt.Errorf("%w: %s", ErrNotFound, dir+name)
		}
		to, err := d.entry(ctx, entries[i], dir+name, group)
		if err != nil {
			return Hash{}, err
		}
		changed = changed || to != entries[i].Hash
		entries[i].Hash = to
	}
	if !changed {
		return h, nil
	}
	return d.add(&object.Tree{Entries: entries})
}

// entry returns what an entry of a tree becomes.
func (d *drafter) entry(ctx context.Context, e object.TreeEntry, at string, group map[string][]byte) (Hash, error) {
	content, file := group[""]
	switch {
	case file && len(group) == 1 && e.Mode.IsFile() && e.Mode != filemode.Symlink:
		return d.blob(content)
	case !file && e.Mode == filemode.Dir:
		return d.tree(ctx, e.Hash, at+"/", group)
	}
	return Hash{}, fmt.Errorf("%w: %s is no file", ErrNotFound, at)
}

// byFirstName groups files by the first name of their path; what is left of a path that ends there is empty.
func byFirstName(files map[string][]byte) map[string]map[string][]byte {
	groups := map[string]map[string][]byte{}
	for path, content := range files {
		name, rest, _ := strings.Cut(path, "/")
		if groups[name] == nil {
			groups[name] = map[string][]byte{}
		}
		groups[name][rest] = content
	}
	return groups
}

// blob returns the content of a file as an object.
func (d *drafter) blob(content []byte) (Hash, error) {
	o := d.draft.store.NewEncodedObject()
	o.SetType(plumbing.BlobObject)
	w, err := o.Writer()
	if err != nil {
		return Hash{}, err
	}
	if _, err := w.Write(content); err != nil {
		return Hash{}, err
	}
	return d.put(o)
}

// add encodes a commit or a tree.
func (d *drafter) add(content object.Object) (Hash, error) {
	o := d.draft.store.NewEncodedObject()
	if err := content.Encode(o); err != nil {
		return Hash{}, fmt.Errorf("%w: %w", errTree, err)
	}
	return d.put(o)
}

// put adds an object unless it is there already.
func (d *drafter) put(o plumbing.EncodedObject) (Hash, error) {
	h, err := d.draft.store.SetEncodedObject(o)
	if err == nil && !slices.Contains(d.draft.hashes, h) {
		d.draft.hashes = append(d.draft.hashes, h)
	}
	return h, err
}

// pack returns the new objects as a pack, which is complete in itself. A nil draft is an empty pack.
func (d *Draft) pack() (*bytes.Buffer, error) {
	store, hashes := memory.NewStorage(), []Hash(nil)
	if d != nil {
		store, hashes = d.store, d.hashes
	}
	var b bytes.Buffer
	_, err := packfile.NewEncoder(&b, store, false).Encode(hashes, 0)
	return &b, err
}

// Keep adds a commit that was pushed to the mirror, so that nobody has to fetch it.
func (m *Mirror) Keep(ctx context.Context, d *Draft) error {
	pack, err := d.pack()
	if err != nil {
		return fmt.Errorf("keep commit: %w", err)
	}
	if m.store == nil {
		return fmt.Errorf("%w: the mirror is empty", ErrCorrupt)
	}
	if err := storePack(ctx, packDir(m.repo()), pack, nil); err != nil {
		return fmt.Errorf("keep commit: %w", err)
	}
	if err := m.reopen(); err != nil {
		return fmt.Errorf("keep commit: %w", err)
	}
	return m.remember(d.Hash)
}
