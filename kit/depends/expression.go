// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package depends

import (
	"context"
	"fmt"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/ext"
	"k8s.io/apimachinery/pkg/runtime"
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

// expression is a readyExpr that is ready to run.
type expression struct {
	text    string
	program cel.Program
}

// compile returns the expression of a reference, or nil if it has none.
func compile(ref Reference) (*expression, error) {
	if ref.ReadyExpr == "" {
		return nil, nil //nolint:nilnil // no expression is a valid answer, and no fault
	}
	expr, err := newExpression(ref.ReadyExpr)
	if err != nil {
		return nil, fmt.Errorf("failed to evaluate dependency %s: %w", ref.Name, err)
	}
	return expr, nil
}

// newExpression compiles for the same language as fluxcd/pkg/runtime/cel, which offers no limits.
func newExpression(text string) (*expression, error) {
	if err := checkLimits(text); err != nil {
		return nil, err
	}
	object := cel.ObjectType("google.protobuf.Struct")
	options := append([]cel.EnvOption{
		cel.HomogeneousAggregateLiterals(), cel.EagerlyValidateDeclarations(true), cel.DefaultUTCTimeZone(true),
		cel.CrossTypeNumericComparisons(true), cel.OptionalTypes(), ext.Strings(), ext.Sets(), ext.Encoders(),
		cel.Variable("self", object), cel.Variable("dep", object),
	}, bounded()...)
	env, err := cel.NewEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("failed to create CEL environment: %w", err)
	}
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, parseError(text, issues.String())
	}
	if got := ast.OutputType(); got != cel.BoolType {
		return nil, fmt.Errorf("CEL expression output type mismatch: expected %s, got %s", cel.BoolType, got)
	}
	program, err := env.Program(ast, cel.CostLimit(costLimit), cel.CostTracking(growth{}), cel.InterruptCheckFrequency(interruptFrequency))
	if err != nil {
		return nil, fmt.Errorf("failed to create CEL program: %w", err)
	}
	return &expression{text: text, program: program}, nil
}

func parseError(text, issues string) error {
	return fmt.Errorf("failed to parse the CEL expression '%s': %s", text, issues)
}

// evaluate runs the expression over the two objects.
func (e *expression) evaluate(ctx context.Context, self, dep runtime.Object) (bool, error) {
	vars := make(map[string]any, 2)
	for name, obj := range map[string]runtime.Object{"self": self, "dep": dep} {
		m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
		if err != nil {
			return false, fmt.Errorf("convert %s: %w", name, err)
		}
		vars[name] = m
	}
	ctx, cancel := context.WithTimeout(ctx, evaluationTimeout)
	defer cancel()
	result, _, err := e.program.ContextEval(ctx, vars)
	if err != nil {
		return false, fmt.Errorf("failed to evaluate the CEL expression '%s': %w", e.text, err)
	}
	return result == types.True, nil
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
