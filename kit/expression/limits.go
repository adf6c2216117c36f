// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"fmt"

	"github.com/google/cel-go/common"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/parser"
)

// Limits of an expression. They keep compiling cheap, which nothing can interrupt, and evaluation sane.
const (
	maxExpressionBytes = 4 << 10
	// maxNesting is how deep loops may be nested.
	maxNesting = 2
	// maxLiteralSteps bounds the product of the sizes of the lists, as written, that nested loops run over.
	maxLiteralSteps = 10_000
	// maxOptionals bounds optMap and optFlatMap: each copies what it is called on, and so doubles the work of compiling.
	maxOptionals = 4
)

// checkLimits refuses what is too large, before macros are expanded.
func checkLimits(text string) error {
	if len(text) > maxExpressionBytes {
		return fmt.Errorf("CEL expression too long: %d bytes, at most %d are allowed", len(text), maxExpressionBytes)
	}
	p, err := parser.NewParser(parser.EnableOptionalSyntax(true))
	if err != nil {
		return fmt.Errorf("failed to create CEL parser: %w", err)
	}
	parsed, issues := p.Parse(common.NewTextSource(text))
	if len(issues.GetErrors()) > 0 {
		return parseError(text, issues.ToDisplayString())
	}
	return (&limits{}).check(parsed.Expr(), loops{steps: 1})
}

// loops is what is around a part of an expression.
type loops struct {
	depth int
	steps int // of the literal lists they run over
}

// limits counts what the whole expression may not have too much of.
type limits struct {
	optionals int
}

func (l *limits) check(e ast.Expr, around loops) error {
	switch e.Kind() {
	case ast.CallKind:
		return l.call(e.AsCall(), around)
	case ast.SelectKind:
		return l.check(e.AsSelect().Operand(), around)
	case ast.ListKind:
		return l.all(e.AsList().Elements(), around)
	case ast.MapKind:
		return l.entries(e.AsMap().Entries(), around)
	case ast.StructKind:
		return l.entries(e.AsStruct().Fields(), around)
	default: // constants and names; without macros there are no comprehensions
		return nil
	}
}

func (l *limits) call(call ast.CallExpr, around loops) error {
	if !call.IsMemberFunction() {
		return l.all(call.Args(), around)
	}
	if err := l.check(call.Target(), around); err != nil {
		return err
	}
	switch call.FunctionName() {
	case "optMap", "optFlatMap":
		if l.optionals++; l.optionals > maxOptionals {
			return fmt.Errorf("CEL expression too complex: more than %d calls of optMap and optFlatMap", maxOptionals)
		}
	case "all", "exists", "exists_one", "existsOne", "map", "filter":
	default:
		return l.all(call.Args(), around)
	}
	within, err := around.enter(call.Target())
	if err != nil {
		return err
	}
	return l.all(call.Args(), within)
}

// enter returns what is around the body of a loop over a range.
func (o loops) enter(over ast.Expr) (loops, error) {
	o.depth++
	if o.depth > maxNesting {
		return o, fmt.Errorf("CEL expression too complex: loops are nested more than %d deep", maxNesting)
	}
	switch over.Kind() {
	case ast.ListKind:
		o.steps *= max(1, over.AsList().Size())
	case ast.MapKind:
		o.steps *= max(1, over.AsMap().Size())
	default: // its size shows when it runs; costLimit is for that
	}
	if o.steps > maxLiteralSteps {
		return o, fmt.Errorf("CEL expression too complex: nested loops over lists of more than %d steps", maxLiteralSteps)
	}
	return o, nil
}

func (l *limits) all(exprs []ast.Expr, around loops) error {
	for _, e := range exprs {
		if err := l.check(e, around); err != nil {
			return err
		}
	}
	return nil
}

func (l *limits) entries(entries []ast.EntryExpr, around loops) error {
	for _, entry := range entries {
		parts := make([]ast.Expr, 0, 2)
		switch entry.Kind() {
		case ast.MapEntryKind:
			parts = append(parts, entry.AsMapEntry().Key(), entry.AsMapEntry().Value())
		case ast.StructFieldKind:
			parts = append(parts, entry.AsStructField().Value())
		default: // the parser makes no others
		}
		if err := l.all(parts, around); err != nil {
			return err
		}
	}
	return nil
}
