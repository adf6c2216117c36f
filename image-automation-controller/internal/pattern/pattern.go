// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package pattern compiles the regular expressions of objects, which belong to somebody else. Matching takes a time proportional to the size of the
// text times that of what the expression compiles to, which repetitions multiply: a line of text could keep a core busy for hours.
package pattern

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
)

const (
	// maxBytes bounds the text of an expression. Those that people write have less than a hundred bytes.
	maxBytes = 4 << 10
	// maxInstructions bounds what it compiles to; those that people write have less than two hundred. A tag, of 128 bytes at most, is then matched in
	// some milliseconds at worst.
	maxInstructions = 2_000
)

// ErrTooLarge says that matching an expression would take too long.
var ErrTooLarge = errors.New("regular expression is too large")

// Compile returns the expression. Errors are ErrTooLarge and those of the text.
func Compile(text string) (*regexp.Regexp, error) {
	if len(text) > maxBytes {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, maxBytes)
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, err
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, err
	}
	if len(program.Inst) > maxInstructions {
		return nil, fmt.Errorf("%w: more than %d steps for each character", ErrTooLarge, maxInstructions)
	}
	return regexp.Compile(text)
}
