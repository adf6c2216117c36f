// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imageupdateautomation

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
)

// owes reports whether the commit at the head of the push branch has yet to be pushed to the refspec. A process that is new tells by the commit, as
// status learns of one when all of its pushes are done.
func (r *Reconciler) owes(ctx context.Context, s *scope) (bool, error) {
	if s.plan.push.Refspec == "" {
		return false, nil
	}
	if s.last.owed == s.commit.Hash {
		return true, nil
	}
	if !s.last.inherited || !s.mayBeOurs() {
		return false, nil
	}
	foreign, err := r.mayBeForeign(ctx, s)
	return !foreign, err
}

// mayBeOurs reports whether the commit is the head of the push branch, by the author of the object, and neither the one that status knows nor older
// than that was when it was pushed, as after somebody has moved the branch back.
func (s *scope) mayBeOurs() bool {
	status, author := s.obj.Status, s.obj.Spec.GitSpec.Commit.Author
	return s.pushHead() == s.commit.Hash && s.commit.CommittedBy(author.Name, author.Email) && status.LastPushCommit != s.commit.Hash.String() &&
		(status.LastPushTime == nil || !s.commit.Time.Before(status.LastPushTime.Time))
}

// mayBeForeign reports whether another object may have made the commit: its status knows it, or it commits to the same branch by the same name.
func (r *Reconciler) mayBeForeign(ctx context.Context, s *scope) (bool, error) {
	var list imagev1.ImageUpdateAutomationList
	if err := r.Client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return false, fmt.Errorf("list automations: %w", err)
	}
	for i := range list.Items {
		other := &list.Items[i]
		if client.ObjectKeyFromObject(other) == client.ObjectKeyFromObject(s.obj) {
			continue
		}
		if other.Status.LastPushCommit == s.commit.Hash.String() {
			return true, nil
		}
		if other.Spec.GitSpec == nil || !s.commit.CommittedBy(other.Spec.GitSpec.Commit.Author.Name, other.Spec.GitSpec.Commit.Author.Email) {
			continue
		}
		same, err := r.sharesBranch(ctx, s, other)
		if err != nil || same {
			return same, err
		}
	}
	return false, nil
}

// sharesBranch reports whether another object pushes to the same branch of the same repository, as far as their URLs tell.
func (r *Reconciler) sharesBranch(ctx context.Context, s *scope, other *imagev1.ImageUpdateAutomation) (bool, error) {
	ref := sourceRef(other)
	repo := &sourcev1.GitRepository{}
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, repo); err != nil {
		if client.IgnoreNotFound(err) == nil {
			return false, nil // it can push nowhere
		}
		return false, fmt.Errorf("read GitRepository: %w", err)
	}
	p, err := newPlan(other, repo)
	if err != nil {
		return false, nil //nolint:nilerr // it can push nowhere either
	}
	return p.url == s.plan.url && p.branch == s.plan.branch, nil
}
