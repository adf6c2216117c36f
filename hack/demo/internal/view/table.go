// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Style says how a table is drawn.
type Style struct {
	// Width is where lines are cut, in columns; 0 does not cut.
	Width int
	// Color marks the ready column with the terminal's green, red and yellow.
	Color bool
}

// Table draws the rows as of now, one line each after a header.
func Table(rows []Row, now time.Time, style Style) string {
	lines := [][]string{{"KIND", "NAME", "READY", "REVISION", "AGE", "STATUS"}}
	for _, r := range rows {
		lines = append(lines, []string{
			r.Kind, r.Title(), r.ready(), orDash(r.Revision), age(now.Sub(r.Created)), orDash(strings.Join(strings.Fields(r.Message), " ")),
		})
	}
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for n, line := range lines {
		var padded []string
		for i, cell := range line {
			padded = append(padded, cell+strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)))
		}
		text := cut(strings.TrimRight(strings.Join(padded, "   "), " "), style.Width)
		if n > 0 && style.Color {
			// The cell is found by its place, as the word may occur in other columns too.
			at := widths[0] + widths[1] + 2*len("   ")
			text = paint(text, at, rows[n-1].ready(), color(rows[n-1].Ready))
		}
		b.WriteString(text + "\n")
	}
	return b.String()
}

// Changes returns a line for each row that is new or differs in more than its age from the row of the same object before. What is under way is
// left out: it soon is one thing or the other.
func Changes(before, after []Row) []string {
	var lines []string
	for _, r := range after {
		if slices.ContainsFunc(before, func(b Row) bool { b.Created = r.Created; return b == r }) || r.Ready == metav1.ConditionUnknown {
			continue
		}
		line := fmt.Sprintf("%s/%s ready=%s", r.Kind, r.Title(), r.ready())
		if r.Revision != "" {
			line += " " + r.Revision
		}
		if r.Message != "" {
			line += ": " + strings.Join(strings.Fields(r.Message), " ")
		}
		lines = append(lines, line)
	}
	for _, r := range before {
		if !slices.ContainsFunc(after, func(a Row) bool { return a.Kind == r.Kind && a.Namespace == r.Namespace && a.Name == r.Name }) {
			lines = append(lines, fmt.Sprintf("%s/%s is gone", r.Kind, r.Title()))
		}
	}
	return lines
}

// ready is what the ready column says.
func (r Row) ready() string {
	if r.Suspended {
		return "Suspended"
	}
	return orDash(string(r.Ready))
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// age writes a duration as kubectl does, by its largest unit.
func age(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", max(0, int(d.Seconds())))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	default:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
}

// cut shortens a line to the given number of columns.
func cut(line string, width int) string {
	if width <= 0 || utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:width-1]) + "…"
}

// paint colors a word that starts at a byte offset; it leaves a line alone that was cut before the word's end.
func paint(line string, at int, word, sequence string) string {
	if len(line) < at+len(word) || line[at:at+len(word)] != word {
		return line
	}
	return line[:at] + sequence + word + "\x1b[0m" + line[at+len(word):]
}

// color is the terminal's sequence for a status.
func color(ready metav1.ConditionStatus) string {
	switch ready {
	case metav1.ConditionTrue:
		return "\x1b[32m"
	case metav1.ConditionFalse:
		return "\x1b[31m"
	default:
		return "\x1b[33m"
	}
}
