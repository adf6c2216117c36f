// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"fmt"

	helmrelease "helm.sh/helm/v3/pkg/release"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/weir-gitops/weir/helm-controller/internal/release"
)

// Unlock marks the newest revision as failed if it is pending: what was at work on it has died. It reads anew, also when somebody was faster.
// The revision as it was is returned, nil if there is none.
func (s *Session) Unlock(ctx context.Context, observe func(release.Write)) (was *release.Revision, unlocked bool, err error) {
	s.Forget()
	s.mu.Lock()
	defer s.mu.Unlock()
	for range attempts {
		was, unlocked, err = s.unlock(ctx, observe)
		if !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
			return was, unlocked, err
		}
		s.reset() // it was not dead after all
	}
	return was, false, err
}

func (s *Session) unlock(ctx context.Context, observe func(release.Write)) (was *release.Revision, unlocked bool, err error) {
	r, err := s.newest(ctx)
	if err != nil || r == nil {
		return nil, false, err
	}
	was = r.observed
	if !was.Info.Status.IsPending() {
		return was, false, nil
	}
	rls, err := s.decode(r)
	if err != nil {
		return was, false, err
	}
	rls.SetStatus(helmrelease.StatusFailed, fmt.Sprintf("Release unlocked from stale '%s' state", was.Info.Status))
	if err := s.tryUpdate(ctx, r, rls, update{intent: interrupt(was.Intent, was.Info.Status)}); err != nil {
		return was, false, fmt.Errorf("unlock %q: %w", r.name, err)
	}
	tell(observe, release.Write{Op: release.Updated, Revision: r.observed})
	return was, true, nil
}

// interrupt returns the intent of an interrupted revision, nil if it was not ours.
func interrupt(intent *release.Intent, status helmrelease.Status) *release.Intent {
	if intent == nil {
		return nil
	}
	interrupted := *intent
	interrupted.Interrupted = status
	return &interrupted
}
