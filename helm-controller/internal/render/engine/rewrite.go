// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"regexp"
	"strconv"
	"text/template"
	"text/template/parse"
)

// Functions that the rewriting puts into templates. text/template asks nobody before it prints a value, goes through a loop or executes another
// template.
const (
	keptFunction     = "weirKept"
	printedFunction  = "weirPrinted"
	roundFunction    = "weirRound"
	templateFunction = "weirTemplate"
)

// parse reads a text into t, and puts the guard into what it defines.
func (r *renderer) parse(t *template.Template, text string) error {
	if nesting(text) > maxActions {
		return fmt.Errorf("template: %s: %w, actions are nested more than %d levels deep", t.Name(), ErrLimit, maxActions)
	}
	trees, err := parse.Parse(t.Name(), text, "", "", r.functions)
	if err != nil {
		return err
	}
	for name, tree := range trees {
		if parentheses(tree.Root) > maxParentheses {
			return fmt.Errorf("template: %s: %w, pipelines are nested more than %d levels deep", t.Name(), ErrLimit, maxParentheses)
		}
		rewriteList(tree.Root)
		if _, err := t.AddParseTree(name, tree); err != nil {
			return err
		}
		r.known++
	}
	return nil
}

// block finds what begins and ends a nested action.
var block = regexp.MustCompile(`\{\{-?\s*(if|range|with|block|define|end)\b`)

// nesting tells how deep the actions in a text are nested at most, before it is parsed: the parser calls itself for each level.
func nesting(text string) int {
	depth, deepest := 0, 0
	for _, found := range block.FindAllStringSubmatchIndex(text, -1) {
		if text[found[2]:found[3]] == "end" {
			depth--
			continue
		}
		depth++
		deepest = max(deepest, depth)
	}
	return deepest
}

// parentheses tells how deep pipelines are nested at most.
func parentheses(node parse.Node) int {
	deepest := 0
	look := func(n parse.Node) { deepest = max(deepest, parentheses(n)) }
	inBranch := func(n *parse.BranchNode) {
		look(n.Pipe)
		look(n.List)
		if n.ElseList != nil {
			look(n.ElseList)
		}
	}
	switch n := node.(type) {
	case *parse.ListNode:
		for _, inner := range n.Nodes {
			look(inner)
		}
	case *parse.ActionNode:
		look(n.Pipe)
	case *parse.TemplateNode:
		if n.Pipe != nil {
			look(n.Pipe)
		}
	case *parse.IfNode:
		inBranch(&n.BranchNode)
	case *parse.WithNode:
		inBranch(&n.BranchNode)
	case *parse.RangeNode:
		inBranch(&n.BranchNode)
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			for _, arg := range c.Args {
				look(arg)
			}
		}
		return deepest + 1
	case *parse.ChainNode:
		look(n.Node)
	}
	return deepest
}

func rewriteList(list *parse.ListNode) {
	if list == nil {
		return
	}
	for i, node := range list.Nodes {
		list.Nodes[i] = rewrite(node)
	}
}

func rewrite(node parse.Node) parse.Node {
	switch n := node.(type) {
	case *parse.ActionNode:
		if len(n.Pipe.Decl) > 0 {
			through(n.Pipe, keptFunction)
		} else {
			through(n.Pipe, printedFunction)
		}
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	case *parse.RangeNode:
		branch(&n.BranchNode)
		n.List.Nodes = append([]parse.Node{call(n.Position(), n.Line, roundFunction)}, n.List.Nodes...)
	case *parse.TemplateNode:
		return called(n)
	}
	return node
}

func branch(n *parse.BranchNode) {
	through(n.Pipe, keptFunction)
	rewriteList(n.List)
	rewriteList(n.ElseList)
}

// through hands the outcome of a pipeline to a function.
func through(pipe *parse.PipeNode, function string) {
	pipe.Cmds = append(pipe.Cmds, command(pipe.Position(), identifier(pipe.Position(), function)))
}

// called makes {{ template "name" pipeline }} a call of a function.
func called(n *parse.TemplateNode) parse.Node {
	pos := n.Position()
	var data parse.Node = &parse.NilNode{NodeType: parse.NodeNil, Pos: pos}
	if n.Pipe != nil {
		data = n.Pipe
	}
	name := &parse.StringNode{NodeType: parse.NodeString, Pos: pos, Quoted: strconv.Quote(n.Name), Text: n.Name}
	return call(pos, n.Line, templateFunction, name, data)
}

func call(pos parse.Pos, line int, function string, args ...parse.Node) parse.Node {
	pipe := &parse.PipeNode{NodeType: parse.NodePipe, Pos: pos, Line: line}
	pipe.Cmds = []*parse.CommandNode{command(pos, append([]parse.Node{identifier(pos, function)}, args...)...)}
	return &parse.ActionNode{NodeType: parse.NodeAction, Pos: pos, Line: line, Pipe: pipe}
}

func command(pos parse.Pos, args ...parse.Node) *parse.CommandNode {
	return &parse.CommandNode{NodeType: parse.NodeCommand, Pos: pos, Args: args}
}

func identifier(pos parse.Pos, name string) parse.Node {
	return parse.NewIdentifier(name).SetPos(pos)
}
