// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package terminal talks to the person: data on one stream, progress on the other, one line a step with a symbol that says what it is.
package terminal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// ErrAborted is the answer of somebody who does not want to go on.
var ErrAborted = errors.New("aborting")

// maxAnswerBytes bounds an answer that is read from a stream that is not a terminal.
const maxAnswerBytes = 64 << 10

// Terminal holds the three streams of a command.
type Terminal struct {
	In io.Reader
	// Out takes what machines read: tables, YAML, trees, diffs.
	Out io.Writer
	// Err takes progress and errors.
	Err io.Writer
}

// Action says that a step starts.
func (t Terminal) Action(format string, args ...any) { t.say("►", format, args) }

// Generated says that something was made on this machine.
func (t Terminal) Generated(format string, args ...any) { t.say("✚", format, args) }

// Waiting says what is waited for.
func (t Terminal) Waiting(format string, args ...any) { t.say("◎", format, args) }

// Success says that a step is done.
func (t Terminal) Success(format string, args ...any) { t.say("✔", format, args) }

// Failure says what went wrong.
func (t Terminal) Failure(format string, args ...any) { t.say("✗", format, args) }

// Warning says what to look out for.
func (t Terminal) Warning(format string, args ...any) { t.say("⚠️", format, args) }

func (t Terminal) say(symbol, format string, args []any) {
	fmt.Fprintln(t.Err, symbol, strings.TrimRight(fmt.Sprintf(format, args...), "\n"))
}

// Confirm asks a question that only yes answers with nil; anything else is ErrAborted.
func (t Terminal) Confirm(question string) error {
	fmt.Fprintf(t.Err, "%s [y/N] ", question)
	answer, err := t.line()
	if err != nil {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	default:
		return ErrAborted
	}
}

// Secret asks for a value that is not shown while it is typed. From a stream that is no terminal it takes one line.
func (t Terminal) Secret(label string) (string, error) {
	if file, ok := t.In.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		fmt.Fprint(t.Out, label)
		typed, err := term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(t.Out)
		return string(typed), err
	}
	return t.line()
}

// Colour tells whether the data goes to a person rather than a file.
func (t Terminal) Colour() bool {
	file, ok := t.Out.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

func (t Terminal) line() (string, error) {
	line, err := bufio.NewReader(io.LimitReader(t.In, maxAnswerBytes)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}
