// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/fluxcd/pkg/ssa"
	ssaerrors "github.com/fluxcd/pkg/ssa/errors"
	"github.com/fluxcd/pkg/ssa/jsondiff"
	"github.com/fluxcd/pkg/ssa/utils"
	"github.com/go-logr/logr"
	differ "github.com/wI2L/jsondiff"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/kit/rescue"
)

// Relation is how a live object stands to what is desired.
type Relation string

// The relations.
const (
	Same     Relation = "same"
	Removed  Relation = "removed"
	Changed  Relation = "changed"
	Excluded Relation = "excluded"
)

// Difference is the result of comparing one live object with what is desired.
type Difference struct {
	// Subject is "Kind/namespace/name", without the namespace for what has none.
	Subject  string
	Relation Relation
	// Additions, Changes and Removals count the operations that would put the object right.
	Additions, Changes, Removals int
	// Live is the object in the cluster; nil of one that is not there or excluded.
	Live *unstructured.Unstructured

	desired *unstructured.Unstructured
	patch   differ.Patch
}

// Text is one line about a difference.
func (d *Difference) Text() string {
	if d.Relation != Changed {
		return d.Subject + " " + string(d.Relation)
	}
	return fmt.Sprintf("%s changed (%d additions, %d changes, %d removals)", d.Subject, d.Additions, d.Changes, d.Removals)
}

// Tracked returns the live object for Track, or what is desired of one that is not there; false if it is not to be watched.
func (d *Difference) Tracked() (Tracked, bool) {
	switch {
	case d.Relation == Removed:
		return Tracked{Object: d.desired, Off: true}, true // whoever deletes it again and again is left alone for longer each time
	case d.Live == nil || d.Relation == Excluded:
		return Tracked{}, false
	}
	ttl := len(utils.ExtractJobsWithTTL([]*unstructured.Unstructured{d.desired})) > 0
	return Tracked{Object: d.Live, Off: d.Relation == Changed, Vanishes: ttl}, true
}

// CompareOptions shape a comparison.
type CompareOptions struct {
	// Ignore are fields that do not count; the empty pointer leaves out the whole object.
	Ignore []IgnoreRule
	// Exclude leaves out objects with one of these labels or annotations; values compare case-insensitively.
	Exclude map[string]string
}

// Compare compares objects with what is live, each with a request for the object and a dry-run, and changes nothing but the owners
// of fields that belong to the managers which the engine overrides. It returns the differences of all objects that could be
// compared, in the order of the objects, also with an error.
func (e *Engine) Compare(ctx context.Context, c Clients, cl client.Client, desired []*unstructured.Unstructured, o CompareOptions) ([]*Difference, error) {
	rules, err := jsondiff.CompileIgnoreRules(ignoreList(o.Ignore))
	if err != nil {
		return nil, err
	}
	found := make([]*Difference, len(desired))
	errs := parallel(ctx, e.cfg.Concurrency, len(desired), func(i int) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		obj := desired[i].DeepCopy()
		normalise(obj)
		unstructured.RemoveNestedField(obj.Object, "metadata", "creationTimestamp")
		opts := []jsondiff.ResourceOption{
			jsondiff.FieldOwner(e.cfg.Field), jsondiff.Rationalize(true), jsondiff.ExclusionSelector(o.Exclude),
		}
		for selector, paths := range rules {
			if selector.MatchUnstructured(obj) {
				opts = append(opts, jsondiff.IgnorePaths(append(pathsOf(opts), paths...)))
			}
		}
		d, err := e.compareOne(ctx, c, cl, obj, opts)
		found[i] = d
		return err
	})
	return slices.DeleteFunc(found, func(d *Difference) bool { return d == nil }), errors.Join(errs...)
}

// pathsOf returns the pointers that the options ignore so far: the library takes the last list for the whole.
func pathsOf(opts []jsondiff.ResourceOption) []string {
	var all jsondiff.ResourceOptions
	return slices.Clone(all.ApplyOptions(opts).IgnorePaths)
}

func ignoreList(rules []IgnoreRule) []jsondiff.IgnoreRule {
	list := make([]jsondiff.IgnoreRule, 0, len(rules))
	for _, r := range rules {
		list = append(list, jsondiff.IgnoreRule{Paths: r.Paths, Selector: r.Target})
	}
	return list
}

func (e *Engine) compareOne(ctx context.Context, c Clients, cl client.Client, obj *unstructured.Unstructured, opts []jsondiff.ResourceOption) (*Difference, error) {
	if err := e.reassign(ctx, c, obj); err != nil {
		return nil, err
	}
	diff, err := jsondiff.Unstructured(ctx, cl, obj, opts...)
	if err != nil {
		what := "query failed"
		if _, dryRun := errors.AsType[*ssaerrors.DryRunErr](err); dryRun {
			what = "dry-run failed"
		}
		return nil, fmt.Errorf("%s %s: %w", utils.FmtUnstructured(obj), what, concealed(obj, err))
	}
	d := &Difference{Subject: utils.FmtUnstructured(obj), desired: obj, patch: diff.Patch}
	d.Live, _ = diff.ClusterObject.(*unstructured.Unstructured)
	switch diff.Type {
	case jsondiff.DiffTypeNone:
		d.Relation = Same
	case jsondiff.DiffTypeCreate:
		d.Relation = Removed
	case jsondiff.DiffTypeExclude:
		d.Relation = Excluded
	case jsondiff.DiffTypeUpdate:
		d.Relation = Changed
	}
	for _, op := range diff.Patch {
		switch op.Type {
		case differ.OperationAdd:
			d.Additions++
		case differ.OperationReplace:
			d.Changes++
		case differ.OperationRemove:
			d.Removals++
		}
	}
	return d, nil
}

