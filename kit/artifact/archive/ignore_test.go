// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gitops/weir/kit/artifact/archive"
)

func TestTreeRules(t *testing.T) {
	cases := map[string]struct {
		reason string
		files  []string
		ignore map[string]string
		extra  string
		want   []string
	}{
		"Defaults": {
			reason: "Without any rule the default set stays out.",
			files:  []string{"a.yaml", "logo.png", ".github/w.yml", "sub/.sops.yaml", ".gitignore", "x.tar.gz", "sub/b.yaml"},
			want:   []string{"a.yaml", "sub", "sub/b.yaml"},
		},
		"EmptyExtra": {
			reason: "An empty text adds no rule, so the defaults remain.",
			files:  []string{"a.yaml", "logo.png"},
			extra:  "\n# comment\n\n",
			want:   []string{"a.yaml"},
		},
		"UserRuleDropsDefaults": {
			reason: "Any user rule replaces the default set, not the version control set.",
			files:  []string{"a.yaml", "logo.png", ".gitattributes"},
			extra:  "a.yaml",
			want:   []string{"logo.png"},
		},
		"ReInclude": {
			reason: "A user rule may take version control files back in.",
			files:  []string{".gitignore", "a"},
			extra:  "!.gitignore",
			want:   []string{".gitignore", "a"},
		},
		"OnlyDeploy": {
			reason: "A directory that is excluded leaves, its children are tested one by one.",
			files:  []string{"README.md", "deploy/a.yaml", "deploy/sub/b.yaml", "src/main.go"},
			extra:  "/*\n!/deploy",
			want:   []string{"deploy", "deploy/a.yaml", "deploy/sub", "deploy/sub/b.yaml"},
		},
		"ChildOfExcludedDirectory": {
			reason: "A rule may keep a child although its directory is excluded.",
			files:  []string{"keep.txt", "sub/keep.txt", "sub/drop.txt"},
			extra:  "sub/\n!sub/keep.txt",
			want:   []string{"keep.txt", "sub/keep.txt"},
		},
		"FilesAreScoped": {
			reason: "An ignore file rules its directory only and is archived itself.",
			files:  []string{"x.txt", "a/x.txt", "a/b/x.txt"},
			ignore: map[string]string{"a/.sourceignore": "x.txt\n"},
			want:   []string{"a", "a/.sourceignore", "a/b", "x.txt"},
		},
		"DeeperWins": {
			reason: "The file of a deeper directory wins, also where a sibling sorts before its parent's file.",
			files:  []string{"-a/x.txt", "b/x.txt"},
			ignore: map[string]string{".sourceignore": "x.txt\n", "-a/.sourceignore": "!x.txt\n"},
			want:   []string{"-a", "-a/.sourceignore", "-a/x.txt", ".sourceignore", "b"},
		},
		"ExtraWins": {
			reason: "The rules of the object come last.",
			files:  []string{"a/x.txt"},
			ignore: map[string]string{"a/.sourceignore": "x.txt\n"},
			extra:  "!x.txt",
			want:   []string{"a", "a/.sourceignore", "a/x.txt"},
		},
		"Malformed": {
			reason: "A malformed pattern matches nothing.",
			files:  []string{"a", "["},
			extra:  "[",
			want:   []string{"[", "a"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{}
			for _, f := range tc.files {
				files[f] = "x"
			}
			maps.Copy(files, tc.ignore)
			src := newTree(files)
			rules, err := archive.TreeRules(t.Context(), src, tc.extra)
			if err != nil {
				t.Fatal(err)
			}
			b, _, _ := pack(t, archive.Filter(src, rules), nil)
			headers, _ := unpack(t, b)
			if diff := cmp.Diff(append([]string{"."}, tc.want...), names(headers)); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestTreeRulesUnreadable(t *testing.T) {
	src := newTree(map[string]string{".sourceignore": "x"})
	src.failOn = ".sourceignore"
	if _, err := archive.TreeRules(t.Context(), src, ""); !errors.Is(err, archive.ErrRules) {
		t.Errorf("unreadable file: got %v, want ErrRules", err)
	}
	large := newTree(map[string]string{".sourceignore": strings.Repeat("x\n", 1<<20)})
	if _, err := archive.TreeRules(t.Context(), large, ""); !errors.Is(err, archive.ErrRules) {
		t.Errorf("oversized file: got %v, want ErrRules", err)
	}
}

func FuzzTreeRules(f *testing.F) {
	f.Add("/*\n!/deploy", "deploy/a")
	f.Add("[", "a/b/c")
	f.Add("**/x/**\n!\n/", "x")
	f.Fuzz(func(t *testing.T, text, path string) {
		rules, err := archive.TreeRules(t.Context(), newTree(nil), text)
		if err != nil {
			t.Fatal(err)
		}
		rules.Excludes(path, true)
		rules.Excludes(path, false)
	})
}

func TestTreeRulesLimitsTogether(t *testing.T) {
	for name, text := range map[string]string{
		"Bytes":    "#" + strings.Repeat("x", 200<<10) + "\n",
		"Patterns": strings.Repeat("x\n", 2000),
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{}
			for i := range 6 {
				files[strings.Repeat("d", i+1)+"/.sourceignore"] = text
			}
			if _, err := archive.TreeRules(t.Context(), newTree(files), ""); !errors.Is(err, archive.ErrRules) {
				t.Errorf("got %v", err)
			}
		})
	}
}
