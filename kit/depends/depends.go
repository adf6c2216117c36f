// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package depends answers whether the objects that an object depends on are ready for it, as dependsOn of Kustomization and HelmRelease asks.
// It works on facts; who looks them up and what a "no" leads to is the caller's.
package depends

import (
	"context"
	"fmt"

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
		ok, err := holds(ctx, expr, self, dep.Object)
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

// Cycle follows references from start and returns the first way that leads back to it, start first and last, or nil. It asks for the
// references of an object once.
func Cycle(start types.NamespacedName, refs func(types.NamespacedName) []types.NamespacedName) []types.NamespacedName {
	way := []types.NamespacedName{start}
	open := [][]types.NamespacedName{refs(start)} // of each on the way, the references that are not tried yet
	seen := make(map[types.NamespacedName]bool)
	for len(way) > 0 {
		last := len(way) - 1
		if len(open[last]) == 0 {
			way, open = way[:last], open[:last]
			continue
		}
		next := open[last][0]
		open[last] = open[last][1:]
		switch {
		case next == start:
			return append(way, next)
		case !seen[next]:
			seen[next] = true
			way, open = append(way, next), append(open, refs(next))
		}
	}
	return nil
}
