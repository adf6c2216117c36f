// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package session

import "github.com/weir-gitops/weir/cli/internal/terminal"

// ExitError ends the command with a code of its own.
type ExitError struct {
	// Code is the exit code.
	Code int
	// Err says why; nil when everything was said before.
	Err error
	// Warn prints it as a warning rather than a failure.
	Warn bool
}

// Error implements error.
func (e *ExitError) Error() string {
	if e.Err == nil {
		return "failed"
	}
	return e.Err.Error()
}

// Unwrap returns why.
func (e *ExitError) Unwrap() error { return e.Err }

// Print tells the person.
func (e *ExitError) Print(t terminal.Terminal) {
	switch {
	case e.Err == nil:
	case e.Warn:
		t.Warning("%v", e.Err)
	default:
		t.Failure("%v", e.Err)
	}
}
