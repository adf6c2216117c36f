// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/apis/kustomize"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/weir-gitops/weir/kit/apply/internal/observe"
	"github.com/weir-gitops/weir/kit/expression"
)

// Expressions are compiled health rules in CEL, by kind or by group.
type Expressions struct{ rules map[schema.GroupKind]*rule }

// rule computes the health of a kind from expressions.
type rule struct {
	judge func(context.Context, *unstructured.Unstructured) (*status.Result, error)
	id    string
}

// CompileExpressions parses health rules. An entry without kind applies to its whole group; the version does not matter.
func CompileExpressions(checks []kustomize.CustomHealthCheck) (*Expressions, error) {
	e := &Expressions{rules: make(map[schema.GroupKind]*rule, len(checks))}
	if len(checks) == 0 {
		return e, nil
	}
	language, err := expression.Open() // not all kinds have the usual fields
	if err != nil {
		return nil, err
	}
	var errs []error
	for i := range checks {
		check := &checks[i]
		gk := schema.FromAPIVersionAndKind(check.APIVersion, check.Kind).GroupKind()
		if _, twice := e.rules[gk]; twice {
			errs = append(errs, fmt.Errorf("duplicate health check expressions for %s", gk))
			continue
		}
		judge, err := compileJudge(language, &check.HealthCheckExpressions)
		if err != nil {
			errs = append(errs, fmt.Errorf("health check expressions for %s: %w", gk, err))
			continue
		}
		sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", check.Current, check.InProgress, check.Failed))
		e.rules[gk] = &rule{judge: judge, id: hex.EncodeToString(sum[:8])}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return e, nil
}

// ruling is the state of an object for which a condition holds.
type ruling struct {
	condition *expression.Condition
	state     status.Status
}

// compileJudge compiles the rule of one entry: the first condition that holds decides, and while none does the object is in progress.
// Flux: kustomize-controller contract, "Health", row CEL.
func compileJudge(language *expression.Language, exprs *kustomize.HealthCheckExpressions) (func(context.Context, *unstructured.Unstructured) (*status.Result, error), error) {
	if exprs.Current == "" {
		return nil, errors.New("expression Current not specified")
	}
	var rulings []ruling
	for _, v := range []struct {
		name, text string
		state      status.Status
	}{
		{"InProgress", exprs.InProgress, status.InProgressStatus},
		{"Failed", exprs.Failed, status.FailedStatus},
		{"Current", exprs.Current, status.CurrentStatus},
	} {
		if v.text == "" {
			continue
		}
		condition, err := language.Condition(v.text)
		if err != nil {
			return nil, fmt.Errorf("failed to parse the expression %s: %w", v.name, err)
		}
		rulings = append(rulings, ruling{condition: condition, state: v.state})
	}
	return func(ctx context.Context, u *unstructured.Unstructured) (*status.Result, error) {
		if behind(u) {
			return &status.Result{Status: status.InProgressStatus}, nil
		}
		for _, v := range rulings {
			holds, err := v.condition.Holds(ctx, u.Object)
			if err != nil {
				return nil, err
			}
			if holds {
				return &status.Result{Status: v.state}, nil
			}
		}
		return &status.Result{Status: status.InProgressStatus}, nil
	}, nil
}

// behind tells whether the status of an object is about an earlier generation. Some kinds have no number there; they are not asked.
func behind(u *unstructured.Unstructured) bool {
	observed, known, err := unstructured.NestedInt64(u.Object, "status", "observedGeneration")
	return err == nil && known && u.GetGeneration() != 0 && observed != u.GetGeneration()
}

// Covers tells whether there is a rule for a kind. e may be nil.
func (e *Expressions) Covers(gk schema.GroupKind) bool { return e.find(gk) != nil }

// Default returns the expressions and, for a kind that none of them is for, a rule in Go. id names the rule: equal for rules that
// agree on every object. e may be nil.
func (e *Expressions) Default(gk schema.GroupKind, id string, judge func(*unstructured.Unstructured) *status.Result) *Expressions {
	if e.find(gk) != nil {
		return e
	}
	more := &Expressions{rules: map[schema.GroupKind]*rule{}}
	if e != nil {
		maps.Copy(more.rules, e.rules)
	}
	more.rules[gk] = &rule{id: id, judge: func(_ context.Context, u *unstructured.Unstructured) (*status.Result, error) {
		return judge(u), nil
	}}
	return more
}

// Evaluate implements observe.Evaluator.
func (r *rule) Evaluate(ctx context.Context, u *unstructured.Unstructured) (*status.Result, error) {
	return r.judge(ctx, u)
}

// Rule implements observe.Evaluator.
func (r *rule) Rule() string { return r.id }

// find returns the rules for a kind, nil for the built-in ones. An entry for the kind beats one for its group.
func (e *Expressions) find(gk schema.GroupKind) observe.Evaluator {
	if e == nil {
		return nil
	}
	if r := e.rules[gk]; r != nil {
		return r
	}
	if r := e.rules[schema.GroupKind{Group: gk.Group}]; r != nil {
		return r
	}
	return nil
}
