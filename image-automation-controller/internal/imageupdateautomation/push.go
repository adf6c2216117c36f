// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imageupdateautomation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-logr/logr"

	"github.com/weir-gitops/weir/kit/git"
)

// maxAttempts bounds the pushes of one run when somebody else keeps being faster. Flux: image-automation-controller contract, "Push".
const maxAttempts = 3

var (
	errNotABranch = errors.New("what is checked out is not the head of a branch")
	errNoMatch    = errors.New("it is about none of the references that were pushed")
)

// push makes a commit of the changes and moves the branch to it. When somebody else was faster, the changes are made again on what they pushed.
func (r *Reconciler) push(ctx context.Context, s *scope) error {
	for attempt := 1; !s.unchanged; attempt++ {
		err := r.deliver(ctx, s)
		if err == nil {
			break
		}
		if !errors.Is(err, git.ErrNonFastForward) || attempt == maxAttempts || s.pushed != nil {
			return failedUpdate(err)
		}
		logr.FromContextOrDiscard(ctx).V(1).Info("branch was moved meanwhile, trying again", "branch", s.plan.branch, "attempt", attempt)
		if err := r.again(ctx, s); err != nil {
			return err
		}
	}
	s.last.requested, s.last.inherited = false, false
	s.last.settled = s.state()
	return nil
}

// again looks at the remote and changes what is there now.
func (r *Reconciler) again(ctx context.Context, s *scope) error {
	if err := r.look(ctx, s); err != nil {
		return failedCheckout(s, err)
	}
	if err := r.bring(ctx, s); err != nil {
		return failedCheckout(s, err)
	}
	return r.update(ctx, s)
}

// deliver commits and pushes the changes, if there are any, to the branch and then to the refspec.
func (r *Reconciler) deliver(ctx context.Context, s *scope) error {
	head := s.commit.Hash
	if len(s.changes.files) > 0 {
		draft, err := r.commit(ctx, s)
		if errors.Is(err, git.ErrUnchanged) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := r.pushBranch(ctx, s, draft); err != nil {
			return err
		}
		head = draft.Hash
	} else if owes, err := r.owes(ctx, s); err != nil || !owes {
		return err
	}
	return r.pushRefspec(ctx, s, head)
}

// commit makes the commit.
func (r *Reconciler) commit(ctx context.Context, s *scope) (*git.Draft, error) {
	if !s.plan.switches && !s.plan.atHead() {
		return nil, fmt.Errorf("cannot push to branch '%s' from %s: %w; set spec.git.push.branch to another branch", s.plan.branch, s.plan.ref, errNotABranch)
	}
	text, err := s.template.render(ctx, s.changes)
	if err != nil {
		return nil, err
	}
	author := s.obj.Spec.GitSpec.Commit.Author
	draft, err := s.commit.Draft(ctx, s.changes.files, git.DraftOptions{
		Name: author.Name, Email: author.Email, Time: r.Clock(), Message: text, Signer: s.plan.signer,
	})
	if err != nil {
		return nil, s.damaged(err)
	}
	s.text = text
	return draft, nil
}

// pushBranch moves the branch from where the run saw it. A branch that is made anew in every run replaces what was there, and needs the leave
// for it. Flux: image-automation-controller contract, "Push", force.
func (r *Reconciler) pushBranch(ctx context.Context, s *scope, draft *git.Draft) error {
	limited, cancel := s.limit(ctx)
	defer cancel()
	old := s.pushHead()
	if !old.IsZero() && old != s.commit.Hash && !r.ForcePushBranch {
		return fmt.Errorf("failed to push to remote: branch '%s' exists and the feature gate GitForcePushBranch is off", s.plan.branch)
	}
	done, err := s.remote.Push(limited, git.Push{Ref: git.BranchRef(s.plan.branch), Old: old, New: draft.Hash, Draft: draft, Options: s.plan.push.Options})
	if err != nil {
		return fmt.Errorf("failed to push to remote: %w", err)
	}
	log := logr.FromContextOrDiscard(ctx)
	if done.OptionsDropped {
		log.Info("the server takes no push options, they were left out")
	}
	s.pushed = &pushed{commit: draft.Hash, at: r.Clock(), message: s.text}
	if err := s.mirror.Keep(ctx, draft); err != nil {
		// Only the next fetch gets larger.
		log.V(1).Info("pushed commit is not kept", "cause", err.Error())
	}
	s.moved(draft.Hash)
	return nil
}

