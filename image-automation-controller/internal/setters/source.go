// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package setters

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v3"
)

// errPlace says that a value is not where the parser said.
var errPlace = errors.New("value not found where the parser says it is")

// byteOrderMark may begin a file; the parser does not count it.
const byteOrderMark = "\ufeff"

// breaks are the characters that break lines. YAML 1.1: "Line Break Characters".
const breaks = "\n\r\u0085\u2028\u2029"

// source is the text of a file with the beginnings of its lines.
type source struct {
	text []byte
	// lines are offsets, which MaxFileBytes keeps small.
	lines []uint32
}

// newSource finds the lines as the parser counts them.
func newSource(text []byte) *source {
	first := 0
	if bytes.HasPrefix(text, []byte(byteOrderMark)) {
		first = len(byteOrderMark)
	}
	s := &source{text: text, lines: make([]uint32, 0, bytes.Count(text, []byte("\n"))+bytes.Count(text, []byte("\r"))+1)}
	s.lines = append(s.lines, uint32(first))
	for at := first; at < len(text); {
		if n := breakLength(text[at:]); n > 0 {
			at += n
			s.lines = append(s.lines, uint32(at)) //nolint:gosec // below MaxFileBytes
			continue
		}
		at++
	}
	return s
}

// breakLength is the length of the line break that b begins with, 0 if it does not.
func breakLength(b []byte) int {
	switch {
	case bytes.HasPrefix(b, []byte("\r\n")):
		return 2
	case len(b) > 0 && (b[0] == '\n' || b[0] == '\r'):
		return 1
	case bytes.HasPrefix(b, []byte("\u0085")):
		return len("\u0085")
	case bytes.HasPrefix(b, []byte("\u2028")), bytes.HasPrefix(b, []byte("\u2029")):
		return len("\u2028")
	}
	return 0
}

// offset returns where a node begins, of which the parser tells line and column, both from 1 and in characters.
func (s *source) offset(n *yaml.Node) (int, error) {
	if n.Line < 1 || n.Line > len(s.lines) {
		return 0, fmt.Errorf("%w: line %d", errPlace, n.Line)
	}
	at := int(s.lines[n.Line-1])
	for range n.Column - 1 {
		if at >= len(s.text) {
			return 0, fmt.Errorf("%w: line %d, column %d", errPlace, n.Line, n.Column)
		}
		_, size := utf8.DecodeRune(s.text[at:])
		at += size
	}
	return at, nil
}

// lineEnd returns the end of the line that at is on, before the line break.
func (s *source) lineEnd(at int) int {
	for at < len(s.text) && breakLength(s.text[at:]) == 0 {
		at++
	}
	return at
}

// line returns the text of the line with the given number, from 1, without its break.
func (s *source) line(number int) string {
	if number < 1 || number > len(s.lines) {
		return ""
	}
	at := int(s.lines[number-1])
	return string(s.text[at:s.lineEnd(at)])
}

// at returns the byte at an offset, 0 behind the end.
func (s *source) at(i int) byte {
	if i >= len(s.text) {
		return 0
	}
	return s.text[i]
}

// skipBlanks returns the first offset from at on that is neither space nor tab.
func (s *source) skipBlanks(at int) int {
	for s.at(at) == ' ' || s.at(at) == '\t' {
		at++
	}
	return at
}

// span is a part of the text.
type span struct{ begin, end int }

// token is where a scalar stands: head is what a new value replaces, body, of block scalars, is what goes.
type token struct{ head, body span }

// token finds the text of a scalar.
func (s *source) token(n *yaml.Node) (token, error) {
	at, err := s.offset(n)
	if err != nil {
		return token{}, err
	}
	at = s.skipProperties(at)
	var end int
	switch style := n.Style &^ yaml.TaggedStyle; style {
	case yaml.DoubleQuotedStyle:
		end = s.quotedEnd(at, '"')
	case yaml.SingleQuotedStyle:
		end = s.quotedEnd(at, '\'')
	case yaml.LiteralStyle, yaml.FoldedStyle:
		return s.block(at, n.Value)
	default:
		end = s.plainEnd(at, n.Value)
	}
	if end < 0 {
		return token{}, fmt.Errorf("%w: line %d", errPlace, n.Line)
	}
	return token{head: span{at, end}}, nil
}

// skipProperties returns where the content begins after anchor and tag.
func (s *source) skipProperties(at int) int {
	for s.at(at) == '&' || s.at(at) == '!' {
		for at < len(s.text) && s.at(at) != ' ' && s.at(at) != '\t' && breakLength(s.text[at:]) == 0 {
			at++
		}
		at = s.skipSpace(at)
	}
	return at
}

// skipSpace returns the first offset from at on that is neither blank nor line break nor part of a comment.
func (s *source) skipSpace(at int) int {
	for {
		at = s.skipBlanks(at)
		n := breakLength(s.text[min(at, len(s.text)):])
		switch {
		case n > 0:
			at += n
		case s.at(at) == '#':
			at = s.lineEnd(at)
		default:
			return at
		}
	}
}

// quotedEnd returns the offset behind a quoted scalar, -1 if there is none at that place.
func (s *source) quotedEnd(at int, quote byte) int {
	if s.at(at) != quote {
		return -1
	}
	for at++; at < len(s.text); at++ {
		switch {
		case s.text[at] == '\\' && quote == '"':
			at++
		case s.text[at] == quote && quote == '\'' && s.at(at+1) == quote:
			at++
		case s.text[at] == quote:
			return at + 1
		}
	}
	return -1
}

// plainEnd returns the offset behind a plain scalar of that value: the text and the value differ only in how they are broken into lines.
func (s *source) plainEnd(at int, value string) int {
	for i := 0; i < len(value); {
		if strings.IndexByte(" \t\n", value[i]) < 0 {
			if s.at(at) != value[i] {
				return -1
			}
			i, at = i+1, at+1
			continue
		}
		for i < len(value) && strings.IndexByte(" \t\n", value[i]) >= 0 {
			i++
		}
		begin := at
		for at = s.skipBlanks(at); at < len(s.text) && breakLength(s.text[at:]) > 0; at = s.skipBlanks(at) {
			at += breakLength(s.text[at:])
		}
		if at == begin {
			return -1
		}
	}
	return at
}

// block finds a block scalar: its header, and its lines up to the last that is not empty.
func (s *source) block(at int, value string) (token, error) {
	if c := s.at(at); c != '|' && c != '>' {
		return token{}, fmt.Errorf("%w: no block scalar", errPlace)
	}
	end := at + 1
	for strings.IndexByte("+-0123456789", s.at(end)) >= 0 && end < len(s.text) {
		end++
	}
	t := token{head: span{at, end}}
	t.body.begin = s.lineEnd(end)
	t.body.end = t.body.begin
	// What the parser left of the indentation of the first line that is not empty belongs to the value.
	first := strings.TrimLeft(value, breaks)
	if first == "" {
		return t, nil
	}
	indent := -1
	for next := t.body.begin; next < len(s.text); {
		begin := next + breakLength(s.text[next:])
		next = s.lineEnd(begin)
		line := string(s.text[begin:next])
		if strings.Trim(line, " ") == "" {
			continue
		}
		spaces := len(line) - len(strings.TrimLeft(line, " "))
		if indent < 0 {
			indent = spaces - (len(first) - len(strings.TrimLeft(first, " ")))
		}
		if spaces < indent {
			break
		}
		t.body.end = next
	}
	return t, nil
}
