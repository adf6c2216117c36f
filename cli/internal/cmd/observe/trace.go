// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/cli/internal/applier"
	"github.com/weir-gitops/weir/cli/internal/kinds"
	"github.com/weir-gitops/weir/cli/internal/session"
)

// maxOwners bounds the walk along owner references, which may form a circle.
const maxOwners = 16

// trace is one run of trace.
type trace struct {
	session *session.Session
	client  client.Client

	kind, apiVersion string
}

func traceCommand(s *session.Session) *cobra.Command {
	t := &trace{session: s}
	cmd := &cobra.Command{
		Use:   "trace KIND NAME | KIND/NAME... | NAME --kind KIND --api-version VERSION",
		Short: "Show where an object comes from",
		Long:  "Shows which Kustomization or HelmRelease an object of the cluster belongs to, and which source that is made from.",
		Example: "  weir trace deployment podinfo -n apps\n  weir trace deployment/podinfo service/podinfo -n apps\n" +
			"  weir trace podinfo --kind=Deployment --api-version=apps/v1 -n apps",
		ValidArgsFunction: s.CompleteResources,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := s.Bounded(cmd.Context())
			defer cancel()
			return t.run(ctx, args)
		},
	}
	cmd.Flags().StringVar(&t.kind, "kind", "", "kind of the object, such as Deployment")
	cmd.Flags().StringVar(&t.apiVersion, "api-version", "", "API version of --kind, such as apps/v1")
	return cmd
}

func (t *trace) run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 0:
		return errors.New("an object is required, as KIND NAME or KIND/NAME")
	case (t.kind == "") != (t.apiVersion == ""):
		return errors.New("--kind and --api-version have to be given together")
	case t.kind != "" && len(args) != 1:
		return errors.New("one name is required with --kind")
	}
	if _, err := t.session.Reach(ctx); err != nil { // who resolves names would try again and again
		return err
	}
	c, err := t.session.Client()
	if err != nil {
		return err
	}
	t.client = c
	objects, err := t.objects(ctx, args)
	failed := false
	if err != nil {
		t.session.Failed(err)
		failed = true
	}
	printed := false
	for _, obj := range objects {
		blocks, err := t.object(ctx, obj)
		switch {
		case err != nil:
			t.session.Failure("%s: %v", applier.Subject(obj), err)
			failed = true
		case blocks == nil:
			t.session.Warning("%s is not managed by a Kustomization or a HelmRelease", applier.Subject(obj))
		default:
			if printed {
				fmt.Fprintln(t.session.Out)
			}
			printBlocks(t.session.Out, blocks)
			printed = true
		}
	}
	if failed {
		return &session.ExitError{Code: 1}
	}
	return nil
}

// objects reads what was named. Those that were found come with the error about the others.
func (t *trace) objects(ctx context.Context, args []string) ([]*unstructured.Unstructured, error) {
	if t.kind != "" {
		gv, err := schema.ParseGroupVersion(t.apiVersion)
		if err != nil {
			return nil, fmt.Errorf("--api-version: %w", err)
		}
		obj, err := t.get(ctx, gv.WithKind(t.kind), client.ObjectKey{Namespace: t.session.Namespace, Name: args[0]})
		if err != nil {
			return nil, err
		}
		return []*unstructured.Unstructured{obj}, nil
	}
	infos, err := resource.NewBuilder(t.session.Getter()).Unstructured().NamespaceParam(t.session.Namespace).DefaultNamespace().
		ResourceTypeOrNameArgs(false, args...).ContinueOnError().Latest().Flatten().Do().Infos()
	var found []*unstructured.Unstructured
	for _, info := range infos {
		if obj, ok := info.Object.(*unstructured.Unstructured); ok {
			found = append(found, obj)
		}
	}
	return found, err
}

func (t *trace) get(ctx context.Context, gvk schema.GroupVersionKind, key client.ObjectKey) (*unstructured.Unstructured, error) {
	obj := new(unstructured.Unstructured)
	obj.SetGroupVersionKind(gvk)
	if err := t.client.Get(ctx, key, obj); err != nil {
		return nil, err
	}
	return obj, nil
}

// object describes an object, its applier and the sources of that; nil if it has no applier.
func (t *trace) object(ctx context.Context, obj *unstructured.Unstructured) ([]block, error) {
	owner, found, err := t.applier(ctx, obj)
	if err != nil || !found {
		return nil, err
	}
	var about block
	about.add("Object", obj.GetKind()+"/"+obj.GetName())
	about.add("Namespace", obj.GetNamespace())
	about.add("Status", "managed by "+owner.kind+"/"+owner.Namespace+"/"+owner.Name)
	return t.describe(ctx, []block{about}, owner)
}

// applier finds who applied an object: its labels tell, or those of its owner.
func (t *trace) applier(ctx context.Context, obj *unstructured.Unstructured) (owner reference, found bool, err error) {
	for range maxOwners {
		for _, label := range []struct{ kind, group string }{
			{kustomizev1.KustomizationKind, kustomizev1.GroupVersion.Group}, {helmv2.HelmReleaseKind, helmv2.GroupVersion.Group},
		} {
			name, namespace := obj.GetLabels()[label.group+"/name"], obj.GetLabels()[label.group+"/namespace"]
			if name != "" && namespace != "" {
				return reference{client.ObjectKey{Namespace: namespace, Name: name}, label.kind}, true, nil
			}
		}
		obj, err = t.owner(ctx, obj)
		if err != nil || obj == nil {
			return reference{}, false, err
		}
	}
	return reference{}, false, nil
}

// owner reads the controller of an object, else its first owner; nil if it has none.
func (t *trace) owner(ctx context.Context, obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	owners := obj.GetOwnerReferences()
	if len(owners) == 0 {
		return nil, nil
	}
	up := owners[max(0, slices.IndexFunc(owners, func(o metav1.OwnerReference) bool { return o.Controller != nil && *o.Controller }))]
	gv, err := schema.ParseGroupVersion(up.APIVersion)
	if err != nil {
		return nil, fmt.Errorf("owner: %w", err)
	}
	owner, err := t.get(ctx, gv.WithKind(up.Kind), client.ObjectKey{Namespace: obj.GetNamespace(), Name: up.Name})
	if err != nil {
		return nil, fmt.Errorf("owner: %w", err)
	}
	return owner, nil
}

// describe adds a block for an object of the toolkit, and those of what it is made from.
func (t *trace) describe(ctx context.Context, blocks []block, ref reference) ([]block, error) {
	k, known := kinds.Of(ref.kind)
	if !known {
		return nil, fmt.Errorf("%s is no kind of the toolkit", ref.kind)
	}
	obj, err := t.get(ctx, k.GroupVersionKind, ref.ObjectKey)
	if apierrors.IsNotFound(err) {
		var missing block
		missing.add(ref.kind, ref.Name)
		missing.add("Namespace", ref.Namespace)
		missing.add("Status", "not found")
		return append(blocks, missing), nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s/%s/%s: %w", ref.kind, ref.Namespace, ref.Name, err)
	}
	blocks = append(blocks, describe(obj))
	refs := references(obj)
	switch ref.kind {
	case kustomizev1.KustomizationKind, sourcev1.HelmChartKind:
	case helmv2.HelmReleaseKind: // the chart is made from the source; it is named last
		if len(refs) > 0 {
			refs = refs[len(refs)-1:]
		}
	default:
		refs = nil
	}
	for _, up := range refs {
		if blocks, err = t.describe(ctx, blocks, up); err != nil {
			return nil, err
		}
	}
	return blocks, nil
}
