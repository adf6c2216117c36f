// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"slices"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/cli/internal/kinds"
)

// CompleteNames completes the names of objects of a kind from the cluster.
func (s *Session) CompleteNames(k kinds.Kind) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		c, err := s.Client()
		if err != nil || s.Complete() != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		list := k.List()
		if err := c.List(cmd.Context(), list, client.InNamespace(s.Namespace)); err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var names []string
		for i := range list.Items {
			if name := list.Items[i].GetName(); !slices.Contains(args, name) {
				names = append(names, name)
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// CompleteGlobal makes --context and --namespace complete.
func (s *Session) CompleteGlobal(cmd *cobra.Command) error {
	err := cmd.RegisterFlagCompletionFunc("context", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return s.Contexts(), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		return err
	}
	return cmd.RegisterFlagCompletionFunc("namespace", func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		c, err := s.Client()
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var list corev1.NamespaceList
		if err := c.List(cmd.Context(), &list); err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		names := make([]string, 0, len(list.Items))
		for i := range list.Items {
			names = append(names, list.Items[i].Name)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	})
}
