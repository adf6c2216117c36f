// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/cli-utils/pkg/object"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/weir-gitops/weir/kit/apply/internal/observe"
)

// Flux: a stage has 60 s to become ready. The watch on its objects brings the owner back; pendingRecheck is for what it misses.
const (
	stageLimit     = time.Minute
	pendingRecheck = 2 * time.Second
	// servedRecheck is for the moment between a definition being established and its kind being served, which no watch shows.
	servedRecheck = 500 * time.Millisecond
)

// awaited tells whether the object has to become Current before the next stage may begin.
func (it *item) awaited() bool { return it.stage.awaits() && !observe.Static(it.gvk().GroupKind()) }

// await notes that an object is being written that has to become Current. New content has the whole time before it.
func (a *account) await(it *item) {
	a.mu.Lock()
	defer a.mu.Unlock()
	hash, again := a.awaited[it.id]
	if p := a.entries[it.id]; p != nil && !again {
		hash = p.hash
	}
	if hash != it.hash {
		a.since = time.Time{}
	}
	a.awaited[it.id] = it.hash
}

// awaits tells whether an early stage has objects that were not seen Current yet.
func (a *account) awaits() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.awaited) > 0
}

func (a *account) awaiting(id object.ObjMetadata) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.awaited[id]
	return ok
}

// arrived notes that an awaited object is Current.
func (a *account) arrived(id object.ObjMetadata) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.awaited, id)
	if len(a.awaited) == 0 {
		a.since = time.Time{}
	}
}

// stageMoved tells whether an event concerns an object that a stage waits for.
func (a *account) stageMoved(id object.ObjMetadata) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.awaited[id]
	return ok && !a.since.IsZero()
}

// waitedSince returns since when the current wait lasts, starting it now if there is none.
func (a *account) waitedSince() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.since.IsZero() {
		a.since = time.Now()
	}
	return a.since
}

func (a *account) stopWaiting() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.since = time.Time{}
}

// pending returns the error for a stage that is not ready: StagePending within the limit, a failure after it.
func (e *Engine) pending(p *Plan, waiting []string, recheck time.Duration) error {
	if time.Since(p.account.waitedSince()) < stageLimit {
		return &StagePending{Waiting: waiting, After: recheck}
	}
	p.account.stopWaiting()
	return fmt.Errorf("timeout waiting for: [%s]", strings.Join(waiting, ", "))
}

// awaitStage checks that the written objects of a stage are Current.
func (e *Engine) awaitStage(ctx context.Context, c Clients, p *Plan, steps []*step) error {
	var waiting, failed []string
	for _, s := range steps {
		if !p.account.awaiting(s.id) {
			continue
		}
		p.account.waitedSince() // from here on a change of the object wakes the owner
		st, err := readStatus(ctx, c, s)
		if err != nil {
			return err
		}
		switch st.State {
		case status.CurrentStatus:
			p.account.arrived(s.id)
		case status.FailedStatus:
			failed = append(failed, describe(s.subject(), st))
		default:
			waiting = append(waiting, describe(s.subject(), st))
		}
	}
	if failed != nil {
		p.account.stopWaiting()
		return errors.New("failed early due to stalled resources: [" + strings.Join(failed, ", ") + "]")
	}
	if waiting != nil {
		return e.pending(p, waiting, pendingRecheck)
	}
	return nil
}

func readStatus(ctx context.Context, c Clients, s *step) (observe.Status, error) {
	live, err := c.dynamic(s.target, s.id.Namespace).Get(ctx, s.id.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return observe.Status{State: status.NotFoundStatus}, nil
	}
	if err != nil {
		return observe.Status{}, s.fail("query failed", err)
	}
	return observe.Compute(ctx, live, nil), nil
}

// describe is one entry of the bracketed lists of the compatibility target.
func describe(subject string, st observe.Status) string {
	text := fmt.Sprintf("%s status: '%s'", subject, st.State)
	if st.Problem != "" {
		text += ": " + st.Problem
	}
	return text
}
