// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"time"

	"github.com/fluxcd/cli-utils/pkg/object"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/weir-gitops/weir/kit/apply/internal/observe"
)

// HealthSet names the objects whose health an owner waits for.
type HealthSet struct {
	Entries []Entry
	// Exprs are the owner's own health rules; nil if it has none.
	Exprs *Expressions
	// FailFast ends the wait with the first object that failed.
	FailFast bool
	// TTLJobs are ids of Jobs that vanish once they are done: being gone means success.
	TTLJobs []string
}

// outcome is how a health wait stands.
type outcome int

const (
	waiting outcome = iota
	healthy
	unhealthy
)

// interest is the health wait of one owner. It is immutable but for what the account's lock guards.
type interest struct {
	list     []known
	exprs    *Expressions
	failFast bool
	ttl      map[object.ObjMetadata]bool

	told     outcome // guarded: what the owner was last told or woken for
	visiting bool    // guarded: the owner is being told just now
}

// trustLimit is how long within one wait an account that was allowed to read an object is not asked to do so again.
const trustLimit = time.Minute

// interested registers what an owner waits for.
func (a *account) interested(c Clients, set HealthSet) (*interest, error) {
	list, err := parseEntries(set.Entries)
	if err != nil {
		return nil, err
	}
	in := &interest{
		list: list, exprs: set.Exprs, failFast: set.FailFast,
		ttl: make(map[object.ObjMetadata]bool, len(set.TTLJobs)),
	}
	jobs := make(map[string]bool, len(set.TTLJobs))
	for _, id := range set.TTLJobs {
		jobs[id] = true
	}
	for _, k := range list {
		if jobs[k.ID] {
			in.ttl[k.id] = true
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	again := a.health != nil && a.health.told == waiting && time.Since(a.trusted) < trustLimit
	if !again || a.identity != c.Metadata {
		a.identity, a.trusted = c.Metadata, time.Now()
		clear(a.spots)
	}
	in.visiting = true
	a.health, a.exprs = in, set.Exprs
	return in, nil
}

// evaluator returns the health rules of owner for a kind.
func (e *Engine) evaluator(owner Owner, gk schema.GroupKind) observe.Evaluator {
	a := e.ledger.find(owner)
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.exprs.find(gk)
}
