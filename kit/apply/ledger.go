// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/fluxcd/cli-utils/pkg/object"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"

	"github.com/weir-gitops/weir/kit/apply/internal/observe"
)

// ledger remembers, per owner, what was applied and what came back. It is a cache: an entry that is missing or does not match
// what is observed sends the object through the full comparison.
type ledger struct {
	mu     sync.Mutex
	owners map[Owner]*account
}

// account is the ledger of one owner.
type account struct {
	mu       sync.Mutex
	entries  map[object.ObjMetadata]*posting
	remote   bool // the objects are not on the cluster that is watched
	complete bool // a whole set was applied or verified since the account was opened

	// awaited are the hashes of the objects of an early stage that were written and have not been seen Current; since is when
	// the wait for them began.
	awaited map[object.ObjMetadata][sha256.Size]byte
	since   time.Time

	health   *interest
	exprs    *Expressions                // the owner's health rules, which the watches apply at intake
	identity metadata.Interface          // who asked for health; another identity may not be allowed to read the same
	spots    map[object.ObjMetadata]bool // single objects that identity was seen to be allowed to read since trusted
	trusted  time.Time

	terminating map[object.ObjMetadata]bool
	timer       *time.Timer // a wake that was put off
	due         time.Time
}

// posting is the state of one object when it was last known to be as desired.
type posting struct {
	hash    [sha256.Size]byte
	uid     types.UID
	version string // resourceVersion
	ours    observe.Print
	skipped bool // left alone because of an opt-out on the live object
	ttl     bool // expected to vanish on its own
	merge   bool // kubectl users keep their fields
	loose   bool // created once; what it holds is not our business
	writing int  // requests under way; what the watch shows meanwhile may be ours

	// Someone who keeps changing the object: how often in a row it had to be looked at, and since when not.
	unrest      int
	corrections int
	last        time.Time
}

// calm is how long an object has to stay untouched until its unrest is forgotten.
const calm = 10 * time.Minute

// Wakes for an object that is changed again and again are put off, from firstDelay doubling to longestDelay.
const (
	firstDelay   = time.Second
	longestDelay = 10 * time.Minute
)

func newLedger() *ledger { return &ledger{owners: map[Owner]*account{}} }

// open returns the account of owner, making one if there is none.
func (l *ledger) open(owner Owner) *account {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.owners[owner]
	if a == nil {
		a = &account{
			entries:     map[object.ObjMetadata]*posting{},
			awaited:     map[object.ObjMetadata][sha256.Size]byte{},
			terminating: map[object.ObjMetadata]bool{},
			spots:       map[object.ObjMetadata]bool{},
		}
		l.owners[owner] = a
	}
	return a
}

// find returns the account of owner, nil if there is none.
func (l *ledger) find(owner Owner) *account {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.owners[owner]
}

func (l *ledger) close(owner Owner) {
	l.mu.Lock()
	a := l.owners[owner]
	delete(l.owners, owner)
	l.mu.Unlock()
	if a != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.timer != nil {
			a.timer.Stop()
		}
	}
}

// posting returns a copy of the entry of an object.
func (a *account) posting(id object.ObjMetadata) (posting, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.entries[id]
	if p == nil {
		return posting{}, false
	}
	return *p, true
}

// begin announces a write, so that the events it causes are not taken for somebody else's.
func (a *account) begin(id object.ObjMetadata) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.entries[id]
	if p == nil {
		p = &posting{}
		a.entries[id] = p
	}
	p.writing++
}

// end closes what begin opened.
func (a *account) end(id object.ObjMetadata) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.entries[id]
	if p == nil {
		return
	}
	p.writing--
	if p.writing <= 0 && p.uid == "" {
		delete(a.entries, id) // the write failed, and there was nothing before
	}
}

// post records that an object was seen in the desired state hash.
func (a *account) post(it *item, rec observe.Record, skipped bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.entries[it.id]
	if p == nil {
		p = &posting{}
		a.entries[it.id] = p
	}
	p.hash, p.uid, p.version, p.ours = it.hash, rec.UID, rec.Version, rec.Ours
	p.skipped, p.ttl, p.merge = skipped, it.ttl, it.flags.Has(observe.Merge)
	p.loose = it.flags.Has(observe.IfNotPresent)
}

// drop forgets an object.
func (a *account) drop(id object.ObjMetadata) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.entries, id)
	delete(a.awaited, id)
}

// keep forgets every object that is not in ids.
func (a *account) keep(ids map[object.ObjMetadata]bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id := range a.entries {
		if !ids[id] {
			delete(a.entries, id)
		}
	}
	for id := range a.awaited {
		if !ids[id] {
			delete(a.awaited, id)
		}
	}
}

// holds tells whether an observed object is still as it was posted. owner is the one the labels have to name.
func (p *posting) holds(rec observe.Record, owner Owner) bool {
	switch {
	case p.loose:
		return true
	case p.uid == "" || rec.UID != p.uid:
		return false
	case rec.Version == p.version || rec.Older(p.version):
		return true // what the watch shows is our own write, or has not caught up with it
	case p.skipped:
		return rec.Flags.Has(observe.Skip)
	case rec.Owner != owner.key():
		return false
	case rec.Flags.Has(observe.Skip):
		return false
	case rec.Flags.Has(observe.TakeOver) && !p.merge && !rec.Flags.Has(observe.Merge):
		return false
	default:
		return p.ours != observe.Print{} && rec.Ours == p.ours
	}
}

// stir counts one more time that an object had to be looked at because somebody touched it.
func (p *posting) stir(now time.Time) {
	if now.Sub(p.last) > calm+p.delay() {
		p.unrest, p.corrections = 0, 0
	}
	p.unrest++
	p.last = now
}

// delay is how long to leave an object alone after it was last touched.
func (p *posting) delay() time.Duration {
	if p.unrest == 0 {
		return 0
	}
	return min(firstDelay<<min(p.unrest-1, 20), longestDelay)
}
