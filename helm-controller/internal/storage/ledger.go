// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"cmp"
	"container/list"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/client-go/metadata"

	"github.com/weir-gitops/weir/helm-controller/internal/release"
)

const (
	// defaultLedgerBytes holds the newest revisions of some hundred releases of ordinary size.
	defaultLedgerBytes = 32 << 20
	// defaultMaxAge bounds for how long an account that has lost the right to read its storage is believed to have it.
	defaultMaxAge = time.Hour
	// ageSpread is the part of MaxAge by which entries expire earlier, at random, so that they do not all do so at once.
	ageSpread = 0.2
	// minTold is the least time between two calls of Changed for one release. It doubles with each call up to maxTold: two HelmReleases that
	// own the same release must not drive each other round and round. After twice maxTold without a call it is minTold again.
	minTold = 5 * time.Second
	maxTold = 5 * time.Minute
)

// Key names a release in storage.
type Key struct{ Namespace, Release string }

// LedgerOptions configure a Ledger.
type LedgerOptions struct {
	// Metadata reads and watches as the controller itself. Without it every run reads in full.
	Metadata metadata.Interface
	// Namespace limits the watch; empty means all.
	Namespace string
	// Bytes bounds what is kept, 0 means 32 MiB.
	Bytes int64
	// MaxAge is how long a revision is believed without reading it again, 0 means an hour.
	MaxAge time.Duration
	// Changed is told of known releases that somebody else changed, never while a session on the release is open or the helm command is at work
	// on it, and the later the more often it is told of the same one. It must neither block nor call the ledger. May be nil.
	Changed func(Key)
	Logger  logr.Logger
}

// Ledger knows the newest revisions of releases without asking. One serves a process; Start runs its watch.
type Ledger struct {
	options LedgerOptions
	packer  packer

	mu      sync.Mutex
	entries map[Key][]*list.Element // of *entry, one for each account
	recent  list.List               // of *entry, most recently used first
	bytes   int64
	open    map[Key]int
	told    map[Key]*telling
	hits    int64
	misses  int64

	// What the watch delivered.
	synced   bool
	position string // resourceVersion up to which everything was delivered
	seen     map[Key]map[int]string
	busy     map[Key]int // revision that somebody is at work on
}

// entry is the newest revision of a release as an account read or wrote it.
type entry struct {
	key      Key
	account  types.NamespacedName
	revision *release.Revision
	version  string // resourceVersion
	bytes    int64
	expires  time.Time
}

// NewLedger returns a ledger that knows nothing yet.
func NewLedger(o LedgerOptions) *Ledger {
	o.Bytes = cmp.Or(o.Bytes, defaultLedgerBytes)
	o.MaxAge = cmp.Or(o.MaxAge, defaultMaxAge)
	return &Ledger{
		options: o, entries: map[Key][]*list.Element{}, open: map[Key]int{}, told: map[Key]*telling{}, seen: map[Key]map[int]string{},
		busy: map[Key]int{},
	}
}

// Stats tells how often the ledger could and could not answer, and how much it holds.
func (l *Ledger) Stats() (hits, misses, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hits, l.misses, l.bytes
}

// lookup returns the newest revision, nil when the ledger cannot be sure of it.
func (l *Ledger) lookup(key Key, account types.NamespacedName) *release.Revision {
	l.mu.Lock()
	defer l.mu.Unlock()
	el := l.find(key, account)
	if el == nil || !l.synced {
		l.misses++
		return nil
	}
	e := entryOf(el)
	if time.Now().After(e.expires) || !l.isNewest(e) {
		l.drop(el)
		l.misses++
		return nil
	}
	l.recent.MoveToFront(el)
	l.hits++
	return e.revision
}

// isNewest tells whether nothing the watch delivered contradicts the entry. Where the watch lags behind what we read or wrote ourselves,
// the entry is believed: it is the younger knowledge.
func (l *Ledger) isNewest(e *entry) bool {
	revisions := l.seen[e.key]
	for number := range revisions {
		if number > e.revision.Version {
			return false
		}
	}
	return revisions[e.revision.Version] == e.version || older(l.position, e.version)
}

// older compares resourceVersions of Secrets. Those that are no numbers are never older.
func older(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order < 0
}

// put notes the newest revision as read or written by the account.
func (l *Ledger) put(key Key, account types.NamespacedName, revision *release.Revision, version string) {
	if l.options.Metadata == nil || l.options.Namespace != "" && l.options.Namespace != key.Namespace {
		return // nothing would tell that it has changed
	}
	spread := time.Duration(rand.Float64() * ageSpread * float64(l.options.MaxAge)) //nolint:gosec // only spreads load
	e := &entry{
		key: key, account: account, revision: revision, version: version, bytes: size(revision),
		expires: time.Now().Add(l.options.MaxAge - spread),
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if el := l.find(key, account); el != nil {
		l.drop(el)
	}
	if e.bytes > l.options.Bytes {
		return
	}
	l.entries[key] = append(l.entries[key], l.recent.PushFront(e))
	l.bytes += e.bytes
	for l.bytes > l.options.Bytes {
		l.drop(l.recent.Back())
	}
}

// forgetRevision drops what is known of a release if its newest revision is the one that is gone.
func (l *Ledger) forgetRevision(key Key, number int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, el := range slices.Clone(l.entries[key]) {
		if entryOf(el).revision.Version == number {
			l.drop(el)
		}
	}
}

// forget drops what is known of a release, for all accounts: it is gone, or about to be.
func (l *Ledger) forget(key Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.entries[key]) > 0 {
		l.drop(l.entries[key][0])
	}
}

func (l *Ledger) find(key Key, account types.NamespacedName) *list.Element {
	for _, el := range l.entries[key] {
		if entryOf(el).account == account {
			return el
		}
	}
	return nil
}

func entryOf(el *list.Element) *entry {
	e, ok := el.Value.(*entry)
	if !ok {
		return &entry{} // the list holds nothing else
	}
	return e
}

func (l *Ledger) drop(el *list.Element) {
	e := entryOf(el)
	l.recent.Remove(el)
	l.bytes -= e.bytes
	others := l.entries[e.key][:0:0]
	for _, other := range l.entries[e.key] {
		if other != el {
			others = append(others, other)
		}
	}
	if l.entries[e.key] = others; len(others) == 0 {
		delete(l.entries, e.key)
	}
}

// size estimates the memory that a revision takes, in bytes.
func size(r *release.Revision) int64 {
	const (
		fixed = 4 << 10 // metadata of the chart and the rest
		hook  = 512
	)
	n := int64(fixed + len(r.Manifest) + len(r.Info.Notes) + len(r.Info.Description))
	for _, h := range r.Hooks {
		n += int64(hook + len(h.Manifest))
	}
	return n + valueSize(r.Config)
}

func valueSize(v any) int64 {
	const word = 64 // a map entry or an element with its headers
	switch v := v.(type) {
	case map[string]any:
		n := int64(word)
		for key, value := range v {
			n += word + int64(len(key)) + valueSize(value)
		}
		return n
	case []any:
		n := int64(word)
		for _, value := range v {
			n += valueSize(value)
		}
		return n
	case string:
		return word + int64(len(v))
	default:
		return word
	}
}
