// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package depends answers whether the objects that an object depends on are ready for it, as dependsOn of Kustomization and HelmRelease asks.
// It works on facts; who looks them up and what a "no" leads to is the caller's.
package depends

import (
	"context"
	"fmt"
	"slices"

	celexpr "github.com/fluxcd/pkg/runtime/cel"
	"github.com/google/cel-go/cel"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// Reference is one entry of dependsOn with its namespace filled in.
type Reference struct {
	types.NamespacedName
	// ReadyExpr is a CEL expression over self and dep that replaces the built-in rule; may be empty.
	ReadyExpr string
}

// State is what is known of one dependency.
type State struct {
	// Object is the dependency itself, for expressions.
	Object runtime.Object
	// Ready is set when it has conditions, its Ready condition is True and it has observed its generation.
	Ready bool
	// SameSource is set when it is fed by the very source object that feeds the dependent.
	SameSource bool
	// AppliedRevision is the source revision that it last applied.
	AppliedRevision string
}

// Lookup finds the state of a dependency.
type Lookup func(ctx context.Context, name types.NamespacedName) (State, error)

// NotReadyError says which dependency is not ready and why; it may pass with time.
type NotReadyError struct {
	// Dependency is the one that was not ready.
	Dependency types.NamespacedName
	text       string
}

func (e *NotReadyError) Error() string { return e.text }

// ExpressionError says that a readyExpr is wrong; only a change of the object can cure it.
type ExpressionError struct {
	err error
}

func (e *ExpressionError) Error() string { return e.err.Error() }

func (e *ExpressionError) Unwrap() error { return e.err }

// Checker decides about dependencies.
type Checker struct {
	// Lookup finds a dependency.
	Lookup Lookup
	// Additive asks for the built-in rule as well where a readyExpr is given.
	Additive bool
}

// Check returns nil when every reference is ready for self at that source revision. References are tried in order and the first that is
// not ready ends it with a *NotReadyError; a wrong expression ends it with an *ExpressionError.
func (c *Checker) Check(ctx context.Context, self runtime.Object, revision string, refs []Reference) error {
	for _, ref := range refs {
		if err := c.one(ctx, self, revision, ref); err != nil {
			return err
		}
	}
	return nil
}

// one holds the rule of the contract. Flux: kustomize-controller contract, "Dependencies"; the texts are matched by people's alerts.
func (c *Checker) one(ctx context.Context, self runtime.Object, revision string, ref Reference) error {
	notReady := func(format string, args ...any) error {
		return &NotReadyError{Dependency: ref.NamespacedName, text: fmt.Sprintf("dependency '%s' ", ref.NamespacedName) + fmt.Sprintf(format, args...)}
	}
	expr, err := compile(ref)
	if err != nil {
		return &ExpressionError{err: err}
	}
	dep, err := c.Lookup(ctx, ref.NamespacedName)
	if err != nil {
		return notReady("not found: %s", err)
	}
	if expr != nil {
		ok, err := evaluate(ctx, expr, self, dep.Object)
		if err != nil {
			return notReady("is not ready: %s", err)
		}
		if !ok {
			return notReady("is not ready according to readyExpr eval")
		}
		if !c.Additive {
			return nil
		}
	}
	if !dep.Ready {
		return notReady("is not ready")
	}
	if dep.SameSource && dep.AppliedRevision != revision {
		return notReady("revision is not up to date")
	}
	return nil
}

func compile(ref Reference) (*celexpr.Expression, error) {
	if ref.ReadyExpr == "" {
		return nil, nil //nolint:nilnil // no expression is a valid answer, and no fault
	}
	expr, err := celexpr.NewExpression(ref.ReadyExpr,
		celexpr.WithCompile(), celexpr.WithStructVariables("self", "dep"), celexpr.WithOutputType(cel.BoolType))
	if err != nil {
		return nil, fmt.Errorf("failed to evaluate dependency %s: %w", ref.Name, err)
	}
	return expr, nil
}

func evaluate(ctx context.Context, expr *celexpr.Expression, self, dep runtime.Object) (bool, error) {
	vars := make(map[string]any, 2)
	for name, obj := range map[string]runtime.Object{"self": self, "dep": dep} {
		m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
		if err != nil {
			return false, fmt.Errorf("convert %s: %w", name, err)
		}
		vars[name] = m
	}
	return expr.EvaluateBoolean(ctx, vars)
}

// Cycle follows references from start and returns the first way that leads back to it, start first and last, or nil.
func Cycle(start types.NamespacedName, refs func(types.NamespacedName) []types.NamespacedName) []types.NamespacedName {
	seen := make(map[types.NamespacedName]bool)
	var walk func(way []types.NamespacedName) []types.NamespacedName
	walk = func(way []types.NamespacedName) []types.NamespacedName {
		for _, next := range refs(way[len(way)-1]) {
			if next == start {
				return append(slices.Clone(way), next)
			}
			if seen[next] {
				continue
			}
			seen[next] = true
			if found := walk(append(slices.Clone(way), next)); found != nil {
				return found
			}
		}
		return nil
	}
	return walk([]types.NamespacedName{start})
}
