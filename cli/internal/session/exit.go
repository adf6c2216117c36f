// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package session

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
func (e *ExitError) Print(s *Session) {
	switch {
	case e.Err == nil:
	case e.Warn:
		s.Warning("%v", e.Err)
	default:
		s.Failed(e.Err)
	}
}
