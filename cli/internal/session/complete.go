// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/cli/internal/kinds"
)

// tabTimeout is how long somebody who has pressed Tab is made to wait for a cluster.
const tabTimeout = 3 * time.Second

// CompleteNames completes the names of objects of a kind from the cluster, as many as the command takes.
func (s *Session) CompleteNames(k kinds.Kind) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if cmd.Args != nil && cmd.Args(cmd, append(slices.Clone(args), "another")) != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		found, directive := s.names(cmd, k.GroupVersionKind)
		return slices.DeleteFunc(found, func(name string) bool { return slices.Contains(args, name) }), directive
	}
}

// CompleteObjects completes the names of objects of any kind from the cluster.
func (s *Session) CompleteObjects(gvk schema.GroupVersionKind) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return s.names(cmd, gvk)
	}
}

// CompleteReferences completes Kind/name of the objects of some kinds from the cluster.
func (s *Session) CompleteReferences(of ...schema.GroupVersionKind) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		s.hurry()
		found, err := s.find(cmd, nil, of...)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var references []string
		for i, gvk := range of {
			for _, name := range found[i] {
				references = append(references, gvk.Kind+"/"+name)
			}
		}
		return references, cobra.ShellCompDirectiveNoFileComp
	}
}

// CompleteKinds completes a kind of the toolkit and, after a slash, the name of one of its objects.
func (s *Session) CompleteKinds(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	kind, _, named := strings.Cut(typed, "/")
	if !named {
		return kinds.Names(), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	k, _ := kinds.Named(kind)
	found, directive := s.names(cmd, k.GroupVersionKind)
	for i := range found {
		found[i] = kind + "/" + found[i]
	}
	return found, directive
}

// CompleteResources completes what trace takes: a resource that the cluster serves and then, after a slash or as the next word, a name.
func (s *Session) CompleteResources(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	resource, _, slashed := strings.Cut(typed, "/")
	prefix := resource + "/"
	switch {
	case slashed:
	case len(args) == 0:
		return s.resources()
	case len(args) == 1 && !strings.Contains(args[0], "/"):
		resource, prefix = args[0], ""
	default:
		return s.resources()
	}
	s.hurry()
	mapper, err := s.connection.ToRESTMapper()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	// A group after the first dot, as in kustomizations.kustomize.toolkit.fluxcd.io.
	gvk, err := mapper.KindFor(schema.ParseGroupResource(resource).WithVersion(""))
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	found, err := s.find(cmd, mapper, gvk)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	for i, name := range found[0] {
		found[0][i] = prefix + name
	}
	return found[0], cobra.ShellCompDirectiveNoFileComp
}

// resources lists what the cluster serves, each in the singular.
func (s *Session) resources() ([]string, cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	s.hurry()
	d, err := s.connection.ToDiscoveryClient()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	lists, _ := d.ServerPreferredResources() // what is served although something else is not
	served := map[string]bool{}
	for _, list := range lists {
		for i := range list.APIResources {
			if r := &list.APIResources[i]; r.Namespaced && slices.Contains(r.Verbs, "get") && !strings.Contains(r.Name, "/") {
				served[strings.ToLower(r.Kind)] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(served)), directive
}

// CompleteContexts completes the contexts of the kubeconfig.
func (s *Session) CompleteContexts(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	raw, err := s.connection.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return slices.Sorted(maps.Keys(raw.Contexts)), cobra.ShellCompDirectiveNoFileComp
}

// names lists the objects of a kind. A shell has no place for errors.
func (s *Session) names(cmd *cobra.Command, gvk schema.GroupVersionKind) ([]string, cobra.ShellCompDirective) {
	s.hurry()
	found, err := s.find(cmd, nil, gvk)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return found[0], cobra.ShellCompDirectiveNoFileComp
}

// find lists the names of the objects of each kind: of the namespace, or of all if the command is about all. A kind that is not installed, or not to be seen, has none.
// All share a client and its time, and with them what is asked for only once. The mapper may be nil.
func (s *Session) find(cmd *cobra.Command, mapper meta.RESTMapper, of ...schema.GroupVersionKind) ([][]string, error) {
	if err := s.Complete(); err != nil {
		return nil, err
	}
	config, err := s.Config()
	if err != nil {
		return nil, err
	}
	c, err := client.New(config, client.Options{Scheme: s.Scheme, Mapper: mapper})
	if err != nil {
		return nil, err
	}
	ctx, cancel := s.Bounded(cmd.Context())
	defer cancel()
	namespace := client.InNamespace(s.Namespace)
	if all, err := cmd.Flags().GetBool("all-namespaces"); err == nil && all {
		namespace = ""
	}
	found := make([][]string, len(of))
	for i, gvk := range of {
		list := new(metav1.PartialObjectMetadataList)
		list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
		if err := c.List(ctx, list, namespace); err != nil && !meta.IsNoMatchError(err) && !apierrors.IsForbidden(err) {
			return nil, err
		}
		for k := range list.Items {
			found[i] = append(found[i], list.Items[k].Name)
		}
	}
	return found, nil
}

// hurry limits what is asked for a completion, unless the line that is completed has a limit of its own.
func (s *Session) hurry() {
	if !s.flags.Changed(timeoutFlag) {
		if err := s.flags.Set(timeoutFlag, tabTimeout.String()); err != nil {
			panic(fmt.Sprintf("--%s: %v", timeoutFlag, err)) // it is ours
		}
	}
}
