// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package setters

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v3"
)

// author writes documents of all shapes, with markers in all places.
type author struct{ *rand.Rand }

func (a author) text() string {
	words := strings.Split("a|b:c|x| |  |\n|\n\n|#| #|'|\"|\\|é|𝄞|\t|:|: |- |{|}|[|]|,|1.0|&|*|!|>|%|@|`|\u0085|\u2028|\r|~|word|longer-word", "|")
	var b strings.Builder
	for range a.IntN(12) {
		b.WriteString(words[a.IntN(len(words))])
	}
	return b.String()
}

func (a author) scalar() *yaml.Node {
	const marker = `# {"$imagepolicy": "apps:web:tag"}`
	styles := []yaml.Style{0, 0, 0, yaml.DoubleQuotedStyle, yaml.SingleQuotedStyle, yaml.LiteralStyle, yaml.FoldedStyle}
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: a.text(), Style: styles[a.IntN(len(styles))]}
	if a.IntN(2) == 0 {
		n.Tag = "!!str"
	}
	if a.IntN(8) == 0 {
		n.Anchor = "x"
	}
	switch a.IntN(8) {
	case 0, 1, 2, 3:
		n.LineComment = marker
	case 4:
		n.HeadComment = marker
	}
	return n
}

func (a author) node(depth int) *yaml.Node {
	if depth == 0 || a.IntN(2) == 0 {
		return a.scalar()
	}
	n := &yaml.Node{Kind: yaml.SequenceNode}
	if a.IntN(4) == 0 {
		n.Style = yaml.FlowStyle
	}
	mapping := a.IntN(2) == 0
	if mapping {
		n.Kind = yaml.MappingNode
	}
	for i := range 1 + a.IntN(4) {
		if mapping {
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: string(rune('a' + i))})
		}
		n.Content = append(n.Content, a.node(depth-1))
	}
	return n
}

// document returns the text of a document, which need not be valid: not all comments can stand everywhere.
func (a author) document() (text []byte) {
	defer func() {
		if recover() != nil { // the writer of the library does not take all that there is
			text = nil
		}
	}()
	var b bytes.Buffer
	out := yaml.NewEncoder(&b)
	out.SetIndent(2 + a.IntN(3))
	if out.Encode(&yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{a.node(3)}}) != nil || out.Close() != nil {
		return nil
	}
	switch a.IntN(4) {
	case 0:
		return bytes.ReplaceAll(b.Bytes(), []byte("\n"), []byte("\r\n"))
	case 1:
		return append([]byte(byteOrderMark), bytes.ReplaceAll(b.Bytes(), []byte("\n"), []byte("\r"))...)
	}
	return b.Bytes()
}

// Whatever a document looks like, its marked values can be changed, at once and all of them.
func TestRandomDocuments(t *testing.T) {
	a := author{rand.New(rand.NewPCG(1, 2))}
	changed := 0
	for range 800 {
		in := a.document()
		out, edits, err := Apply(in, web())
		if errors.Is(err, ErrNotYAML) {
			continue
		}
		if err != nil {
			t.Fatalf("%v\n%q", err, in)
		}
		if len(edits) == 0 {
			continue
		}
		changed++
		if _, again, err := Apply(out, web()); err != nil || len(again) > 0 {
			t.Fatalf("a second time: %v, %v\n%q\n%q", again, err, in, out)
		}
	}
	if changed < 200 {
		t.Errorf("only %d documents were changed", changed)
	}
}
