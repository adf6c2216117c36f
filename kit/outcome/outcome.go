// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package outcome is how a phase of a reconcile says that it did not simply finish: it waits for something, needs a person, or met a known
// fault. The driver in kit/reconcile and the status function of a kind act on it; nothing else does.
package outcome

import (
	"errors"
	"fmt"
	"time"
)

// Class tells what kind of end an Outcome is.
type Class int

const (
	// Done means that every phase finished.
	Done Class = iota
	// Waiting means that something else has to happen first. It is not an error.
	Waiting
	// Stalled means that only a person can fix it: no retry until the object or its inputs change.
	Stalled
	// Failed means a known fault that a retry may cure.
	Failed
	// Unforeseen means an error that no phase translated. It is retried with back-off.
	Unforeseen
	// Yielded means that the rest of the run is less urgent than the runs of other objects: it is run again after them.
	Yielded
)

// Outcome is how a run ended. The zero value is Done.
type Outcome struct {
	// Class is the kind of end.
	Class Class
	// Reason is the CamelCase condition reason; empty for Done and Unforeseen.
	Reason string
	// After is the time until the next attempt; 0 leaves it to the kind (retry interval or back-off), or, for Waiting, to a watch alone.
	After time.Duration
	// Err is what went wrong, or the text of what is waited for; nil for Done.
	Err error
}

// Message is the text for people; empty for Done.
func (o Outcome) Message() string {
	if o.Err == nil {
		return ""
	}
	return o.Err.Error()
}

// IsError reports whether the outcome is a fault rather than success or a wait.
func (o Outcome) IsError() bool {
	return o.Class == Stalled || o.Class == Failed || o.Class == Unforeseen
}

type outcomeError struct {
	Outcome
}

func (e *outcomeError) Error() string { return e.Message() }

func (e *outcomeError) Unwrap() error { return e.Err }

// Wait ends a run that has to wait for something else. The next attempt is after that time at the latest, earlier when a watch says so;
// 0 means that only a watch brings it back.
func Wait(after time.Duration, reason, format string, args ...any) error {
	return &outcomeError{Outcome{Class: Waiting, Reason: reason, After: after, Err: fmt.Errorf(format, args...)}}
}

// Stall ends a run with a fault that only a change of the object or of its inputs can cure.
func Stall(reason string, err error) error {
	return &outcomeError{Outcome{Class: Stalled, Reason: reason, Err: err}}
}

// Fail ends a run with a known fault; it is tried again after the retry interval of the kind.
func Fail(reason string, err error) error {
	return &outcomeError{Outcome{Class: Failed, Reason: reason, Err: err}}
}

// FailAfter is Fail with a time until the next attempt that differs from the kind's retry interval.
func FailAfter(after time.Duration, reason string, err error) error {
	return &outcomeError{Outcome{Class: Failed, Reason: reason, After: after, Err: err}}
}

// Yield ends a run that has nothing urgent left to do, so that other objects go first. It leaves no trace: no status, no event. A phase
// must not yield twice for the same work.
func Yield() error {
	return &outcomeError{Outcome{Class: Yielded, Err: errors.New("others go first")}}
}

// Of reads the outcome out of what a phase returned: nil is Done, an error that no constructor of this package made is Unforeseen.
func Of(err error) Outcome {
	if err == nil {
		return Outcome{}
	}
	if e, ok := errors.AsType[*outcomeError](err); ok {
		return e.Outcome
	}
	return Outcome{Class: Unforeseen, Err: err}
}
