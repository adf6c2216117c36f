// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/fluxcd/pkg/ssa/utils"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/weir-gitops/weir/kit/apply/internal/observe"
)

// Preview is what Apply or Prune would do to one object.
type Preview struct {
	Subject string
	// Action is Created, Configured, Unchanged, Skipped or Deleted.
	Action Action
	// Live and After are what the objects of Configured are now and would be, without what is not compared: status, the metadata that the
	// API server keeps, and ignored fields. Both are nil for other actions.
	Live, After *unstructured.Unstructured
}

// Preview tells what Apply would do to each object of a set, in apply order, and writes nothing. Every object is looked at, whatever the
// ledger says. With an error it returns the objects that could be looked at.
func (e *Engine) Preview(ctx context.Context, c Clients, p *Plan) ([]Preview, error) {
	p.keep = true
	for _, s := range p.steps {
		if s.verdict != skip {
			s.verdict = verify
		}
	}
	errs := e.each(ctx, p.steps, func(ctx context.Context, s *step) error { return e.examine(ctx, c, p, s) })
	list := make([]Preview, 0, len(p.steps))
	for i, s := range p.steps {
		if errs[i] != nil && p.comes(s, errs[i]) {
			s.action, errs[i] = Created, nil
		}
		if errs[i] != nil {
			continue
		}
		preview, err := e.preview(ctx, c, s)
		if err != nil {
			errs[i] = s.fail("query failed", err)
			continue
		}
		list = append(list, preview)
	}
	return list, asFailures(errs)
}

// comes tells whether an object was refused only because of what the set itself brings before it: its kind or its namespace.
func (p *Plan) comes(s *step, err error) bool {
	if p.set.definesKind(s.id.GroupKind) && (meta.IsNoMatchError(err) || isUnserved(err)) {
		return true
	}
	if s.id.Namespace == "" || !apierrors.IsNotFound(err) {
		return false
	}
	for _, other := range p.steps {
		if utils.IsNamespace(other.obj) && other.id.Name == s.id.Namespace {
			return true
		}
	}
	return false
}

func (e *Engine) preview(ctx context.Context, c Clients, s *step) (Preview, error) {
	found := Preview{Subject: s.subject(), Action: s.action}
	switch {
	case s.action == Skipped && s.flags.Has(observe.IfNotPresent) && !s.flags.Has(observe.Skip):
		found.Action = Unchanged
	case s.recreate != nil:
		live, err := c.dynamic(s.target, s.id.Namespace).Get(ctx, s.id.Name, metav1.GetOptions{})
		if err != nil {
			return found, err
		}
		// The API server tells nothing about what it would make of the object: what is desired, laid over what is there, is close.
		found.Action, found.Live = Configured, comparison(live, s.rules)
		found.After = comparison(&unstructured.Unstructured{Object: overlaid(live.Object, s.obj.Object)}, s.rules)
	case s.action == Configured:
		found.Live, found.After = comparison(s.live, s.rules), comparison(s.after, s.rules)
		if s.leftover != nil {
			e.tidy(found.After)
		}
	}
	return found, nil
}

// tidy takes away what a takeover takes away.
func (e *Engine) tidy(u *unstructured.Unstructured) {
	for _, key := range e.reader.LeftoverAnnotations() {
		unstructured.RemoveNestedField(u.Object, "metadata", "annotations", key)
	}
	for _, key := range e.reader.LeftoverLabels() {
		unstructured.RemoveNestedField(u.Object, "metadata", "labels", key)
	}
}

// comparison returns a copy of an object with what is compared, and its identity.
func comparison(u *unstructured.Unstructured, ignore []ignorePath) *unstructured.Unstructured {
	out := (&unstructured.Unstructured{Object: content(u)}).DeepCopy()
	out.SetNamespace(u.GetNamespace())
	out.SetName(u.GetName())
	out.SetLabels(u.GetLabels())
	out.SetAnnotations(u.GetAnnotations())
	for _, path := range slices.Backward(ignore) {
		path.remove(out.Object)
	}
	return out
}

// overlaid returns a copy of the fields below with those above in place of them; lists are replaced whole.
func overlaid(below, above map[string]any) map[string]any {
	out := maps.Clone(below)
	for key, value := range above {
		over, isMap := value.(map[string]any)
		under, wasMap := out[key].(map[string]any)
		switch {
		case isMap && wasMap:
			out[key] = overlaid(under, over)
		case value != nil:
			out[key] = value
		}
	}
	return out
}

// PreviewPrune tells what Prune would do to each stale object of a plan that is still there, and writes nothing.
func (e *Engine) PreviewPrune(ctx context.Context, c Clients, p *Plan) ([]Preview, error) {
	var list []Preview
	for _, k := range p.stale {
		t, err := c.anyTarget(k.gvk())
		if meta.IsNoMatchError(err) {
			continue
		}
		if err != nil {
			return list, fmt.Errorf("%s query failed: %w", k.Subject(), err)
		}
		live, err := c.metadata(t, k.id.Namespace).Get(ctx, k.id.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return list, fmt.Errorf("%s query failed: %w", k.Subject(), err)
		}
		found := Preview{Subject: k.Subject(), Action: Deleted}
		if rec := e.reader.Read(live); rec.Owner != p.owner.key() || rec.Flags.Has(observe.Skip) || rec.Flags.Has(observe.Keep) {
			found.Action = Skipped
		}
		list = append(list, found)
	}
	return list, nil
}
