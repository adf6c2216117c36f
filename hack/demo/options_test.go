// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"path/filepath"
	"testing"
)

func TestParse(t *testing.T) {
	cases := map[string]struct {
		reason string
		args   []string
		ok     bool
	}{
		"Defaults":       {"Nothing has to be said.", nil, true},
		"Own":            {"A repository and a folder in it.", []string{"--repo", "https://a.invalid/b", "--dir", "deploy"}, true},
		"DirAlone":       {"A folder without a repository names nothing.", []string{"--dir", "deploy"}, false},
		"UnknownCluster": {"There are two kinds of cluster.", []string{"--cluster", "prod"}, false},
		"Argument":       {"A forgotten dash is an error, not a default.", []string{"once"}, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o, err := parse(tc.args)
			if (err == nil) != tc.ok {
				t.Errorf("%s\nerror %v", tc.reason, err)
			}
			if err == nil && !filepath.IsAbs(o.data) {
				t.Errorf("data folder %s, want an absolute path: the controllers are told about it", o.data)
			}
		})
	}
}

func TestPrepareRefusesTwo(t *testing.T) {
	o := options{data: t.TempDir()}
	if err := o.prepare(); err != nil {
		t.Fatal(err)
	}
	if err := o.prepare(); err == nil {
		t.Error("a second demo with the same data folder has to be refused")
	}
}
