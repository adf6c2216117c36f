// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"time"

	"github.com/fluxcd/cli-utils/pkg/object"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/weir-gitops/weir/kit/apply/internal/observe"
)

// syncLimit bounds the wait for the first list of a kind; what is not there by then is compared in full.
const syncLimit = 10 * time.Second

// PlanOptions shape a plan.
type PlanOptions struct {
	// Force recreates objects whose change the API server refuses because a field is immutable.
	Force bool
	// Prune deletes what the inventory holds and the set does not; without it those objects are forgotten.
	Prune bool
	// Verify compares every object in full, whatever the ledger says.
	Verify bool
}

// verdict is what the plan says about one object.
type verdict int

const (
	unchanged verdict = iota
	skip              // an opt-out
	probe             // not there, or certainly as we left it: a dry-run is enough
	verify            // nothing certain is known: compare the dry-run with the live object
)

// step is one object of a plan and how far it got.
type step struct {
	*item
	verdict verdict
	touched bool // it was as desired, then somebody changed it
	action  Action

	// Set by examine.
	version  string // live resourceVersion
	leftover *foreign
	recreate *doomed
	body     []byte // what to send, if not item.body
	// live and after are the object now and as it would be, if the plan keeps them.
	live, after *unstructured.Unstructured
}

// Plan is what has to be done to bring a set into the cluster. It serves one Apply and one Prune.
type Plan struct {
	owner     Owner
	opts      PlanOptions
	set       *Set
	steps     []*step
	stale     []known
	inventory []Entry
	survivors []Entry
	account   *account
	contested []Contested
	keep      bool // nothing is written, and steps keep what they compare
}

// Plan compares a set with the ledger, the watches and the inventory. It sends no request for an object whose ledger entry
// holds, and none for any other either: what is uncertain is looked at by Apply.
func (e *Engine) Plan(ctx context.Context, c Clients, owner Owner, set *Set, inventory []Entry, o PlanOptions) (*Plan, error) {
	had, err := parseEntries(inventory)
	if err != nil {
		return nil, err
	}
	if err := set.resolve(c); err != nil {
		return nil, err
	}
	p := &Plan{owner: owner, opts: o, set: set, inventory: inventory, account: e.ledger.open(owner)}
	wanted := make(map[string]bool, len(set.items)) // by text: not every name survives being written and parsed
	ids := make(map[object.ObjMetadata]bool, len(set.items))
	for _, it := range set.items {
		wanted[it.entry().ID], ids[it.id] = true, true
	}
	for _, k := range had {
		if o.Prune && !wanted[k.ID] {
			p.stale = append(p.stale, k)
		}
	}
	sortForPrune(p.stale)
	p.account.keep(ids)
	e.attend(ctx, c, p)
	for _, it := range set.items {
		p.steps = append(p.steps, e.judge(c, p, it))
	}
	p.account.finish(p.Empty() && !c.Remote)
	return p, nil
}

// moveTo notes which cluster the objects are on. What is known of the other one is worth nothing.
func (a *account) moveTo(remote bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.remote != remote || remote {
		clear(a.entries)
	}
	a.remote = remote
}

// attend makes sure that the kinds of the plan are watched, and waits for the first list of those that were not.
func (e *Engine) attend(ctx context.Context, c Clients, p *Plan) {
	p.account.moveTo(c.Remote)
	if e.hub == nil {
		return
	}
	if c.Remote {
		e.hub.Release(p.owner.key())
		return
	}
	kinds := c.targets(p.stale)
	for _, it := range p.set.items {
		if it.resolved && !p.set.definesKind(it.id.GroupKind) {
			kinds[it.id.GroupKind] = it.target
		}
	}
	for gk, d := range p.set.crds {
		// Watched from the pass on in which the API server serves it.
		if len(d.versions) == 0 {
			continue
		}
		if t, err := c.target(gk.WithVersion(d.versions[0])); err == nil {
			kinds[gk] = t
		}
	}
	e.hub.Use(p.owner.key(), kinds)
	e.hub.Sync(ctx, kinds, syncLimit)
}

