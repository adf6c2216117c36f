// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package tags

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
)

const (
	// MaxTags is how many tags a set may have.
	MaxTags = 1_000_000
	// maxTagBytes is how long a tag may be. OCI distribution specification, "Pulling manifests".
	maxTagBytes = 128
	// maxTextBytes is how long the text of a set can get.
	maxTextBytes = MaxTags * (maxTagBytes + 1)
)

// ErrMalformed says that a text is no set of tags.
var ErrMalformed = errors.New("malformed set of tags")

// isTag reports whether a text has the form of a tag, [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}. OCI distribution specification, "Pulling manifests".
func isTag(text string) bool {
	for i := range len(text) {
		c := text[i]
		word := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
		if !word && (i == 0 || c != '.' && c != '-') {
			return false
		}
	}
	return len(text) > 0 && len(text) <= maxTagBytes
}

// List is a set of tags in descending byte order. It does not change. The zero value is empty.
type List struct {
	// text has the tags with a newline between two.
	text  string
	count int
}

// Parse reads the text of a set. The error is ErrMalformed.
func Parse(text string) (List, error) {
	l := List{text: strings.TrimSuffix(text, "\n")}
	before := ""
	for tag := range l.All() {
		switch {
		case !isTag(tag):
			return List{}, fmt.Errorf("%w: line %d is no tag", ErrMalformed, l.count+1)
		case l.count > 0 && tag >= before:
			return List{}, fmt.Errorf("%w: line %d is out of order", ErrMalformed, l.count+1)
		case l.count == MaxTags:
			return List{}, fmt.Errorf("%w: more than %d tags", ErrMalformed, MaxTags)
		}
		before = tag
		l.count++
	}
	return l, nil
}

// Len is the number of tags.
func (l List) Len() int { return l.count }

// All yields the tags, the last one of the alphabet first. They share the memory of the set.
func (l List) All() iter.Seq[string] {
	if l.text == "" {
		return func(func(string) bool) {}
	}
	return strings.SplitSeq(l.text, "\n")
}

// First returns copies of the first n tags, fewer if there are not as many; nil if there are none.
func (l List) First(n int) []string {
	var first []string
	for tag := range l.All() {
		if len(first) == n {
			break
		}
		first = append(first, strings.Clone(tag))
	}
	return first
}

// Revision is a checksum of the set, sha256:<hex>.
func (l List) Revision() string {
	sum := sha256.Sum256([]byte(l.text))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Collector makes a List of tags that come in any order, some more than once. The zero value is ready for use.
//
// It keeps one copy of each tag and eight bytes more, which matters for repositories with hundreds of thousands of tags.
type Collector struct {
	text []byte
	at   []span
}

// span is where a tag is in the text.
type span struct{ start, end uint32 }

// Add takes in a copy of a tag. What is no well-formed tag is left out. It reports false, and takes in nothing, once there are MaxTags.
func (c *Collector) Add(tag string) bool {
	if !isTag(tag) {
		return true
	}
	if len(c.at) == MaxTags {
		return false
	}
	start := len(c.text)
	c.text = append(c.text, tag...)
	c.at = append(c.at, span{start: uint32(start), end: uint32(len(c.text))}) //nolint:gosec // maxTextBytes is far below
	return true
}

// List returns the set.
func (c *Collector) List() List {
	of := func(s span) []byte { return c.text[s.start:s.end] }
	slices.SortFunc(c.at, func(a, b span) int { return bytes.Compare(of(b), of(a)) })
	c.at = slices.CompactFunc(c.at, func(a, b span) bool { return bytes.Equal(of(a), of(b)) })
	var b strings.Builder
	b.Grow(len(c.text) + len(c.at))
	for i, s := range c.at {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.Write(of(s))
	}
	return List{text: b.String(), count: len(c.at)}
}
