// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import "testing"

func TestRelocate(t *testing.T) {
	cases := map[string]struct {
		reason, text, folder, want string
	}{
		"Below":     {"Files have their names on disk.", "open /artifact/a/b.yaml: no such file", "/home/me", "open /home/me/a/b.yaml: no such file"},
		"Root":      {"So has the folder.", "'/etc' is not in or below '/artifact'", "/home/me", "'/etc' is not in or below '/home/me'"},
		"End":       {"At the end too.", "no kustomization in /artifact", "/home/me", "no kustomization in /home/me"},
		"Several":   {"All of them.", "/artifact: '/artifact/a' (/artifact)", "/x", "/x: '/x/a' (/x)"},
		"Top":       {"The folder may be the top of the disk.", "'/artifact' has /artifact/a", "/", "'/' has /a"},
		"Other":     {"Other names stay.", "/artifacts /artifact-x /my/artifact/a /artifact.yaml", "/x", "/artifacts /artifact-x /my/artifact/a /artifact.yaml"},
		"Verbatim":  {"The folder is no pattern.", "/artifact/a", "/$1", "/$1/a"},
		"Elsewhere": {"Text without a path stays.", "artifact not found", "/x", "artifact not found"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Relocate(tc.text, tc.folder); got != tc.want {
				t.Errorf("%s got %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}
