// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fluxcd/cli-utils/pkg/object"
	"github.com/spf13/cobra"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/cli/internal/kinds"
	"github.com/weir-gitops/weir/cli/internal/session"
)

// toolkitGroups is how the groups of the toolkit end.
const toolkitGroups = ".fluxcd.io"

// node is an object and what it brought into the cluster.
type node struct {
	Resource  object.ObjMetadata `json:"resource"`
	Resources []*node            `json:"resources,omitempty"`
}

func treeCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{Use: "tree", Short: "Show what an object brought into the cluster", Example: "  weir tree kustomization flux-system"}
	kind, _ := kinds.Of(kustomizev1.KustomizationKind)
	var compact bool
	var output string
	below := &cobra.Command{
		Use:               kind.Name + " NAME",
		Aliases:           []string{kind.Short},
		Short:             "Show the objects of a Kustomization, and those of the Kustomizations and HelmReleases among them",
		Example:           "  # Everything\n  weir tree kustomization flux-system\n\n  # Sources and appliers only\n  weir tree kustomization flux-system --compact",
		ValidArgsFunction: s.CompleteNames(kind),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("one %s name is required", kind.Human)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains([]string{"", "json", "yaml"}, output) {
				return fmt.Errorf("invalid --output '%s': it has to be json or yaml", output)
			}
			ctx, cancel := s.Bounded(cmd.Context())
			defer cancel()
			c, err := s.Client()
			if err != nil {
				return err
			}
			root := &node{Resource: object.ObjMetadata{Namespace: s.Namespace, Name: args[0], GroupKind: kind.GroupKind()}}
			t := &tree{client: c, compact: compact}
			if err := t.expand(ctx, root, nil); err != nil {
				return err
			}
			return root.write(s.Out, output)
		},
	}
	below.Flags().BoolVar(&compact, "compact", false, "show objects of the toolkit only")
	below.Flags().StringVarP(&output, "output", "o", "", "json or yaml in place of a drawing")
	cmd.AddCommand(below)
	return cmd
}

func (n *node) write(out io.Writer, format string) error {
	if format == "" {
		_, err := io.WriteString(out, n.draw())
		return err
	}
	data, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		return err
	}
	if format == "yaml" {
		if data, err = yaml.JSONToYAML(data); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(out, strings.TrimRight(string(data), "\n"))
	return err
}

func (n *node) draw() string {
	var b strings.Builder
	b.WriteString(subject(n.Resource) + "\n")
	n.drawBelow(&b, "")
	return b.String()
}

func (n *node) drawBelow(b *strings.Builder, indent string) {
	for i, below := range n.Resources {
		branch, next := "├── ", "│   "
		if i == len(n.Resources)-1 {
			branch, next = "└── ", "    "
		}
		b.WriteString(indent + branch + subject(below.Resource) + "\n")
		below.drawBelow(b, indent+next)
	}
}

// subject prints an object as Kind/namespace/name, or Kind/name without a namespace.
func subject(o object.ObjMetadata) string {
	if o.Namespace == "" {
		return o.GroupKind.Kind + "/" + o.Name
	}
	return o.GroupKind.Kind + "/" + o.Namespace + "/" + o.Name
}

// tree reads what objects brought into the cluster.
type tree struct {
	client  client.Client
	compact bool
	// definitions are the CRDs of all releases, read once when the first release needs them.
	definitions *metav1.PartialObjectMetadataList
}

// expand adds what an applier brought into the cluster below its node. above are the nodes that lead to it, so that one that contains
// itself, as the root of a fleet does, is not followed again.
func (t *tree) expand(ctx context.Context, n *node, above []object.ObjMetadata) error {
	var contents func(context.Context, *unstructured.Unstructured) ([]object.ObjMetadata, error)
	switch n.Resource.GroupKind {
	case schema.GroupKind{Group: kustomizev1.GroupVersion.Group, Kind: kustomizev1.KustomizationKind}:
		contents = t.inventory
	case schema.GroupKind{Group: helmv2.GroupVersion.Group, Kind: helmv2.HelmReleaseKind}:
		contents = t.release
	default:
		return nil
	}
	if slices.Contains(above, n.Resource) {
		return nil
	}
	k, _ := kinds.Of(n.Resource.GroupKind.Kind)
	obj := k.Object()
	if err := t.client.Get(ctx, client.ObjectKey{Namespace: n.Resource.Namespace, Name: n.Resource.Name}, obj); err != nil {
		if apierrors.IsNotFound(err) {
			return fmt.Errorf("%s object '%s' not found in %q namespace", k.Kind, n.Resource.Name, n.Resource.Namespace)
		}
		return err
	}
	found, err := contents(ctx, obj)
	if err != nil {
		return fmt.Errorf("%s: %w", subject(n.Resource), err)
	}
	_, remote, _ := unstructured.NestedMap(obj.Object, "spec", "kubeConfig")
	above = append(slices.Clip(above), n.Resource)
	for _, o := range found {
		if t.compact && !strings.HasSuffix(o.GroupKind.Group, toolkitGroups) {
			continue
		}
		below := &node{Resource: o}
		n.Resources = append(n.Resources, below)
		if remote { // the appliers of another cluster cannot be read here
			continue
		}
		if err := t.expand(ctx, below, above); err != nil {
			return err
		}
	}
	return nil
}

// inventory lists the objects that an applier notes in its status.
func (t *tree) inventory(_ context.Context, obj *unstructured.Unstructured) ([]object.ObjMetadata, error) {
	entries, _, err := unstructured.NestedSlice(obj.Object, "status", "inventory", "entries")
	if err != nil {
		return nil, err
	}
	var found []object.ObjMetadata
	for _, item := range entries {
		fields, ok := item.(map[string]any)
		if !ok {
			return nil, errors.New("inventory holds something else than objects")
		}
		id, _, _ := unstructured.NestedString(fields, "id")
		o, err := object.ParseObjMetadata(id)
		if err != nil {
			return nil, fmt.Errorf("inventory: %w", err)
		}
		found = append(found, o)
	}
	return found, nil
}

// release lists the objects of a release: what its status notes, else what Helm has stored, and the definitions that came with its chart.
func (t *tree) release(ctx context.Context, obj *unstructured.Unstructured) ([]object.ObjMetadata, error) {
	if _, remote, _ := unstructured.NestedMap(obj.Object, "spec", "kubeConfig"); remote {
		return nil, nil
	}
	found, err := t.inventory(ctx, obj)
	if err != nil {
		return nil, err
	}
	if found == nil {
		if found, err = t.stored(ctx, obj); err != nil {
			return nil, err
		}
	}
	if t.definitions == nil {
		list := new(metav1.PartialObjectMetadataList)
		list.SetGroupVersionKind(apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinitionList"))
		if err := t.client.List(ctx, list, client.HasLabels{helmv2.NameLabel, helmv2.NamespaceLabel}); err != nil {
			return nil, fmt.Errorf("list definitions of kinds: %w", err)
		}
		t.definitions = list
	}
	for i := range t.definitions.Items {
		crd := &t.definitions.Items[i]
		o := object.ObjMetadata{Name: crd.Name, GroupKind: schema.GroupKind{Group: apiextensionsv1.GroupName, Kind: "CustomResourceDefinition"}}
		owned := crd.Labels[helmv2.NameLabel] == obj.GetName() && crd.Labels[helmv2.NamespaceLabel] == obj.GetNamespace()
		if owned && !slices.Contains(found, o) {
			found = append(found, o)
		}
	}
	return found, nil
}
