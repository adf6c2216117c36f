// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// guides are the pages whose commands are run, in this order: what one leaves behind the next one finds.
func guides() []string { return []string{"tour", "alerts", "image-updates"} }

// TestGuides does what docs/guides tell a person to type, in a running demo. Blocks marked sh are run, as one script for each page.
func TestGuides(t *testing.T) {
	cmd, data := demoCommand(t, "--tour=false")
	start(t, cmd, data).until("Ctrl-C ends it")
	for _, name := range guides() {
		passed := t.Run(name, func(t *testing.T) {
			page, err := os.ReadFile(filepath.Join(cmd.Dir, "docs", "guides", name+".md"))
			if err != nil {
				t.Fatal(err)
			}
			script := commands(string(page))
			if script == "" {
				t.Fatal("there is nothing to run in it")
			}
			script = strings.NewReplacer(".cache/demo", data, "bin/weir-demo", os.Args[0]).Replace(script)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			shell := exec.CommandContext(ctx, "sh", "-e", "-x", "-c", script)
			shell.Dir, shell.Env = cmd.Dir, append(os.Environ(), asDemo+"=1")
			if out, err := shell.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		})
		if !passed {
			break
		}
	}
}

// commands joins the blocks of a page that are marked sh.
func commands(page string) string {
	var script strings.Builder
	inside := false
	for line := range strings.Lines(page) {
		switch {
		case strings.HasPrefix(line, "```"):
			inside = strings.TrimSpace(line) == "```sh"
		case inside:
			script.WriteString(line)
		}
	}
	return script.String()
}

func TestCommands(t *testing.T) {
	page := "# A\n\n```sh\none\ntwo\n```\n\n```yaml\nthree: 3\n```\n\ntext\n\n```sh\nfour\n```\n"
	if got, want := commands(page), "one\ntwo\nfour\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
