// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOwn pastes what the demo says about a repository of the person's own, as REPO and DIR of make.
func TestOwn(t *testing.T) {
	cases := map[string]struct{ reason, repo, dir, want string }{
		"Plain":    {"What needs no care stays as it is.", "https://host.invalid/x.git", "./", "https://host.invalid/x.git ./"},
		"Blank":    {"A folder may have a blank in its name.", "/my fleet", "a b", "/my fleet a b"},
		"Signs":    {"Signs of the shell and of make are part of a name.", "/a;b#c&$HOME", "it's `x`", "/a;b#c&$HOME it's `x`"},
		"Token":    {"A secret is not printed.", "https://me:token@host.invalid/x", "./", "<your URL> ./"},
		"User":     {"A user alone may be a token.", "https://token@host.invalid/x", "./", "<your URL> ./"},
		"Query":    {"A token may be in the query.", "https://host.invalid/x?private=token", "./", "<your URL> ./"},
		"Broken":   {"Nobody knows what is in it.", "https://me:token%@host.invalid/x", "./", "<your URL> ./"},
		"SSH":      {"The user of SSH belongs to the URL.", "ssh://git@host.invalid/x", "./", "ssh://git@host.invalid/x ./"},
		"ShortSSH": {"This is no URL.", "git@host.invalid:x", "./", "git@host.invalid:x ./"},
	}
	makefile := filepath.Join(t.TempDir(), "Makefile")
	rules := "export SHOWN = $(REPO) $(DIR)\nall:\n\t@printf %s \"$$SHOWN\"\n"
	if err := os.WriteFile(makefile, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			d := demo{options: options{repo: tc.repo, dir: tc.dir}}
			// What a make that runs this test has told its children is not for this one.
			line := "unset MAKEFLAGS MFLAGS MAKELEVEL; make --silent --file '" + makefile + "'" + d.own()
			if out, err := exec.CommandContext(t.Context(), "sh", "-c", line).Output(); err != nil || string(out) != tc.want {
				t.Errorf("%s\n%s makes %q of it, error %v, want %q", tc.reason, line, out, err, tc.want)
			}
			if text, complete := printable(tc.repo); strings.Contains(text, "token") || complete != (text == tc.repo) {
				t.Errorf("%s\nprintable() = %q, %v", tc.reason, text, complete)
			}
		})
	}
}
