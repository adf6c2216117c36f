// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package cmd

import (
	"fmt"

	"github.com/spf13/cobra"
)

// completion returns weir completion, in place of the one that cobra would add.
func completion() *cobra.Command {
	cmd := &cobra.Command{Use: "completion", Short: "Print a script that completes commands, flags and names of objects in a shell", Example: "  . <(weir completion bash)"}
	add := func(shell, example string, script func(root *cobra.Command) error) {
		cmd.AddCommand(&cobra.Command{
			Use: shell, Short: "Print the script for " + shell, Example: example, Args: cobra.NoArgs, DisableFlagsInUseLine: true,
			RunE: func(cmd *cobra.Command, _ []string) error { return script(cmd.Root()) },
		})
	}
	add("bash", "  # In ~/.bashrc\n  . <(weir completion bash)", func(root *cobra.Command) error {
		return root.GenBashCompletionV2(root.OutOrStdout(), true)
	})
	add("zsh", "  # In ~/.zshrc\n  . <(weir completion zsh)", func(root *cobra.Command) error {
		if err := root.GenZshCompletion(root.OutOrStdout()); err != nil {
			return err
		}
		// A file in $fpath is registered by its first line, a script that is sourced by this.
		_, err := fmt.Fprintf(root.OutOrStdout(), "compdef _%[1]s %[1]s\n", root.Name())
		return err
	})
	add("fish", "  weir completion fish > ~/.config/fish/completions/weir.fish", func(root *cobra.Command) error {
		return root.GenFishCompletion(root.OutOrStdout(), true)
	})
	add("powershell", "  weir completion powershell | Out-String | Invoke-Expression", func(root *cobra.Command) error {
		return root.GenPowerShellCompletionWithDesc(root.OutOrStdout())
	})
	return cmd
}
