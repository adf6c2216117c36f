// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"errors"

	ssaerrors "github.com/fluxcd/pkg/ssa/errors"
	"github.com/fluxcd/pkg/ssa/utils"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/weir-gitops/weir/kit/apply/internal/observe"
)

// doomed is a live object that has to be deleted before the desired one can be created.
type doomed struct{ uid types.UID }

// mayRecreate tells whether a refused change is to be solved by deleting the live object. Namespaces and definitions take
// everything in them along, so they are recreated only if they ask for it themselves.
func (e *Engine) mayRecreate(p *Plan, s *step, live observe.Record, cause error) bool {
	if !ssaerrors.IsImmutableError(cause) {
		return false
	}
	if s.flags.Has(observe.Force) || live.Flags.Has(observe.Force) {
		return true
	}
	return p.opts.Force && !utils.IsNamespace(s.obj) && !utils.IsCRD(s.obj)
}

// wouldAccept tells whether the desired object would be accepted if the live one were gone: every invalid manifest looks like
// an immutable field, and must not cost the live object. A dry-run of a create is validated and admitted in full before the
// API server notices that the name is taken.
func (e *Engine) wouldAccept(ctx context.Context, c Clients, s *step) error {
	_, err := c.dynamic(s.target, s.id.Namespace).Create(ctx, s.obj, metav1.CreateOptions{
		DryRun:       []string{metav1.DryRunAll},
		FieldManager: e.cfg.Field,
	})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// stillThere is the error for an object that has to go first: StagePending within the limit, a failure after it.
func (e *Engine) stillThere(p *Plan, s *step) error {
	err := e.pending(p, []string{s.subject() + " status: 'Terminating'"}, pendingRecheck)
	if _, pending := errors.AsType[*StagePending](err); pending {
		return err
	}
	return s.fail("immutable field detected, failed to wait for object to be deleted", err)
}

// remove deletes the live object of a step. It returns false while the object is still there, which takes as long as its
// finalizers need.
func (e *Engine) remove(ctx context.Context, c Clients, s *step) (bool, error) {
	client := c.metadata(s.target, s.id.Namespace)
	err := client.Delete(ctx, s.id.Name, metav1.DeleteOptions{
		PropagationPolicy: new(metav1.DeletePropagationBackground),
		Preconditions:     &metav1.Preconditions{UID: new(s.recreate.uid)},
	})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return false, s.fail("immutable field detected, failed to delete object", err)
	}
	live, err := client.Get(ctx, s.id.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	if err != nil {
		return false, s.fail("immutable field detected, failed to wait for object to be deleted", err)
	}
	return live.UID != s.recreate.uid, nil
}