// judge decides what to do about one object.
func (e *Engine) judge(c Clients, p *Plan, it *item) *step {
	s := &step{item: it, verdict: verify}
	last, posted := p.account.posting(it.id)
	rec, presence := e.lookup(c, it.id, last.version)
	same := posted && last.hash == it.hash
	switch {
	case it.flags.Has(observe.Skip):
		s.verdict = skip
		p.account.drop(it.id)
	case !it.resolved:
		s.verdict = probe
	case presence == observe.Present && (rec.Flags.Has(observe.Skip) || it.flags.Has(observe.IfNotPresent)) &&
		(rec.Owner == p.owner.key() || last.skipped && last.uid == rec.UID):
		// Of what belongs to others, only what the account was seen to be allowed to read: the watch has the controller's rights.
		s.verdict = skip
		p.account.post(it, rec, true)
	case p.opts.Verify:
	case presence == observe.Unknown:
	case presence == observe.Behind:
		s.settle(same)
	case presence == observe.Absent:
		s.verdict = probe
	case posted && last.holds(rec, p.owner):
		s.settle(same)
	case posted:
		s.touched = same
		p.account.stirred(it.id)
	}
	if s.verdict == probe && (len(it.rules) > 0 || e.mustMigrate(rec, it)) {
		s.verdict = verify // needs the live object
	}
	return s
}

// settle judges an object that is certainly as it was left.
func (s *step) settle(same bool) {
	if same {
		s.verdict = unchanged
		return
	}
	s.verdict = probe
}

func (e *Engine) mustMigrate(rec observe.Record, it *item) bool {
	return e.cfg.MigrateAPIVersion && rec.APIVersions != "" && rec.APIVersions != it.obj.GetAPIVersion()
}

// stirred counts that an object was touched again.
func (a *account) stirred(id object.ObjMetadata) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p := a.entries[id]; p != nil {
		p.stir(time.Now())
	}
}

// Empty tells whether there is nothing to write, look at, delete or wait for.
func (p *Plan) Empty() bool { return p.Work() == 0 && !p.account.awaits() }

// Work returns how many objects the plan writes, looks at or deletes. What Apply finds unchanged when it looks is counted too.
func (p *Plan) Work() int {
	n := len(p.stale)
	for _, s := range p.steps {
		if s.verdict == probe || s.verdict == verify {
			n++
		}
	}
	return n
}

// Stale returns the inventory lines that Prune will deal with, in order of deletion.
func (p *Plan) Stale() []Entry {
	list := make([]Entry, 0, len(p.stale))
	for _, k := range p.stale {
		list = append(list, k.Entry)
	}
	return list
}

// NeedsIntent tells whether Intent holds an object that the inventory does not.
func (p *Plan) NeedsIntent() bool { return len(p.Intent()) > len(p.inventory) }

// Intent returns the inventory and the objects that Apply may create. It has to be persisted before Apply is called, so that
// nothing is created that a later pass could not find.
func (p *Plan) Intent() []Entry {
	have := make(map[string]bool, len(p.inventory))
	list := make([]Entry, 0, len(p.inventory)+len(p.steps))
	for _, e := range p.inventory {
		have[e.ID] = true
		list = append(list, e)
	}
	for _, s := range p.steps {
		if entry := s.entry(); s.resolved && !have[entry.ID] {
			list = append(list, entry)
		}
	}
	return list
}

// Inventory returns the inventory after a complete pass: the set in apply order, then what Prune could not delete. Until
// Prune is done the stale objects have to stay on record, so it is to be persisted after Prune.
func (p *Plan) Inventory() []Entry {
	list := make([]Entry, 0, len(p.steps)+len(p.survivors))
	for _, s := range p.steps {
		list = append(list, s.entry())
	}
	return append(list, p.survivors...)
}

// HealthEntries returns the objects of the set that were not skipped. It is complete after Apply.
func (p *Plan) HealthEntries() []Entry {
	var list []Entry
	for _, s := range p.steps {
		if s.verdict != skip && s.action != Skipped {
			list = append(list, s.entry())
		}
	}
	return list
}
