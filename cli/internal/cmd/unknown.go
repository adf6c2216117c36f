// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// typos is how many letters may be wrong in the name of a command for it to be recognized.
const typos = 2

// strict makes commands that only hold others refuse a name that they do not hold, where cobra would print their help and succeed.
func strict(cmd *cobra.Command) {
	for _, below := range cmd.Commands() {
		strict(below)
	}
	if cmd.Runnable() || !cmd.HasSubCommands() {
		return
	}
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknown(cmd, args[0])
		}
		return cmd.Help()
	}
	// The flag is that of a command which does not exist.
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if args := cmd.Flags().Args(); cmd.HasSubCommands() && len(args) > 0 {
			return unknown(cmd, args[0])
		}
		return err
	})
}

// unknown says that there is no such command: that it is not there yet, or what may be meant.
func unknown(cmd *cobra.Command, name string) error {
	path := strings.TrimSpace(strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()))
	if slices.Contains(missing(path), name) {
		return fmt.Errorf("%s %s is not supported yet", cmd.CommandPath(), name)
	}
	hint := ""
	cmd.SuggestionsMinimumDistance = typos
	if meant := cmd.SuggestionsFor(name); len(meant) > 0 {
		hint = "; did you mean " + strings.Join(meant, " or ") + "?"
	}
	return fmt.Errorf("unknown command %q for %q%s", name, cmd.CommandPath(), hint)
}

// missing lists the commands below one that the Flux v2.9 command line has and this one has not; docs/status.md names them.
func missing(path string) []string {
	switch path {
	case "":
		return []string{"bootstrap", "debug", "docgen", "envsubst", "list", "migrate", "plugin", "pull", "push", "stats", "tag", "trigger"}
	case "create":
		return []string{"alert", "alert-provider", "image", "receiver", "secret", "tenant"}
	case "create source":
		return []string{"bucket", "chart", "helm", "oci"}
	case "get":
		return []string{"artifact", "artifacts"}
	case "build", "diff", "export", "tree":
		return []string{"artifact"}
	default:
		return nil
	}
}
