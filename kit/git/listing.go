// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"fmt"
	"maps"

	"github.com/go-git/go-git/v5/plumbing/object"
)

// Depths of history that are looked through for a commit, one after the other. Those who lag behind are
// usually a few commits behind; the last is what Git calls infinite.
const (
	nearDepth = 64
	farDepth  = 0x7fffffff
)

// BranchRef returns the full name of the branch with the given short one.
func BranchRef(branch string) string { return branchPrefix + branch }

// Listing is what the references of a remote repository were at one moment.
type Listing struct {
	adv *advertisement
}

// List asks the remote for its references. Errors are ErrEmpty or those of the network.
func (r *Remote) List(ctx context.Context) (*Listing, error) {
	adv, err := r.list(ctx)
	if err != nil {
		return nil, err
	}
	return &Listing{adv: adv}, nil
}

// At returns where the reference with that full name points; zero if there is none.
func (l *Listing) At(ref string) Hash { return l.adv.References[ref] }

// With returns the listing as it is after the reference was moved.
func (l *Listing) With(ref string, to Hash) *Listing {
	refs := *l.adv.AdvRefs
	refs.References = maps.Clone(refs.References)
	refs.References[ref] = to
	return &Listing{adv: &advertisement{AdvRefs: &refs, base: l.adv.base}}
}

// IsAncestor reports whether the commit is, or comes before, the one of a reference. What the mirror lacks of the history
// is fetched in steps.
func (m *Mirror) IsAncestor(ctx context.Context, remote *Remote, listing *Listing, commit Hash, of Target) (bool, error) {
	for _, depth := range []int{0, nearDepth, farDepth} {
		if depth > 0 {
			if err := m.deepen(ctx, remote, listing, of, depth); err != nil {
				return false, err
			}
		}
		found, complete, err := m.search(ctx, commit, of.Commit)
		if err != nil || found || complete {
			return found, err
		}
	}
	return false, nil
}

// deepen fetches the history of a commit that the mirror has.
func (m *Mirror) deepen(ctx context.Context, remote *Remote, listing *Listing, of Target, depth int) error {
	of.adv = listing.adv
	d := download{remote: remote, target: of, want: []Hash{of.Commit}, depth: depth, repo: m.repo(), store: m.store}
	for _, text := range m.state.Commits {
		d.have = append(d.have, hashOf(text))
	}
	if err := d.run(ctx); err != nil {
		return err
	}
	return m.reopen()
}

// search looks for a commit in the history of another as far as the mirror has it.
func (m *Mirror) search(ctx context.Context, commit, from Hash) (found, complete bool, err error) {
	complete = true
	seen := map[Hash]bool{from: true}
	for queue := []Hash{from}; len(queue) > 0; queue = queue[1:] {
		if ctx.Err() != nil {
			return false, false, context.Cause(ctx)
		}
		if queue[0] == commit {
			return true, true, nil
		}
		if !m.has(queue[0]) {
			complete = false
			continue
		}
		c, err := object.GetCommit(m.store, queue[0])
		if err != nil {
			return false, false, fmt.Errorf("look for commit %s: %w", commit, damaged("commit", queue[0], err))
		}
		for _, parent := range c.ParentHashes {
			if !seen[parent] {
				seen[parent] = true
				queue = append(queue, parent)
			}
		}
	}
	return false, complete, nil
}