// moved brings what the run knows of the references up to date after its own push.
func (s *scope) moved(head git.Hash) {
	s.listing = s.listing.With(git.BranchRef(s.plan.branch), head)
	if !s.plan.switches {
		s.target = git.Target{Revision: git.Revision(cmp.Or(s.plan.ref.Name, s.plan.branch), head), Commit: head}
	}
}

// pushRefspec pushes what was made, now or by a run before, to where the refspec says.
func (r *Reconciler) pushRefspec(ctx context.Context, s *scope, head git.Hash) error {
	text := s.plan.push.Refspec
	if text == "" {
		return nil
	}
	s.last.owed = head
	moved, err := r.pushTo(ctx, s, text, head)
	if err != nil {
		return fmt.Errorf("failed to push to remote: refspec '%s': %w", text, err)
	}
	s.last.owed = git.Hash{}
	if s.pushed == nil && moved {
		s.pushed = &pushed{commit: head, at: r.Clock(), message: s.commit.Message}
	}
	if s.pushed != nil {
		s.pushed.refspecs = append(s.pushed.refspecs, text)
	}
	return nil
}

// pushTo pushes each reference that the refspec is about, and reports whether one was not there yet.
func (r *Reconciler) pushTo(ctx context.Context, s *scope, text string, head git.Hash) (moved bool, err error) {
	limited, cancel := s.limit(ctx)
	defer cancel()
	spec, err := git.ParseRefspec(text)
	if err != nil {
		return false, err
	}
	moves, err := s.moves(spec, head)
	if err != nil {
		return false, err
	}
	force := spec.Force || s.plan.switches && r.ForcePushBranch
	for _, move := range moves {
		if !move.Old.IsZero() && !force {
			leads, err := s.mirror.IsAncestor(limited, s.remote, s.listing, move.Old, git.Target{Commit: move.New})
			if err != nil {
				return false, err
			}
			if !leads {
				return false, fmt.Errorf("%w: %s", git.ErrNonFastForward, move.Ref)
			}
		}
		if _, err := s.remote.Push(limited, move); err != nil {
			return false, err
		}
	}
	return len(moves) > 0, nil
}

// moves lists what a refspec moves: what it is about and where the run did not see it there already. Where the branch may be replaced, what it is
// copied to may be as well. Flux: image-automation-controller contract, "Push", interaction matrix.
func (s *scope) moves(spec git.Refspec, head git.Hash) ([]git.Push, error) {
	local := map[string]git.Hash{"HEAD": head, git.BranchRef(s.plan.branch): head}
	if s.plan.ref.NamesBranch() && s.plan.switches { // beside a tag or a commit, the name of a branch says nothing about what is checked out
		local[git.BranchRef(cmp.Or(s.plan.ref.Branch, defaultBranch))] = s.target.Commit
	}
	var moves []git.Push
	matched := false
	for _, name := range slices.Sorted(maps.Keys(local)) {
		to, ok := spec.Destination(name)
		if !ok || to == git.BranchRef(s.plan.branch) {
			continue
		}
		matched = true
		if old := s.listing.At(to); old != local[name] {
			moves = append(moves, git.Push{Ref: to, Old: old, New: local[name], Options: s.plan.push.Options})
		}
	}
	if !matched {
		return nil, errNoMatch
	}
	return moves, nil
}
