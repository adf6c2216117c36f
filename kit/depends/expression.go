// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package depends

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/weir-gitops/weir/kit/expression"
)

// compile returns the expression of a reference, or nil if it has none.
func compile(ref Reference) (*expression.Condition, error) {
	if ref.ReadyExpr == "" {
		return nil, nil //nolint:nilnil // no expression is a valid answer, and no fault
	}
	language, err := expression.New("self", "dep")
	if err != nil {
		return nil, err
	}
	condition, err := language.Condition(ref.ReadyExpr)
	if err != nil {
		return nil, fmt.Errorf("failed to evaluate dependency %s: %w", ref.Name, err)
	}
	return condition, nil
}

// holds evaluates the expression over the two objects.
func holds(ctx context.Context, condition *expression.Condition, self, dep runtime.Object) (bool, error) {
	vars := make(map[string]any, 2)
	for name, obj := range map[string]runtime.Object{"self": self, "dep": dep} {
		m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
		if err != nil {
			return false, fmt.Errorf("convert %s: %w", name, err)
		}
		vars[name] = m
	}
	return condition.Holds(ctx, vars)
}
