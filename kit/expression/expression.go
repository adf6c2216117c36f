// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package expression compiles and evaluates the CEL expressions that stand in objects. The language is that of fluxcd/pkg/runtime/cel, which
// offers no limits: an expression belongs to somebody else, so what it may cost to compile and to evaluate is bounded here.
package expression

import (
	"context"
	"fmt"
	"time"

	"github.com/google/cel-go/cel"
	celenv "github.com/google/cel-go/common/env"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/ext"
)

const (
	// evaluationTimeout bounds the evaluation of one expression.
	evaluationTimeout = time.Second
	// costLimit bounds it in units of cel-go, about one per step: unlike a deadline it is exact, and no operator absorbs it.
	costLimit = 1_000_000
	// growthCost is the price of a character or an element that an expression makes. Some functions multiply sizes in one step that
	// nothing can interrupt; with it none of them gets more than 10,000 to work on.
	growthCost = 100
	// interruptFrequency is how many steps of a loop pass between looks at the context; the default of Kubernetes.
	interruptFrequency = 100
)

// Language is CEL with a set of variables. It may be used from any goroutine.
type Language struct {
	env *cel.Env
	// open is set when the variables are not known before an expression is evaluated.
	open bool
}

// New returns the language in which expressions use the variables, each of which is an object.
func New(variables ...string) (*Language, error) {
	return newLanguage(false, variables)
}

// Open returns the language for expressions over objects of which nobody knows beforehand what they look like: each of their fields is a
// variable. Whether an expression has the right type shows when it is evaluated.
func Open() (*Language, error) {
	return newLanguage(true, nil)
}

func newLanguage(open bool, variables []string) (*Language, error) {
	options := append([]cel.EnvOption{
		// All functions but those that bounded replaces; extensions let themselves be overridden, this library does not.
		cel.StdLib(cel.StdLibSubset(celenv.NewLibrarySubset().AddExcludedFunctions(celenv.NewFunction(matchesFunction)))),
		cel.HomogeneousAggregateLiterals(), cel.EagerlyValidateDeclarations(true), cel.DefaultUTCTimeZone(true),
		cel.CrossTypeNumericComparisons(true), cel.OptionalTypes(), ext.Strings(), ext.Sets(), ext.Encoders(),
	}, bounded()...)
	for _, name := range variables {
		options = append(options, cel.Variable(name, cel.ObjectType("google.protobuf.Struct")))
	}
	env, err := cel.NewCustomEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("failed to create CEL environment: %w", err)
	}
	return &Language{env: env, open: open}, nil
}

// Condition compiles an expression that is true or false.
func (l *Language) Condition(text string) (*Condition, error) {
	program, err := l.compile(text, cel.BoolType)
	if err != nil {
		return nil, err
	}
	return &Condition{text: text, program: program}, nil
}

// Template compiles an expression that makes a string.
func (l *Language) Template(text string) (*Template, error) {
	program, err := l.compile(text, cel.StringType)
	if err != nil {
		return nil, err
	}
	return &Template{text: text, program: program}, nil
}

func (l *Language) compile(text string, want *cel.Type) (cel.Program, error) {
	if err := checkLimits(text); err != nil {
		return nil, err
	}
	read := l.env.Compile
	if l.open {
		read = l.env.Parse
	}
	ast, issues := read(text)
	if issues.Err() != nil {
		return nil, parseError(text, issues.String())
	}
	if got := ast.OutputType(); !l.open && got != want {
		return nil, fmt.Errorf("CEL expression output type mismatch: expected %s, got %s", want, got)
	}
	program, err := l.env.Program(ast, cel.CostLimit(costLimit), cel.CostTracking(growth{}), cel.InterruptCheckFrequency(interruptFrequency))
	if err != nil {
		return nil, fmt.Errorf("failed to create CEL program: %w", err)
	}
	return program, nil
}

func parseError(text, issues string) error {
	return fmt.Errorf("failed to parse the CEL expression '%s': %s", text, issues)
}

// Condition is an expression that is true or false. It may be used from any goroutine.
type Condition struct {
	text    string
	program cel.Program
}

// Holds evaluates the condition over the variables, which are JSON values.
func (c *Condition) Holds(ctx context.Context, variables map[string]any) (bool, error) {
	result, err := evaluate(ctx, c.program, c.text, variables)
	if err != nil {
		return false, err
	}
	holds, ok := result.(types.Bool)
	if !ok {
		return false, fmt.Errorf("failed to evaluate CEL expression as boolean: '%s'", c.text)
	}
	return bool(holds), nil
}

// Template is an expression that makes a string. It may be used from any goroutine.
type Template struct {
	text    string
	program cel.Program
}

// Text evaluates the template over the variables, which are JSON objects.
func (t *Template) Text(ctx context.Context, variables map[string]any) (string, error) {
	result, err := evaluate(ctx, t.program, t.text, variables)
	if err != nil {
		return "", err
	}
	text, ok := result.(types.String)
	if !ok {
		return "", fmt.Errorf("failed to evaluate the CEL expression '%s': the result is no string", t.text)
	}
	return string(text), nil
}

func evaluate(ctx context.Context, program cel.Program, text string, variables map[string]any) (ref.Val, error) {
	ctx, cancel := context.WithTimeout(ctx, evaluationTimeout)
	defer cancel()
	result, _, err := program.ContextEval(ctx, variables)
	if err != nil {
		return nil, fmt.Errorf("failed to evaluate the CEL expression '%s': %w", text, err)
	}
	return result, nil
}

// growth charges for what an expression makes; cel-go by itself charges for what it reads.
type growth struct{}

// CallCost implements interpreter.ActualCostEstimator. It leaves what it has no price for to cel-go.
func (growth) CallCost(_, _ string, args []ref.Val, result ref.Val) *uint64 {
	var made traits.Sizer
	switch value := result.(type) {
	case types.String:
		made = value
	case types.Bytes:
		made = value
	case traits.Lister:
		// Only what is added counts: map and filter add to their result one by one.
		added, ok := args[len(args)-1].(traits.Lister)
		if len(args) != 2 || !ok {
			return nil
		}
		made = added
	default:
		return nil
	}
	size, ok := made.Size().(types.Int)
	if !ok || size < 0 {
		return nil
	}
	if _, isList := result.(traits.Lister); isList && size == 1 {
		return new(uint64(1))
	}
	return new(1 + growthCost*uint64(size))
}
