// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"fmt"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/cli/internal/kinds"
	"github.com/weir-gitops/weir/cli/internal/session"
)

func deleteVerb(s *session.Session) verb {
	return verb{
		use: "delete", short: "Delete an object", arguments: "NAME", takes: suspends,
		example: "  weir delete kustomization apps\n  weir delete source git apps --silent",
		each:    "  weir delete %[1]s apps\n\n  # In a script\n  weir delete %[1]s apps --silent",
		command: func(k kinds.Kind, cmd *cobra.Command) {
			silent := cmd.Flags().BoolP("silent", "s", false, "do not ask")
			cmd.Args = named(k)
			cmd.RunE = func(cmd *cobra.Command, args []string) error {
				ctx, cancel := s.Bounded(cmd.Context())
				defer cancel()
				c, err := s.Client()
				if err != nil {
					return err
				}
				obj, err := find(ctx, c, k, client.ObjectKey{Namespace: s.Namespace, Name: args[0]})
				if err != nil {
					return err
				}
				if !*silent {
					if err := s.Confirm(ctx, fmt.Sprintf("Are you sure you want to delete %s %s?", k.Human, args[0]), "silent"); err != nil {
						return err
					}
				}
				s.Action("deleting %s %s in %s namespace", k.Human, args[0], s.Namespace)
				if err := c.Delete(ctx, obj); err != nil {
					return err
				}
				s.Success("%s deleted", k.Human)
				return nil
			}
		},
	}
}
