// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imageupdateautomation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// scope is what one run knows. Each field names the phase that sets it.
type scope struct {
	obj  *imagev1.ImageUpdateAutomation
	run  reconcile.Run
	last *record
	// large has room for one large file to be parsed.
	large chan struct{}
	// handled is the request that an earlier run has handled.
	handled string

	refs     imagev1.ObservedPolicies // policies
	plan     plan                     // source
	remote   *git.Remote              // source
	template *message                 // message
	mirror   *git.Mirror              // checkout
	listing  *git.Listing             // checkout
	// target is what is checked out. checkout
	target git.Target
	// unchanged says that nothing moved since the last complete run. checkout
	unchanged bool
	// free lets others write to the branch. checkout
	free    func()
	commit  *git.Commit // checkout: what is changed, the head of the push branch or what becomes it
	changes changes     // update
	text    string      // push: the message of the commit
	pushed  *pushed     // push
}

// pushed is what came of a push.
type pushed struct {
	commit   git.Hash
	at       time.Time
	message  string
	refspecs []string
}

func (r *Reconciler) start(o *imagev1.ImageUpdateAutomation, run reconcile.Run) *scope {
	s := &scope{obj: o, run: run, large: r.large, last: r.records.Of(client.ObjectKeyFromObject(o)), handled: o.Status.LastHandledReconcileAt}
	if run.Requested != "" {
		s.last.requested = true
	}
	if !s.last.started {
		s.last.started, s.last.inherited = true, o.Status.LastAutomationRunTime != nil
	}
	return s
}

// release gives back what the run holds.
func (s *scope) release() {
	if s.remote != nil {
		s.remote.Close()
	}
	if s.mirror != nil {
		// Everything was read; there is nobody to tell.
		_ = s.mirror.Close()
	}
	if s.free != nil {
		s.free()
	}
}

// phases is the normal run.
func (r *Reconciler) phases() []reconcile.Phase[*scope] {
	return []reconcile.Phase[*scope]{
		{Name: "policies", Run: r.policies},
		{Name: "source", Run: r.source},
		{Name: "message", Run: r.message},
		{Name: "checkout", Run: r.checkout},
		{Name: "update", Run: r.update},
		{Name: "push", Run: r.push},
	}
}

// remove deletes the mirror of an object and what its runs have left behind. Nothing in Git is touched.
func (r *Reconciler) remove(_ context.Context, s *scope) error {
	if err := r.Mirrors.remove(s.obj.Namespace, s.obj.Name); err != nil {
		return fmt.Errorf("remove mirror: %w", err)
	}
	r.records.Drop(client.ObjectKeyFromObject(s.obj))
	return nil
}

// errTimeout is why an exchange with the remote was ended.
var errTimeout = errors.New("no answer in time")

// limit is the context of one exchange with the remote.
func (s *scope) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, s.plan.timeout, fmt.Errorf("timeout of %s: %w", s.plan.timeout, errTimeout))
}
