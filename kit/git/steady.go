// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git

import (
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strings"
)

// steadyError is an error whose text is the same in every run, as conditions and events want it.
type steadyError struct {
	text string
	err  error
}

// Error implements error.
func (e steadyError) Error() string { return e.text }

// Unwrap returns the error with its own text.
func (e steadyError) Unwrap() error { return e.err }

// steady takes out of the text of an error what differs between runs: our end of a connection, and the
// names of files, some of which are temporary.
func steady(err error) error {
	text := localAddress().ReplaceAllString(withoutPaths(err, err.Error()), "")
	if text == err.Error() {
		return err
	}
	return steadyError{text: text, err: err}
}

// localAddress matches our end of a connection in "read tcp 10.0.0.5:43210->10.0.0.6:443: timeout".
func localAddress() *regexp.Regexp { return regexp.MustCompile(`[^\s>]+:[0-9]+->`) }

// withoutPaths takes the paths in err and what it wraps out of text.
func withoutPaths(err error, text string) string {
	switch e := err.(type) { //nolint:errorlint // one link of the chain at a time
	case *fs.PathError:
		return strings.ReplaceAll(text, e.Error(), e.Op+": "+e.Err.Error())
	case *os.LinkError:
		return strings.ReplaceAll(text, e.Error(), e.Op+": "+e.Err.Error())
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			text = withoutPaths(part, text)
		}
		return text
	}
	if inner := errors.Unwrap(err); inner != nil {
		return withoutPaths(inner, text)
	}
	return text
}
