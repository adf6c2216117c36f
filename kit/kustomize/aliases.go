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
	// maxNesting is how deep YAML in strings of YAML is followed: a patch in a kustomization file, or
	// in a transformer's configuration in a kustomization file.
	maxNesting = 3
)

var (
	errAliasCycle = errors.New("YAML anchor contains itself")
	errAliasBomb  = fmt.Errorf("YAML aliases expand to more than %d nodes", maxExpandedNodes)
)

// checkAliases returns an error for YAML whose aliases the engine must not expand. It follows an
// anchor that contains itself until the stack is exhausted, which ends the whole process, and
// copies what others would multiply. Content that does not parse is left to the engine to judge.
func checkAliases(content []byte) error { return checkAliasesIn(content, maxNesting) }

func checkAliasesIn(content []byte, nesting int) (err error) {
	if nesting == 0 || !mayAlias(content) {
		return nil
	}
	defer func() {
		// The engine recovers from this panic of the parser on its own.
		_ = recover()
	}()
	for _, document := range documents(string(content)) {
		var node yaml.Node
		if yaml.NewDecoder(strings.NewReader(document)).Decode(&node) != nil {
			continue
		}
		x := expansion{sizes: make(map[*yaml.Node]int), open: make(map[*yaml.Node]bool), nesting: nesting}
		if _, err := x.size(&node); err != nil {
			return err
		}
	}
	return nil
}

// mayAlias is a cheap way to know of almost all files that they hold no alias. The signs may be
// escaped, or in an encoding with zero bytes.
func mayAlias(content []byte) bool {
	if bytes.ContainsAny(content, "\\\x00") {
		return true
	}
	return bytes.ContainsRune(content, '&') && bytes.ContainsRune(content, '*')
}

// documents splits as the engine does.
func documents(text string) []string {
	return regexp.MustCompile(`\n---.*\n`).Split(strings.ReplaceAll(text, "\r\n", "\n"), -1)
}

// expansion measures one document.
type expansion struct {
	sizes   map[*yaml.Node]int  // of anchored nodes
	open    map[*yaml.Node]bool // anchored nodes that are being measured
	aliased int                 // nodes that aliases add
	nesting int
}

// size returns the number of nodes that n has when its aliases are expanded.
func (x *expansion) size(n *yaml.Node) (int, error) {
	switch {
	case n.Kind == yaml.AliasNode:
		return x.alias(n.Alias)
	case n.Kind == yaml.ScalarNode:
		return 1 + len(n.Value)/nodeBytes, checkAliasesIn([]byte(n.Value), x.nesting-1)
	case n.Anchor == "":
		return x.sum(n)
	}
	if size, known := x.sizes[n]; known {
		return size, nil
	}
	if x.open[n] {
		return 0, fmt.Errorf("%w: %q", errAliasCycle, n.Anchor)
	}
	x.open[n] = true
	size, err := x.sum(n)
	delete(x.open, n)
	x.sizes[n] = size
	return size, err
}

// alias measures what an alias stands for.
func (x *expansion) alias(target *yaml.Node) (int, error) {
	if target == nil {
		return 0, nil
	}
	size, err := x.size(target)
	if x.aliased += size; err == nil && x.aliased > maxExpandedNodes {
		err = errAliasBomb
	}
	return size, err
}

func (x *expansion) sum(n *yaml.Node) (int, error) {
	total := 1
	for _, child := range n.Content {
		size, err := x.size(child)
		if err != nil {
			return 0, err
		}
		total += size
	}
	return total, nil
}
