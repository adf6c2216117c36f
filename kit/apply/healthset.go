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
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/cli-utils/pkg/object"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/weir-gitops/weir/kit/apply/internal/observe"
)

// HealthSet names the objects whose health an owner waits for.
type HealthSet struct {
	Entries []Entry
	// Exprs are the owner's own health rules; nil if it has none.
	Exprs *Expressions
	// FailFast ends the wait with the first object that failed.
	FailFast bool
	// TTLJobs are ids of Jobs that vanish once they are done: being gone means success.
	TTLJobs []string
}

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
	var errs []error
	for i := range checks {
		check := &checks[i]
		gk := schema.FromAPIVersionAndKind(check.APIVersion, check.Kind).GroupKind()
		if _, twice := e.rules[gk]; twice {
			errs = append(errs, fmt.Errorf("duplicate health check expressions for %s", gk))
			continue
		}
		eval, err := cel.NewStatusEvaluator(&check.HealthCheckExpressions)
		if err != nil {
			errs = append(errs, fmt.Errorf("health check expressions for %s: %w", gk, err))
			continue
		}
		sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", check.Current, check.InProgress, check.Failed))
		e.rules[gk] = &rule{judge: eval.Evaluate, id: hex.EncodeToString(sum[:8])}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return e, nil
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

// outcome is how a health wait stands.
type outcome int

const (
	waiting outcome = iota
	healthy
	unhealthy
)

// interest is the health wait of one owner. It is immutable but for what the account's lock guards.
type interest struct {
	list     []known
	exprs    *Expressions
	failFast bool
	ttl      map[object.ObjMetadata]bool

	told     outcome // guarded: what the owner was last told or woken for
	visiting bool    // guarded: the owner is being told just now
}

// trustLimit is how long within one wait an account that was allowed to read an object is not asked to do so again.
const trustLimit = time.Minute

// interested registers what an owner waits for.
func (a *account) interested(c Clients, set HealthSet) (*interest, error) {
	list, err := parseEntries(set.Entries)
	if err != nil {
		return nil, err
	}
	in := &interest{
		list: list, exprs: set.Exprs, failFast: set.FailFast,
		ttl: make(map[object.ObjMetadata]bool, len(set.TTLJobs)),
	}
	jobs := make(map[string]bool, len(set.TTLJobs))
	for _, id := range set.TTLJobs {
		jobs[id] = true
	}
	for _, k := range list {
		if jobs[k.ID] {
			in.ttl[k.id] = true
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	again := a.health != nil && a.health.told == waiting && time.Since(a.trusted) < trustLimit
	if !again || a.identity != c.Metadata {
		a.identity, a.trusted = c.Metadata, time.Now()
		clear(a.spots)
	}
	in.visiting = true
	a.health, a.exprs = in, set.Exprs
	return in, nil
}

// evaluator returns the health rules of owner for a kind.
func (e *Engine) evaluator(owner Owner, gk schema.GroupKind) observe.Evaluator {
	a := e.ledger.find(owner)
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.exprs.find(gk)
}
