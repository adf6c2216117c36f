// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

const (
	// maxExpandedNodes bounds how many nodes aliases may add to a document. A node takes about
	// nodeBytes, and a long text counts as many; the largest custom resource definitions have some
	// ten thousand.
	maxExpandedNodes = 250_000
	nodeBytes        = 200
	// maxNodes bounds those of a document in all. The API server takes objects of 3 MiB.
	maxNodes = 500_000
	// maxSigns bounds what may begin a node in the text of one that is parsed at all. JSON has two signs for each node.
	maxSigns = 2 * maxNodes
	// maxDepth bounds how deep a document is nested: the time that the engine takes grows with the square of it, and nothing interrupts it.
	// Definitions of resources have some fifty levels.
	maxDepth = 500
	// maxTextBytes bounds the text of a document with every level indented, which the engine makes of it on the way to JSON.
	maxTextBytes = 32 << 20
	// maxNesting is how deep YAML in strings of YAML is followed: a patch in a kustomization file, or
	// in a transformer's configuration in a kustomization file.
	maxNesting = 3
	// glanceNodes and glanceDepth are what a look at the bytes has to show for a closer one.
	glanceNodes = 20_000
	glanceDepth = 200
)

var (
	errAliasCycle = errors.New("YAML anchor contains itself")
	errAliasBomb  = fmt.Errorf("YAML aliases expand to more than %d nodes", maxExpandedNodes)
	errTooDeep    = fmt.Errorf("YAML is nested more than %d levels deep", maxDepth)
	errTooMany    = fmt.Errorf("a YAML document has more than %d nodes", maxNodes)
	errTooWide    = fmt.Errorf("a YAML document takes more than %d MiB when it is indented", maxTextBytes>>20)
)

// checkYAML returns an error for YAML that the engine must not get, as nothing recovers from what it would do: it follows an anchor that contains
// itself until the stack is exhausted, copies what others would multiply, and writes out what is nested with every level indented. Content that does
// not parse is left to the engine to judge. It returns how many nodes were counted, which is none in most files: a look shows that they are harmless.
func checkYAML(content []byte) (int, error) { return checkYAMLIn(content, maxNesting) }

func checkYAMLIn(content []byte, nesting int) (int, error) {
	seen := glanceAt(content)
	if nesting == 0 || !seen.deserves(content) {
		return 0, nil
	}
	nodes := 0
	for _, text := range documents(string(content)) {
		if glanceAt([]byte(text)).nodes > maxSigns {
			return 0, errTooMany // parsing it would take the memory
		}
		root, ok := parseDocument(text)
		if !ok {
			continue
		}
		x := expansion{sizes: make(map[*yaml.Node]extent), open: make(map[*yaml.Node]bool), nesting: nesting}
		size, err := x.size(root)
		if err == nil {
			err = size.check()
		}
		if err != nil {
			return 0, err
		}
		nodes += size.nodes
	}
	return nodes, nil
}

// glance is what the bytes of a stream show without being parsed: bounds, never less than the truth.
type glance struct{ nodes, depth int }

// glanceAt counts everything that may begin a node, and the columns of lines before their text, each of which may be a level.
func glanceAt(content []byte) glance {
	var g glance
	var column, columns, brackets int
	leading := true
	for _, c := range content {
		switch c {
		case '\n', '\r':
			g.nodes++
			leading, column = true, 0
		case ' ', '\t', '?', '-', ':': // a ":" after a key of its own line may have a level after it, too
			if leading {
				column++
				columns = max(columns, column)
			}
			switch c {
			case '-':
				g.nodes++
			case '?', ':':
				g.nodes += 2
			}
		case 0xEF, 0xBB, 0xBF: // a byte order mark
		case ',':
			g.nodes++
			leading = false
		case '[', '{':
			g.nodes++
			brackets++
			leading = false
		default:
			leading = false
		}
	}
	g.depth = columns + brackets
	return g
}

// deserves tells whether the stream is to be parsed. The signs of YAML in strings may be escaped, or in an encoding with zero bytes, and lines may end
// in ways of Unicode.
func (g glance) deserves(content []byte) bool {
	if g.nodes > glanceNodes || g.depth > glanceDepth || bytes.ContainsAny(content, "\\\x00") {
		return true
	}
	for _, sign := range []string{"\u0085", "\u2028", "\u2029"} {
		if bytes.Contains(content, []byte(sign)) {
			return true
		}
	}
	return bytes.ContainsRune(content, '&') && bytes.ContainsRune(content, '*')
}

// documents splits as the engine does.
func documents(text string) []string {
	return regexp.MustCompile(`\n---.*\n`).Split(strings.ReplaceAll(text, "\r\n", "\n"), -1)
}

// expansion measures one document.
type expansion struct {
	sizes   map[*yaml.Node]extent // of anchored nodes
	open    map[*yaml.Node]bool   // anchored nodes that are being measured
	aliased int                   // nodes that aliases add
	nesting int
}

// extent is how large a node is when its aliases are expanded.
type extent struct {
	nodes, depth int
	lines        int // each of which is indented
	text         int // bytes, with every level indented by two columns
}

func (e extent) check() error {
	switch {
	case e.depth > maxDepth:
		return errTooDeep
	case e.nodes > maxNodes:
		return errTooMany
	case e.text > maxTextBytes:
		return errTooWide
	}
	return nil
}

// size returns the extent of n.
func (x *expansion) size(n *yaml.Node) (extent, error) {
	switch {
	case n.Kind == yaml.AliasNode:
		return x.alias(n.Alias)
	case n.Kind == yaml.ScalarNode:
		_, err := checkYAMLIn([]byte(n.Value), x.nesting-1)
		return extent{nodes: 1 + len(n.Value)/nodeBytes, depth: 1, lines: linesOf(n.Value), text: len(n.Value) + 1}, err
	case n.Anchor == "":
		return x.sum(n)
	}
	if size, known := x.sizes[n]; known {
		return size, nil
	}
	if x.open[n] {
		return extent{}, fmt.Errorf("%w: %q", errAliasCycle, n.Anchor)
	}
	x.open[n] = true
	size, err := x.sum(n)
	delete(x.open, n)
	x.sizes[n] = size
	return size, err
}

// alias measures what an alias stands for.
func (x *expansion) alias(target *yaml.Node) (extent, error) {
	if target == nil {
		return extent{}, nil
	}
	size, err := x.size(target)
	if x.aliased += size.nodes; err == nil && x.aliased > maxExpandedNodes {
		err = errAliasBomb
	}
	return size, err
}

func (x *expansion) sum(n *yaml.Node) (extent, error) {
	total := extent{nodes: 1, lines: 1, text: 1}
	for _, child := range n.Content {
		size, err := x.size(child)
		if err != nil {
			return extent{}, err
		}
		total.nodes += size.nodes
		total.depth = max(total.depth, size.depth)
		total.lines += size.lines
		total.text += size.text + 2*size.lines
	}
	total.depth++
	return total, nil
}

// linesOf counts the lines of a text, by all that YAML takes for the end of one.
func linesOf(text string) int {
	lines := 1
	for _, r := range text {
		switch r {
		case '\n', '\r', '\u0085', '\u2028', '\u2029':
			lines++
		}
	}
	return lines
}
