// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"fmt"

	"github.com/fluxcd/cli-utils/pkg/object"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/weir-gitops/weir/kit/apply/internal/observe"
)

// deleteTries bounds how often the decision to delete is taken anew because the object changed meanwhile. The last delete is
// bound to the identity of the object only, so that a busy object can be deleted at all.
const deleteTries = 3

// Prune deletes the stale objects of a plan, in reverse apply order. It tries all of them; those that remain are named by a
// *[PruneError] and appended to the inventory of the plan.
func (e *Engine) Prune(ctx context.Context, c Clients, p *Plan) (Changes, error) {
	changes, err := e.prune(ctx, c, p.account, p.owner, p.stale)
	if err != nil {
		p.survivors = err.Survivors
		return changes, err
	}
	return changes, nil
}

// PruneAll deletes everything in an inventory.
func (e *Engine) PruneAll(ctx context.Context, c Clients, owner Owner, inventory []Entry) (Changes, error) {
	list, err := parseEntries(inventory)
	if err != nil {
		return Changes{}, err
	}
	sortForPrune(list)
	if e.hub != nil && !c.Remote {
		kinds := c.targets(list)
		e.hub.Use(owner.key(), kinds) // Terminated will want to know when they are gone
		e.hub.Sync(ctx, kinds, syncLimit)
	}
	changes, failed := e.prune(ctx, c, e.ledger.open(owner), owner, list)
	if failed != nil {
		return changes, failed
	}
	return changes, nil
}

// targets returns the kinds of inventory lines, as far as they are served.
func (c Clients) targets(list []known) map[schema.GroupKind]observe.Target {
	kinds := map[schema.GroupKind]observe.Target{}
	for _, k := range list {
		if _, ok := kinds[k.id.GroupKind]; ok {
			continue
		}
		if t, err := c.anyTarget(k.gvk()); err == nil {
			kinds[k.id.GroupKind] = t
		}
	}
	return kinds
}

func (e *Engine) prune(ctx context.Context, c Clients, a *account, owner Owner, list []known) (Changes, *PruneError) {
	var done Changes
	failed := &PruneError{}
	for i, k := range list {
		action, err := e.delete(ctx, c, a, owner, k)
		done.Items = append(done.Items, Change{Entry: k.Entry, Subject: k.Subject(), Action: action})
		if err == nil {
			continue
		}
		failed.Survivors = append(failed.Survivors, k.Entry)
		if err := unanswered(err); err != nil {
			failed.texts = append(failed.texts, err.Error()) // once for all that are left
			for _, k := range list[i+1:] {
				failed.Survivors = append(failed.Survivors, k.Entry)
			}
			break
		}
		failed.texts = append(failed.texts, err.Error())
	}
	if len(failed.Survivors) > 0 {
		return done, failed
	}
	return done, nil
}

// delete removes one object, unless it belongs to somebody else by now or opts out.
func (e *Engine) delete(ctx context.Context, c Clients, a *account, owner Owner, k known) (Action, error) {
	t, err := c.anyTarget(k.gvk())
	if meta.IsNoMatchError(err) {
		a.drop(k.id)
		return Deleted, nil // the definition is gone, and all its objects with it
	}
	if err != nil {
		return Unknown, fmt.Errorf("%s query failed: %w", k.Subject(), err)
	}
	last, _ := a.posting(k.id)
	a.drop(k.id) // from here on its events are not drift
	client := c.metadata(t, k.id.Namespace)
	rec, presence := e.lookup(c, k.id, last.version)
	ours := presence == observe.Present && rec.Owner == owner.key()
	// The watch runs with the controller's rights: what it shows of others must not be told to an account that may not look itself.
	alien := presence == observe.Absent || presence == observe.Present && !ours && !rec.Older(last.version)
	for try := 1; ; try++ {
		if !ours {
			live, err := client.Get(ctx, k.id.Name, metav1.GetOptions{})
			if action := withoutDelete(err, alien); action != Unknown {
				return action, nil
			}
			if err != nil {
				return Unknown, fmt.Errorf("%s query failed: %w", k.Subject(), err)
			}
			rec = e.reader.Read(live)
		}
		if rec.Owner != owner.key() || rec.Flags.Has(observe.Skip) || rec.Flags.Has(observe.Keep) {
			return Skipped, nil
		}
		conditions := &metav1.Preconditions{UID: new(rec.UID)}
		if try < deleteTries {
			conditions.ResourceVersion = new(rec.Version)
		}
		err := client.Delete(ctx, k.id.Name, metav1.DeleteOptions{
			PropagationPolicy: new(metav1.DeletePropagationBackground),
			Preconditions:     conditions,
		})
		switch {
		case err == nil, apierrors.IsNotFound(err):
			return Deleted, nil
		case apierrors.IsConflict(err) && try < deleteTries:
			ours = false // it moved on; look at it as it is
		default:
			return Unknown, fmt.Errorf("%s delete failed: %w", k.Subject(), err)
		}
	}
}

// withoutDelete returns what became of an object that could not be read, Unknown if that remains open. alien tells that the
// watch shows it not to be ours: never created, gone or somebody else's.
func withoutDelete(err error, alien bool) Action {
	switch {
	case apierrors.IsNotFound(err):
		return Deleted
	case apierrors.IsForbidden(err) && alien:
		return Skipped
	default:
		return Unknown
	}
}

// Terminated returns the entries whose objects still exist, and wakes owner when the last of them is gone.
func (e *Engine) Terminated(ctx context.Context, c Clients, owner Owner, entries []Entry) ([]Entry, error) {
	list, err := parseEntries(entries)
	if err != nil {
		return nil, err
	}
	a := e.ledger.open(owner)
	a.expectEnd(list) // before looking, so that no event falls between
	var remaining []Entry
	gone := map[object.ObjMetadata]bool{}
	for _, k := range list {
		there, err := e.exists(ctx, c, k)
		if err != nil {
			return nil, err
		}
		if there {
			remaining = append(remaining, k.Entry)
			continue
		}
		gone[k.id] = true
	}
	a.ended(gone)
	return remaining, nil
}

func (e *Engine) exists(ctx context.Context, c Clients, k known) (bool, error) {
	if _, presence := e.lookup(c, k.id, ""); presence != observe.Unknown {
		return presence == observe.Present, nil
	}
	t, err := c.anyTarget(k.gvk())
	if meta.IsNoMatchError(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%s query failed: %w", k.Subject(), err)
	}
	_, err = c.metadata(t, k.id.Namespace).Get(ctx, k.id.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%s query failed: %w", k.Subject(), err)
	}
	return true, nil
}

func (a *account) expectEnd(list []known) {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.terminating)
	for _, k := range list {
		a.terminating[k.id] = true
	}
}

func (a *account) ended(gone map[object.ObjMetadata]bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id := range gone {
		delete(a.terminating, id)
	}
}

// terminated notes that an object is gone and tells whether it was the last one awaited.
func (a *account) terminated(id object.ObjMetadata) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.terminating[id] {
		return false
	}
	delete(a.terminating, id)
	return len(a.terminating) == 0
}
