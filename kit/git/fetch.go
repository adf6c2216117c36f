// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// Fetch makes sure that the mirror holds the commit of target, fetching only what is new, and opens it.
// A mirror of another repository, a damaged or an overgrown one is replaced by a fresh clone.
func (m *Mirror) Fetch(ctx context.Context, remote *Remote, target Target) (*Commit, error) {
	commit, err := m.obtain(ctx, remote, target)
	if errors.Is(err, ErrCorrupt) {
		if err := m.Reset(); err != nil {
			return nil, fmt.Errorf("remove damaged mirror: %w", err)
		}
		commit, err = m.obtain(ctx, remote, target)
	}
	if err == nil {
		err = m.note(target)
	}
	if err != nil {
		return nil, steady(err)
	}
	return commit, nil
}

// obtain fetches the commit of target unless the mirror has it, and opens it.
func (m *Mirror) obtain(ctx context.Context, remote *Remote, target Target) (*Commit, error) {
	if !m.mirrors(remote) || !m.has(target.Commit) || !m.proven(target) {
		if err := m.bring(ctx, remote, target); err != nil {
			return nil, err
		}
	}
	return m.Commit(target.Commit)
}

// proven reports whether a commit that is in the mirror may be used for the target: where a branch limits
// the search, it must have been found there.
func (m *Mirror) proven(target Target) bool {
	return target.ref.kind() != byCommit || m.state.Pinned == target.ref.String()
}

// note remembers what was fetched for the next run.
func (m *Mirror) note(target Target) error {
	next := m.state
	next.Pinned = ""
	if target.ref.kind() == byCommit {
		next.Pinned = target.ref.String()
	}
	next.Commits = recent(next.Commits, target.Commit)
	if next.Pinned == m.state.Pinned && slices.Equal(next.Commits, m.state.Commits) {
		return nil
	}
	return m.update(next)
}

// remember notes a commit that came into the mirror in another way than being fetched.
func (m *Mirror) remember(h Hash) error {
	next := m.state
	next.Commits = recent(next.Commits, h)
	return m.update(next)
}

// recent adds a commit to a list of the latest ones.
func recent(commits []string, h Hash) []string {
	text := h.String()
	commits = append(slices.DeleteFunc(slices.Clone(commits), func(c string) bool { return c == text }), text)
	return commits[max(0, len(commits)-maxHaves):]
}

// update replaces what the mirror knows about itself.
func (m *Mirror) update(next state) error {
	if err := writeState(m.repo(), next); err != nil {
		return fmt.Errorf("update mirror: %w", err)
	}
	m.state = next
	return nil
}

// bring gets the objects of target, into the mirror there is or into a new one.
func (m *Mirror) bring(ctx context.Context, remote *Remote, target Target) error {
	if target.adv == nil {
		adv, err := remote.list(ctx)
		if err != nil {
			return err
		}
		target.adv = adv
	}
	want, complete, err := wanted(target)
	if err != nil {
		return err
	}
	if m.mirrors(remote) && m.state.Complete == complete && !provesByClone(target, complete) && m.intact() && !m.overgrown() {
		err := m.increment(ctx, remote, target, want)
		if err == nil || !hopeless(err) {
			return err
		}
	}
	return m.clone(ctx, remote, target, want, complete)
}

// provesByClone reports whether the target is a commit somewhere in the history of a branch. What a fresh
// clone of the branch has is on it; in a mirror in use the commit may be left from another branch.
func provesByClone(target Target, complete bool) bool {
	return complete && target.ref.kind() == byCommit && target.ref.Branch != ""
}

// hopeless reports whether an increment failed in a way that would repeat itself: the mirror is damaged, the
// server does not get increments right, or a large file came as a difference, which in a clone comes whole.
// A fresh clone asks for less skill.
func hopeless(err error) bool {
	return errors.Is(err, ErrCorrupt) || errors.Is(err, errPack) || errors.Is(err, errProtocol) || errors.Is(err, errTooLarge)
}

// wanted returns which objects to ask for, and whether their history has to come with them. A commit is
// asked for by its hash if the server gives it; otherwise it has to be looked for in the history of the
// branch, or of everything. Flux: source-controller contract, "Checkout strategies".
func wanted(target Target) ([]Hash, bool, error) {
	ref, adv := target.ref, target.adv
	if ref.kind() != byCommit {
		if !target.Tag.IsZero() {
			return []Hash{target.Tag}, false, nil
		}
		return []Hash{target.Commit}, false, nil
	}
	if ref.Branch != "" {
		branch, ok := adv.lookup(branchPrefix + ref.Branch)
		if !ok {
			return nil, false, ref.unresolved("the branch is not found in the remote repository")
		}
		return []Hash{branch.commit}, branch.commit != target.Commit, nil
	}
	if adv.advertises(target.Commit) || adv.givesAnyCommit() {
		return []Hash{target.Commit}, false, nil
	}
	var tips []Hash
	for _, object := range adv.References {
		tips = append(tips, object)
	}
	return tips, true, nil
}

// increment adds the objects to the mirror.
func (m *Mirror) increment(ctx context.Context, remote *Remote, target Target, want []Hash) error {
	d := download{remote: remote, target: target, want: want, complete: m.state.Complete, repo: m.repo(), store: m.store}
	for _, text := range m.state.Commits {
		d.have = append(d.have, hashOf(text))
	}
	if err := d.run(ctx); err != nil {
		return err
	}
	if err := m.reopen(); err != nil {
		return err
	}
	return m.check(target)
}

// reopen makes new packs visible: go-git reads the list of packs once.
func (m *Mirror) reopen() error {
	if err := m.store.Close(); err != nil {
		return err
	}
	m.store = openStorage(m.repo())
	return nil
}

