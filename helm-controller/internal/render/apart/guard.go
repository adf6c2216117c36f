// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apart

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

const (
	// maxPatience is how long work on a chart may take in this process. An honest chart takes a second.
	maxPatience = 5 * time.Minute
	// maxGrace is how long is waited for work that was told to end: requests end at once, computing does not.
	maxGrace = 15 * time.Second
)

var (
	// errStuck ends the process.
	errStuck = errors.New("work on a chart does not come to an end, which only the end of the process puts right")
	// errPatience tells work to end.
	errPatience = errors.New("out of patience")
)

// ended is how work has ended.
type ended struct {
	err      error
	panicked any
}

// Guard does work on a chart, with a mark that tells the next process whose it was if this one ends. Work that does not come to an end although its
// context does is left alone, its release is a suspect, and the process ends, see Start: there is no other way to stop what computes. Suspects are
// worked on one at a time, so that one of them cannot drag the others along; the slot is given back while one waits for its turn.
func (k *Keeper) Guard(ctx context.Context, s Subject, slot Slot, work func(ctx context.Context) error) error {
	if k == nil || s.UID == "" {
		return work(ctx)
	}
	leave, err := k.begin(ctx, s, slot)
	if err != nil {
		return err
	}
	bounded, cancel := context.WithTimeoutCause(ctx, k.patience, errPatience)
	defer cancel()
	end := make(chan ended, 1)
	go func() {
		var e ended
		defer func() {
			if e.panicked = recover(); e.panicked != nil {
				k.log.Error(nil, "panic", "in", "work on a chart", "panic", fmt.Sprint(e.panicked), "stack", string(debug.Stack()))
			}
			end <- e
		}()
		e.err = work(bounded)
	}()
	e, is := k.await(bounded, end)
	givenUp := fmt.Errorf("rendering was given up: the work on the chart did not come to an end within %s", k.patience)
	switch {
	case !is && ctx.Err() != nil:
		go k.outlast(s, end, leave)
		return context.Cause(ctx)
	case !is:
		k.giveUp(s)
		return givenUp
	}
	leave()
	if e.panicked != nil {
		panic(e.panicked) // whoever recovers expects it from its own goroutine
	}
	if e.err != nil && errors.Is(context.Cause(bounded), errPatience) {
		return givenUp
	}
	return e.err
}

// begin waits for the turn of a suspect, and marks the release. What it returns ends both.
func (k *Keeper) begin(ctx context.Context, s Subject, slot Slot) (leave func(), err error) {
	if !k.suspect(s.UID) {
		return func() { k.leave(s.UID) }, k.enter(s)
	}
	if err := k.takeTurn(ctx, slot); err != nil {
		return nil, err
	}
	if err := k.enter(s); err != nil {
		<-k.turn
		return nil, err
	}
	return func() {
		k.leave(s.UID)
		<-k.turn
	}, nil
}

func (k *Keeper) takeTurn(ctx context.Context, slot Slot) error {
	select {
	case k.turn <- struct{}{}:
		return nil
	default:
	}
	if slot != nil {
		slot.Release()
	}
	select {
	case k.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if slot == nil {
		return nil
	}
	err := slot.Acquire(ctx)
	if err != nil {
		<-k.turn
	}
	return err
}

// await waits for the end of work, and a little longer than its context lasts.
func (k *Keeper) await(ctx context.Context, end <-chan ended) (e ended, is bool) {
	select {
	case e = <-end:
		return e, true
	case <-ctx.Done():
	}
	timer := time.NewTimer(k.grace)
	defer timer.Stop()
	select {
	case e = <-end:
		return e, true
	case <-timer.C:
		return e, false
	}
}

// outlast goes on waiting for work whose run is over, as after a signal.
func (k *Keeper) outlast(s Subject, end <-chan ended, leave func()) {
	timer := time.NewTimer(k.patience)
	defer timer.Stop()
	select {
	case <-end:
		leave()
	case <-timer.C:
		k.giveUp(s)
	}
}

// giveUp makes a suspect of a release whose work does not end, leaves its mark for the next process, and ends this one.
func (k *Keeper) giveUp(s Subject) {
	k.mu.Lock()
	k.suspects[s.UID] = k.working[s.UID]
	delete(k.working, s.UID)
	k.mu.Unlock()
	select {
	case k.stuck <- struct{}{}:
	default: // the process ends already
	}
}
