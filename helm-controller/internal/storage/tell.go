// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package storage

import "time"

// telling is what Changed was told of one release.
type telling struct {
	at    time.Time
	wait  time.Duration // until the next call
	later *time.Timer   // looks again when the wait is over
}

// tell calls Changed if what is known of a release has become wrong while nobody works on it, at once or when its time has come.
func (l *Ledger) tell(key Key) {
	if l.options.Changed == nil || l.open[key] > 0 || !l.synced || l.isBusy(key) || !l.isStale(key) {
		return
	}
	t := l.told[key]
	if t == nil {
		t = &telling{}
		l.told[key] = t
	}
	since := time.Since(t.at)
	switch {
	case since < t.wait && t.later == nil:
		t.later = time.AfterFunc(t.wait-since, func() { l.tellLater(key) })
		return
	case since < t.wait:
		return
	case since > 2*maxTold:
		t.wait = minTold
	default:
		t.wait = min(2*t.wait, maxTold)
	}
	t.at = time.Now()
	l.options.Changed(key)
}

// isBusy tells whether somebody is at work on the newest revision: to look at it now would break in on a helm command that is under way.
func (l *Ledger) isBusy(key Key) bool {
	at := l.busy[key]
	for number := range l.seen[key] {
		if number > at {
			return false
		}
	}
	return at > 0
}

// isStale tells whether the watch contradicts what is known of a release.
func (l *Ledger) isStale(key Key) bool {
	for _, el := range l.entries[key] {
		if !l.isNewest(entryOf(el)) {
			return true
		}
	}
	return false
}

func (l *Ledger) tellLater(key Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.told[key]; t != nil {
		t.later = nil
		l.tell(key)
	}
}

// silence ends telling with the watch.
func (l *Ledger) silence() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.synced = false
	for _, t := range l.told {
		if t.later != nil {
			t.later.Stop()
		}
	}
	clear(l.told)
}
