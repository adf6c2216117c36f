// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fluxcd/pkg/envsubst/parse"
)

const (
	// maxExpressions bounds how often the text of an object holds the sign of a variable: the library calls itself for each.
	maxExpressions = 100_000
	// maxExpandedBytes bounds what an object may become. The API server takes 3 MiB.
	maxExpandedBytes = 16 << 20
	// maxTrimSteps bounds trimming by a pattern, which is tried at every place of every prefix or suffix of the value: about two seconds.
	maxTrimSteps = 2_000_000_000
)

var (
	errExpressions = fmt.Errorf("the object holds more than %d expressions", maxExpressions)
	errExpanded    = fmt.Errorf("the object may become larger than %d MiB", maxExpandedBytes>>20)
	errTrimSteps   = errors.New("a value is too long to be trimmed by a pattern")
)

// checkExpansion returns an error for a text whose expansion would exhaust the stack, the memory or a processor. Nothing can stop the library while
// it works, and it recovers from none of it.
func checkExpansion(text string, vars map[string]string) error {
	if strings.Count(text, "$") > maxExpressions {
		return errExpressions
	}
	tree, err := parse.Parse(text)
	if err != nil {
		return nil //nolint:nilerr // the library says so better
	}
	b := bound{vars: vars}
	if b.of(tree.Root) > maxExpandedBytes {
		return errExpanded
	}
	if b.steps > maxTrimSteps {
		return errTrimSteps
	}
	return nil
}

// bound computes how long the result of a template is at most, without making it.
type bound struct {
	vars  map[string]string
	steps int // of trimming
}

func (b *bound) of(n parse.Node) int {
	switch n := n.(type) {
	case *parse.TextNode:
		return len(n.Value)
	case *parse.ListNode:
		return b.sum(n.Nodes)
	case *parse.FuncNode:
		return b.call(n)
	}
	return 0
}

// sum stops counting where it is far too much anyway.
func (b *bound) sum(nodes []parse.Node) int {
	total := 0
	for _, n := range nodes {
		total = min(total+b.of(n), maxExpandedBytes+1)
	}
	return total
}

func (b *bound) call(n *parse.FuncNode) int {
	value, arguments := len(b.vars[n.Param]), b.sum(n.Args)
	switch n.Name {
	case "/", "/#", "/%":
		return value + arguments
	case "//":
		// At most one for each character, and one at each end.
		return times(maxExpandedBytes, value+1, arguments+1)
	case "#", "##", "%", "%%":
		if len(n.Args) > 0 {
			b.steps = min(b.steps+times(maxTrimSteps, value, value, arguments+1), maxTrimSteps+1)
		}
		return max(value, len("18446744073709551615"))
	case "^", "^^", ",", ",,":
		return 3 * value // some characters have longer counterparts
	default:
		return max(value, arguments)
	}
}

// times multiplies, up to a limit and one more.
func times(limit int, factors ...int) int {
	product := 1
	for _, f := range factors {
		if f > 0 && product > limit/f {
			return limit + 1
		}
		product *= f
	}
	return product
}
