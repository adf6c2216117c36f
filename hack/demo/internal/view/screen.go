// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// Screen shows states as they follow each other. On a terminal it redraws one table until it is told to append; elsewhere it appends a line
// for each change.
type Screen struct {
	out      io.Writer
	terminal int // file descriptor, or -1
	start    time.Time
	shown    []Row
	drawn    int // lines of the table on the terminal
	append   bool
}

// NewScreen shows states on out. Times are counted from start.
func NewScreen(out *os.File, start time.Time) *Screen {
	s := &Screen{out: out, terminal: -1, start: start, append: true}
	if fd := int(out.Fd()); term.IsTerminal(fd) && os.Getenv("TERM") != "dumb" {
		s.terminal, s.append = fd, false
	}
	return s
}

// Show shows the state as of now.
func (s *Screen) Show(state State, now time.Time) {
	rows := state.Rows()
	if s.append {
		for _, line := range Changes(s.shown, rows) {
			fmt.Fprintf(s.out, "%7.1fs  %s\n", now.Sub(s.start).Seconds(), line)
		}
	} else {
		s.erase()
		table := Table(rows, now, s.style())
		s.drawn = strings.Count(table, "\n")
		fmt.Fprint(s.out, table)
	}
	s.shown = rows
}

// Finish prints the whole state as a table a last time; what is shown after that is appended.
func (s *Screen) Finish(state State, now time.Time) {
	s.erase()
	fmt.Fprint(s.out, "\n", Table(state.Rows(), now, s.style()))
	s.append, s.shown = true, state.Rows()
}

// Skip takes the state for known: what differs from it is what is shown next.
func (s *Screen) Skip(state State) { s.shown = state.Rows() }

// erase removes the drawn table. Lines are cut to the width of the terminal, so none of them takes up two.
func (s *Screen) erase() {
	if s.drawn > 0 {
		fmt.Fprintf(s.out, "\x1b[%dA\x1b[J", s.drawn)
		s.drawn = 0
	}
}

func (s *Screen) style() Style {
	if s.terminal < 0 {
		return Style{}
	}
	width, _, err := term.GetSize(s.terminal)
	if err != nil {
		width = 80 // what every terminal can show
	}
	return Style{Width: width, Color: os.Getenv("NO_COLOR") == ""}
}
