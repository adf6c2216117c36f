// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package build

import (
	"cmp"
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/apply"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/cluster"
	"github.com/weir-gitops/weir/kit/kustomize"
	"github.com/weir-gitops/weir/kit/render"
)

// manager is the field manager of the controller.
const manager = "kustomize-controller"

// concurrency is how many requests diff has under way; the client limits their rate.
const concurrency = 16

// builder builds Kustomizations for one command.
type builder struct {
	*options

	client    client.Client // nil: the cluster is left alone
	clients   apply.Clients
	engine    *apply.Engine
	kustomize *kustomize.Builder
	seen      map[client.ObjectKey]bool // Kustomizations that are built, or will be
}

func newBuilder(ctx context.Context, o *options) (*builder, error) {
	engine, err := apply.New(apply.Config{Field: manager, Group: kustomizev1.Group, Concurrency: concurrency})
	if err != nil {
		return nil, err
	}
	k, err := kustomize.NewBuilder(kustomize.BuilderOptions{})
	if err != nil {
		return nil, err
	}
	b := &builder{options: o, engine: engine, kustomize: k, seen: make(map[client.ObjectKey]bool)}
	if o.dryRun {
		return b, nil
	}
	return b, b.connect(ctx)
}

func (b *builder) connect(ctx context.Context) error {
	config, err := b.session.Config()
	if err != nil {
		return err
	}
	pool, err := cluster.NewPool(config, b.session.Scheme)
	if err != nil {
		return fmt.Errorf("kubernetes client: %w", err)
	}
	clients, err := pool.Local(ctx, types.NamespacedName{})
	if err != nil {
		return fmt.Errorf("kubernetes client: %w", err)
	}
	b.client = clients.Client
	b.clients = apply.Clients{Dynamic: clients.Dynamic, Metadata: clients.Metadata, Mapper: clients.Mapper}
	return nil
}

// result is what was built of a Kustomization.
type result struct {
	obj     *kustomizev1.Kustomization
	objects []*unstructured.Unstructured
	// masked are those of the objects that are encrypted.
	masked map[*unstructured.Unstructured]bool
	// hide are values that no error may show.
	hide []string
}

// build does what the controller does up to the point where it looks at the cluster.
func (b *builder) build(ctx context.Context, obj *kustomizev1.Kustomization, at place) (*result, error) {
	vars, err := b.variables(ctx, obj)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", subject(obj), err)
	}
	built, err := b.render(ctx, obj, at)
	if err == nil {
		built, err = render.Substitute(obj, built, vars.Values, b.strict)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", subject(obj), err)
	}
	objects, err := render.Unstructured(built)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", subject(obj), err)
	}
	r := &result{obj: obj, objects: objects, masked: make(map[*unstructured.Unstructured]bool), hide: vars.Secret}
	for _, u := range objects {
		if conceal(u) {
			r.masked[u] = true
		}
	}
	return r, nil
}

func (b *builder) variables(ctx context.Context, obj *kustomizev1.Kustomization) (render.Variables, error) {
	if b.client == nil {
		return render.Inline(obj), nil
	}
	return render.Read(ctx, b.client, &auth.Reader{Client: b.client}, obj)
}

func (b *builder) render(ctx context.Context, obj *kustomizev1.Kustomization, at place) ([]kustomize.Object, error) {
	root, dir, err := at.resolve(obj.Spec.Path)
	if err != nil {
		return nil, err
	}
	tree, err := open(ctx, root, dir, b.ignore)
	if err != nil {
		return nil, err
	}
	defer tree.Release()
	options := render.Options(obj)
	options.AllowRemoteBases = true
	output, err := b.kustomize.Build(ctx, tree, dir, options)
	if err != nil {
		return nil, &located{err, root}
	}
	return output.Objects, nil
}

// located is an error of a build that names files as they are called on this machine.
type located struct {
	cause error
	root  string
}

// Error implements error.
func (e *located) Error() string { return kustomize.Relocate(e.cause.Error(), e.root) }

// Unwrap returns what the build said.
func (e *located) Unwrap() error { return e.cause }

// shown returns the objects as they would be applied, in the order of the build. Those that are encrypted keep their shape.
func (r *result) shown(e *apply.Engine) ([]*unstructured.Unstructured, error) {
	originals := make(map[*unstructured.Unstructured]*unstructured.Unstructured, len(r.masked))
	for u := range r.masked {
		originals[u] = u.DeepCopy()
	}
	set, err := render.Prepare(e, r.obj, r.objects, r.hide)
	if err != nil {
		return nil, err
	}
	applied := make(map[*unstructured.Unstructured]bool, set.Len())
	for _, u := range set.Objects() {
		applied[u] = true
	}
	shown := make([]*unstructured.Unstructured, 0, set.Len())
	for _, u := range r.objects {
		if original := originals[u]; original != nil {
			original.SetLabels(u.GetLabels())
			original.SetAnnotations(u.GetAnnotations())
			shown = append(shown, original)
		} else if applied[u] {
			shown = append(shown, u)
		}
	}
	return shown, nil
}

// child is a Kustomization that another one brings.
type child struct {
	obj *kustomizev1.Kustomization
	at  place
}

// nested returns the Kustomizations in a result that were not built yet, if they were asked for.
func (b *builder) nested(r *result) ([]child, error) {
	if !b.recursive {
		return nil, nil
	}
	var list []child
	for _, u := range r.objects {
		if !isKustomization(u) {
			continue
		}
		obj, err := typed(u)
		if err != nil {
			return nil, err
		}
		obj.Namespace = cmp.Or(obj.Namespace, r.obj.Namespace)
		key := client.ObjectKeyFromObject(obj)
		if b.seen[key] {
			continue
		}
		b.seen[key] = true
		ref := obj.Spec.SourceRef
		source := ref.Kind + "/" + cmp.Or(ref.Namespace, obj.Namespace) + "/" + ref.Name
		local, ok := b.sources[source]
		if !ok {
			return nil, fmt.Errorf("%s: its source %s is not in --local-sources", subject(obj), source)
		}
		list = append(list, child{obj, place{local: local, source: true}})
	}
	return list, nil
}
