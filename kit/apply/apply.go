// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"errors"
	"sync"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/weir-gitops/weir/kit/rescue"
)

// Apply carries out a plan, stage by stage: everything a stage changes is dry-run first, and nothing of the stage is written if
// one dry-run fails. It returns what was done also when it fails. A *[StagePending] error is no failure: plan and apply again
// when woken.
func (e *Engine) Apply(ctx context.Context, c Clients, p *Plan) (Changes, error) {
	var all Changes
	for st := definitions; st <= ordinary; st++ {
		steps := p.stage(st)
		done, err := e.applyStage(ctx, c, p, steps)
		all.Append(done)
		if err == nil && st.awaits() {
			err = e.awaitStage(ctx, c, p, steps)
		}
		if err != nil {
			p.account.finish(false)
			if _, pending := errors.AsType[*StagePending](err); !pending {
				p.account.stopWaiting()
			}
			all.Contested = p.contested
			return all, err
		}
	}
	all.Contested = p.contested
	p.account.stopWaiting()
	p.account.finish(!c.Remote)
	return all, nil
}

func (p *Plan) stage(st stage) []*step {
	var steps []*step
	for _, s := range p.steps {
		if s.stage == st {
			steps = append(steps, s)
		}
	}
	return steps
}

// finish notes whether the ledger now holds the whole set.
func (a *account) finish(complete bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.complete = complete
}

func (e *Engine) applyStage(ctx context.Context, c Clients, p *Plan, steps []*step) (Changes, error) {
	errs := e.each(ctx, steps, func(ctx context.Context, s *step) error { return e.examine(ctx, c, p, s) })
	if err := e.unserved(p, steps, errs); err != nil {
		return Changes{}, err
	}
	if err := asFailures(errs); err != nil {
		return Changes{}, err
	}
	var done Changes
	for _, rank := range ranks(steps) {
		errs := e.each(ctx, rank, func(ctx context.Context, s *step) error { return e.write(ctx, c, p, s) })
		for i, s := range rank {
			if errs[i] == nil {
				done.Items = append(done.Items, Change{Entry: s.entry(), Subject: s.subject(), Action: s.action})
			}
		}
		if err := firstPending(errs); err != nil {
			return done, err
		}
		if err := asFailures(errs); err != nil {
			return done, err
		}
	}
	return done, nil
}

// each calls work for every step, at most Concurrency at a time, and returns the results in the order of the steps. An error that
// is not about one object, such as an API server that cannot be reached, ends it for all.
func (e *Engine) each(parent context.Context, steps []*step, work func(context.Context, *step) error) []error {
	f := func(ctx context.Context, s *step) error {
		return rescue.Call(logr.FromContextOrDiscard(ctx), s.subject(), func() error { return work(ctx, s) })
	}
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	errs := make([]error, len(steps))
	slots := make(chan struct{}, e.cfg.Concurrency)
	var wg sync.WaitGroup
	for i, s := range steps {
		if s.idle() {
			errs[i] = f(ctx, s)
			continue
		}
		slots <- struct{}{}
		if ctx.Err() != nil {
			errs[i] = ctx.Err()
			<-slots
			continue
		}
		wg.Go(func() {
			defer func() { <-slots }()
			if errs[i] = f(ctx, s); cutsShort(errs[i]) {
				cancel(errs[i])
			}
		})
	}
	wg.Wait()
	if cause := context.Cause(ctx); cause != nil {
		for i := range errs {
			if errs[i] != nil {
				errs[i] = cause
			}
		}
	}
	return errs
}

// idle tells whether a step sends no request.
func (s *step) idle() bool {
	return s.verdict == skip || s.verdict == unchanged || s.action == Skipped || s.action == Unchanged
}

// ranks splits sorted steps where the kind changes: objects of one kind do not depend on each other.
func ranks(steps []*step) [][]*step {
	var groups [][]*step
	for i, s := range steps {
		if i == 0 || s.id.GroupKind != steps[i-1].id.GroupKind {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], s)
	}
	return groups
}

// write brings one examined step into the cluster.
func (e *Engine) write(ctx context.Context, c Clients, p *Plan, s *step) error {
	if s.action != Created && s.action != Configured {
		return nil
	}
	if err := e.announce(ctx, c, p, s); err != nil {
		return err
	}
	e.recheck(p.account, p.owner, s.id)
	return nil
}

// announce sends a step. What the watches show meanwhile may be ours.
func (e *Engine) announce(ctx context.Context, c Clients, p *Plan, s *step) error {
	p.account.begin(s.id)
	defer p.account.end(s.id)
	if s.awaited() {
		p.account.await(s.item)
	}
	return e.send(ctx, c, p, s)
}

func (e *Engine) send(ctx context.Context, c Clients, p *Plan, s *step) error {
	if s.leftover != nil {
		if err := e.takeOver(ctx, c, s); err != nil {
			return err
		}
	}
	if s.recreate != nil {
		gone, err := e.remove(ctx, c, s)
		if err != nil {
			return err
		}
		if !gone {
			return e.stillThere(p, s)
		}
	}
	body := s.item.body
	if s.body != nil {
		body = s.body
	}
	res, err := c.metadata(s.target, s.id.Namespace).
		Patch(ctx, s.id.Name, types.ApplyPatchType, body, e.patchOptions(false))
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return s.fail("apply failed", err)
	}
	if s.action == Configured && s.leftover == nil && s.version == res.ResourceVersion {
		s.action = Unchanged // the API server found nothing to store
	}
	p.account.post(s.item, e.reader.Read(res), false)
	return nil
}

// firstPending returns the StagePending among errs unless something failed outright.
func firstPending(errs []error) error {
	var pending error
	for _, err := range errs {
		if err == nil {
			continue
		}
		if _, ok := errors.AsType[*StagePending](err); !ok {
			return nil
		}
		pending = err
	}
	return pending
}

// unserved turns a refusal that only says that the API server does not serve a kind yet, whose definition the set brings, into
// a wait: a definition is established a moment before it is served.
func (e *Engine) unserved(p *Plan, steps []*step, errs []error) error {
	var waiting []string
	for i, s := range steps {
		if errs[i] == nil {
			continue
		}
		if !p.set.definesKind(s.id.GroupKind) || !isUnserved(errs[i]) {
			return nil
		}
		waiting = append(waiting, s.subject()+" status: 'NotFound'")
	}
	if waiting == nil {
		return nil
	}
	return e.pending(p, waiting, servedRecheck)
}

// isUnserved tells the 404 of an unknown path from that of a missing object or namespace, which names one.
func isUnserved(err error) bool {
	status, ok := errors.AsType[*apierrors.StatusError](err)
	if !ok || !apierrors.IsNotFound(err) {
		return false
	}
	d := status.Status().Details
	return d == nil || d.Name == "" || len(d.Causes) > 0
}
