// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package cmd

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/weir-gitops/weir/cli/internal/terminal"
)

// TestHelp checks that every command says what it does and shows how, with examples that parse.
func TestHelp(t *testing.T) {
	_, root, err := tree(terminal.Terminal{})
	if err != nil {
		t.Fatal(err)
	}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		t.Run(strings.ReplaceAll(cmd.CommandPath(), " ", "/"), func(t *testing.T) {
			if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
				t.Errorf("want one line without a full stop, got %q", cmd.Short)
			}
			if cmd.Example == "" {
				t.Error("there is no example")
			}
			for line := range strings.Lines(strings.ReplaceAll(cmd.Example, "\\\n", " ")) {
				example(t, line)
			}
		})
		for _, below := range cmd.Commands() {
			walk(below)
		}
	}
	walk(root)
}

// example checks one line of an example: a comment, or a command with flags that exist and arguments that it takes.
func example(t *testing.T, line string) {
	t.Helper()
	line = strings.TrimSpace(line)
	_, command, found := strings.Cut(" "+line, " weir ")
	if line == "" || strings.HasPrefix(line, "#") {
		return
	}
	if !found {
		if !strings.Contains(line, "weir") {
			t.Errorf("neither a comment nor a command: %q", line)
		}
		return
	}
	command = regexp.MustCompile(`( [>|] .*|\)?)$`).ReplaceAllString(command, "")
	_, root, err := tree(terminal.Terminal{})
	if err != nil {
		t.Fatal(err)
	}
	cmd, args, err := root.Find(strings.Fields(strings.ReplaceAll(command, "'", "")))
	if err == nil && !cmd.Runnable() {
		t.Errorf("%q runs nothing", line)
		return
	}
	if err == nil {
		err = cmd.ParseFlags(args)
	}
	if err == nil {
		err = cmd.ValidateArgs(cmd.Flags().Args())
	}
	if err != nil {
		t.Errorf("%q: %v", line, err)
	}
}

// TestMissing checks that no command which is there is called missing, and that the page about it has the same names.
func TestMissing(t *testing.T) {
	_, root, err := tree(terminal.Terminal{})
	if err != nil {
		t.Fatal(err)
	}
	var walk func(cmd *cobra.Command, path string)
	walk = func(cmd *cobra.Command, path string) {
		for _, below := range cmd.Commands() {
			for _, name := range append([]string{below.Name()}, below.Aliases...) {
				if slices.Contains(missing(path), name) {
					t.Errorf("weir %s %s is called missing", path, name)
				}
			}
			walk(below, strings.TrimSpace(path+" "+below.Name()))
		}
	}
	walk(root, "")
	page, err := os.ReadFile("../../../docs/status.md")
	if err != nil {
		t.Fatal(err)
	}
	_, row, _ := strings.Cut(string(page), "\n| Command line |")
	row, _, _ = strings.Cut(row, "these names are refused")
	var named []string
	for _, found := range regexp.MustCompile("`([a-z]+)`").FindAllStringSubmatch(row, -1) {
		if found[1] != "create" { // is there
			named = append(named, found[1])
		}
	}
	slices.Sort(named)
	if diff := cmp.Diff(missing(""), named); diff != "" {
		t.Errorf("docs/status.md has other names (-refused +page):\n%s", diff)
	}
}