// clone makes a new mirror beside the old one and puts it in its place.
func (m *Mirror) clone(ctx context.Context, remote *Remote, target Target, want []Hash, complete bool) (err error) {
	fresh, err := os.MkdirTemp(m.dir, freshMark)
	if err != nil {
		return fmt.Errorf("create mirror: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(fresh)) }()
	store := openStorage(fresh)
	if err := initialize(store); err != nil {
		return errors.Join(fmt.Errorf("create mirror: %w", err), store.Close())
	}
	d := download{remote: remote, target: target, want: want, complete: complete, repo: fresh, store: store}
	if err := errors.Join(d.run(ctx), store.Close()); err != nil {
		return err
	}
	_, bytes, err := packUsage(fresh)
	if err != nil {
		return err
	}
	next := state{Version: stateVersion, Remote: remote.identity(), Complete: complete, BaseBytes: bytes}
	if err := writeState(fresh, next); err != nil {
		return err
	}
	if err := errors.Join(m.Reset(), os.Rename(fresh, m.repo())); err != nil {
		return fmt.Errorf("replace mirror: %w", err)
	}
	m.state, m.store = next, openStorage(m.repo())
	return m.check(target)
}

// initialize lays out an empty repository, complete enough for the git command to look into it.
func initialize(store *filesystem.Storage) error {
	if err := store.Init(); err != nil {
		return err
	}
	return store.SetReference(plumbing.NewSymbolicReference(plumbing.HEAD, branchPrefix+defaultBranch))
}

// check makes sure that the wanted commit has come.
func (m *Mirror) check(target Target) error {
	if m.has(target.Commit) {
		return nil
	}
	if target.ref.kind() == byCommit {
		return target.ref.unresolved("not found in the history of the remote repository")
	}
	return fmt.Errorf("the server did not send commit %s", target.Commit)
}

// download is one request for objects.
type download struct {
	remote *Remote
	target Target
	want   []Hash
	have   []Hash
	// complete asks for the history too.
	complete bool
	// depth is how many commits of the history are asked for otherwise; 0 means one.
	depth int
	repo  string
	store *filesystem.Storage
}

// run sends the request and stores what comes.
func (d *download) run(ctx context.Context) error {
	req := d.request()
	err := d.remote.transport.fetch(ctx, d.target.adv, req, func(res *packp.UploadPackResponse) error {
		return d.receive(ctx, req, res)
	})
	if err != nil {
		return d.remote.failed(ctx, "fetch from", err)
	}
	return nil
}

// request says what is wanted and what is there.
func (d *download) request() *packp.UploadPackRequest {
	offered := d.target.adv.Capabilities
	req := packp.NewUploadPackRequestFromCapabilities(offered)
	if offered.Supports(capability.Agent) {
		_ = req.Capabilities.Set(capability.Agent, agent)
	}
	if offered.Supports(capability.NoProgress) {
		_ = req.Capabilities.Set(capability.NoProgress)
	}
	req.Wants = d.want
	req.Haves = d.have
	if !d.complete && offered.Supports(capability.Shallow) {
		_ = req.Capabilities.Set(capability.Shallow)
		req.Depth = packp.DepthCommits(max(1, d.depth))
		// Every commit we have came without its parents.
		req.Shallows = slices.Clone(d.have)
	}
	return req
}

// receive stores the pack of a response.
func (d *download) receive(ctx context.Context, req *packp.UploadPackRequest, res *packp.UploadPackResponse) error {
	var pack io.Reader = res
	if req.Capabilities.Supports(capability.Sideband64k) || req.Capabilities.Supports(capability.Sideband) {
		pack = newDemuxer(res)
	}
	if err := storePack(ctx, packDir(d.repo), pack, d.base); err != nil {
		return err
	}
	if req.Depth.IsZero() {
		return nil
	}
	return d.markShallow(res.ShallowUpdate)
}

// base returns an object of the mirror that the pack builds on.
func (d *download) base(h Hash) (plumbing.ObjectType, []byte, error) {
	object, err := d.store.EncodedObject(plumbing.AnyObject, h)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return 0, nil, err
	}
	if err != nil {
		return 0, nil, fmt.Errorf("%w: base %s: %w", ErrCorrupt, h, err)
	}
	content, err := readObject(object)
	return object.Type(), content, err
}

// markShallow records which commits lack their parents, for tools that look into the mirror.
func (d *download) markShallow(update packp.ShallowUpdate) error {
	known, err := d.store.Shallow()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	for _, h := range update.Shallows {
		if !slices.Contains(known, h) {
			known = append(known, h)
		}
	}
	known = slices.DeleteFunc(known, func(h Hash) bool { return slices.Contains(update.Unshallows, h) })
	return d.store.SetShallow(known)
}

// readObject returns the content of an object of the mirror.
func readObject(object plumbing.EncodedObject) (content []byte, err error) {
	if object.Size() > maxBytes(object.Type()) {
		return nil, fmt.Errorf("%w: object %s of %d bytes", errTooLarge, object.Hash(), object.Size())
	}
	r, err := object.Reader()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	content = make([]byte, object.Size())
	if _, err := io.ReadFull(r, content); err != nil {
		return nil, fmt.Errorf("%w: object %s: %w", ErrCorrupt, object.Hash(), err)
	}
	return content, nil
}

// tempPack creates a file for an incoming pack in dir.
func tempPack(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return os.CreateTemp(dir, tempPackMark)
}

// placePack gives a pack and its index their final names: the pack last, as it makes both visible to go-git.
func placePack(pack, index string, checksum Hash) error {
	base := filepath.Join(filepath.Dir(pack), "pack-"+checksum.String())
	if err := os.Rename(index, base+".idx"); err != nil {
		return err
	}
	return os.Rename(pack, base+".pack")
}