// reassign makes fields of the managers that are overridden ours.
func (e *Engine) reassign(ctx context.Context, c Clients, obj *unstructured.Unstructured) error {
	if len(e.cfg.OverrideManagers) == 0 {
		return nil
	}
	t, err := c.target(obj.GroupVersionKind())
	if err != nil {
		return fmt.Errorf("%s: %w", utils.FmtUnstructured(obj), err)
	}
	client := c.metadata(t, obj.GetNamespace())
	live, err := client.Get(ctx, obj.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s query failed: %w", utils.FmtUnstructured(obj), err)
	}
	var managers []ssa.FieldManager
	for _, name := range e.cfg.OverrideManagers {
		managers = append(managers,
			ssa.FieldManager{Name: name, OperationType: metav1.ManagedFieldsOperationApply},
			ssa.FieldManager{Name: name, OperationType: metav1.ManagedFieldsOperationUpdate})
	}
	holder := foreignOf(live).Unstructured
	ops, err := ssa.PatchReplaceFieldsManagers(holder, managers, e.cfg.Field)
	if err != nil {
		return fmt.Errorf("%s metadata.managedFields: %w", utils.FmtUnstructured(obj), err)
	}
	patch, err := guarded(holder, ops)
	if err != nil || patch == nil {
		return err
	}
	if _, err = client.Patch(ctx, obj.GetName(), types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: e.cfg.Field}); err != nil {
		return fmt.Errorf("%s metadata.managedFields cleanup failed: %w", utils.FmtUnstructured(obj), err)
	}
	return nil
}

// Correct puts right what Compare found: it creates what was removed, then patches what was changed, and goes on after errors.
// Corrected differences become Same. There is one error for each object that could not be corrected.
func (e *Engine) Correct(ctx context.Context, cl client.Client, found []*Difference) ([]Change, error) {
	work := slices.DeleteFunc(slices.Clone(found), func(d *Difference) bool { return d.Relation != Removed && d.Relation != Changed })
	slices.SortStableFunc(work, func(a, b *Difference) int {
		return cmp.Or(
			cmp.Compare(boolToInt(a.Relation == Changed), boolToInt(b.Relation == Changed)),
			compareKinds(a.desired.GroupVersionKind().GroupKind(), b.desired.GroupVersionKind().GroupKind()),
			cmp.Compare(a.desired.GetNamespace(), b.desired.GetNamespace()),
			cmp.Compare(a.desired.GetName(), b.desired.GetName()),
		)
	})
	var done []Change
	var errs []error
	for _, d := range work {
		obj, action, err := e.correctOne(ctx, cl, d)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s %w", d.Subject, err))
			continue
		}
		done = append(done, Change{
			Entry: NewEntry(obj.GroupVersionKind(), obj.GetNamespace(), obj.GetName()), Subject: d.Subject, Action: action,
		})
		d.Live, d.Relation = obj, Same
	}
	return done, errors.Join(errs...)
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (e *Engine) correctOne(ctx context.Context, cl client.Client, d *Difference) (*unstructured.Unstructured, Action, error) {
	obj := d.desired.DeepCopy()
	if d.Relation == Removed {
		if err := cl.Create(ctx, obj, client.FieldOwner(e.cfg.Field)); err != nil {
			return nil, Unknown, fmt.Errorf("creation failure: %w", concealed(obj, err))
		}
		return obj, Created, nil
	}
	patch, err := json.Marshal(d.patch)
	if err != nil {
		return nil, Unknown, fmt.Errorf("encode patch: %w", err)
	}
	if err := cl.Patch(ctx, obj, client.RawPatch(types.JSONPatchType, patch), client.FieldOwner(e.cfg.Field)); err != nil {
		return nil, Unknown, fmt.Errorf("patch failure: %w", concealed(obj, err))
	}
	return obj, Configured, nil
}

// concealed takes what is secret out of an error about an object.
func concealed(obj *unstructured.Unstructured, err error) error {
	if status, ok := errors.AsType[*apierrors.StatusError](err); ok && utils.IsSecret(obj) && apierrors.IsInvalid(err) {
		// The API server quotes values; what it has against them stands at the end.
		text := status.ErrStatus.Message
		return errors.New(strings.TrimSpace(text[strings.LastIndex(text, ":")+1:]))
	}
	return Redact(obj, err)
}

// Redact takes what is secret in an object out of an error about it. It keeps errors of the API server recognisable.
func Redact(obj *unstructured.Unstructured, err error) error { return (&item{obj: obj}).redact(err) }

// parallel calls work for each of n with at most limit calls at a time, and returns all results.
func parallel(ctx context.Context, limit, n int, work func(int) error) []error {
	errs := make([]error, n)
	slots := make(chan struct{}, limit)
	var wg sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = rescue.Call(logr.FromContextOrDiscard(ctx), "comparison", func() error { return work(i) })
		})
	}
	wg.Wait()
	return errs
}
