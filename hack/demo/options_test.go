// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

func TestCheck(t *testing.T) {
	complete := t.TempDir()
	for _, path := range []string{
		"manifests/install/x", "bin/weir-cluster", "bin/source-controller", "bin/kustomize-controller", "bin/helm-controller",
		"bin/notification-controller", "bin/image-automation-controller",
	} {
		path = filepath.Join(complete, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := (options{root: complete}).check(); err != nil {
		t.Errorf("everything is there: %v", err)
	}
	if err := os.Remove(filepath.Join(complete, "bin/helm-controller")); err != nil {
		t.Fatal(err)
	}
	for root, want := range map[string]string{complete: "helm-controller is not built", t.TempDir(): "is not the folder of this project"} {
		if err := (options{root: root}).check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
	t.Setenv("PATH", t.TempDir())
	if err := (options{root: complete}).check(); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("error %v, want one about git", err)
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
