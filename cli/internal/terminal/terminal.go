// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package terminal talks to the person: data on one stream, progress on the other, one line a step with a symbol that says what it is.
package terminal

import (
	"bufio"
	"context"
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

// Confirm asks a question that only yes answers with nil; anything else is ErrAborted. skip is the flag with which nobody is asked.
func (t Terminal) Confirm(ctx context.Context, question, skip string) error {
	fmt.Fprintf(t.Err, "%s [y/N] ", question)
	answer, err := t.answer(ctx)
	switch {
	case errors.Is(err, io.EOF): // in a script
		fmt.Fprintln(t.Err)
		return fmt.Errorf("%w, as nobody answers; --%s does not ask", ErrAborted, skip)
	case err != nil:
		fmt.Fprintln(t.Err)
		return err
	}
	switch strings.ToLower(answer) {
	case "y", "yes":
		return nil
	default:
		return ErrAborted
	}
}

// noColour is the variable by which a person asks for no colours, whatever its value; https://no-color.org.
const noColour = "NO_COLOR"

// Colour tells whether the data goes to a person rather than a file, and this person has nothing against colours.
func (t Terminal) Colour() bool {
	file, ok := t.Out.(*os.File)
	return ok && term.IsTerminal(int(file.Fd())) && os.Getenv(noColour) == ""
}

// answer reads a line, io.EOF if there is none. Nothing ends the read of a terminal: when ctx does, it is left to the end of the process.
func (t Terminal) answer(ctx context.Context) (string, error) {
	type result struct {
		line string
		err  error
	}
	answers := make(chan result, 1)
	go func() {
		line, err := bufio.NewReader(io.LimitReader(t.In, maxAnswerBytes)).ReadString('\n')
		if line != "" && errors.Is(err, io.EOF) {
			err = nil
		}
		answers <- result{strings.TrimSpace(line), err}
	}()
	select {
	case r := <-answers:
		if r.err != nil {
			return "", fmt.Errorf("read the answer: %w", r.err)
		}
		return r.line, nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}
