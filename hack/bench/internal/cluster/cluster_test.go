// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weir-gitops/weir/hack/bench/internal/proc"
)

// script makes a stand-in for weir-cluster that logs its arguments.
func script(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "weir-cluster")
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho \"$@\" >>\"$0.log\"\n"+body), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCluster(t *testing.T) {
	binary := script(t, `case $1 in
up) echo '{"kubeconfig":"/k","auditLog":"/a","pids":{"etcd":4000000,"supervisor":4000001}}';;
kubeconfig) echo 'apiVersion: v1';;
esac
`)
	dir := filepath.Join(t.TempDir(), "data")
	c, err := Up(t.Context(), Options{Binary: binary, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if c.Kubeconfig != "/k" || c.AuditLog != "/a" {
		t.Errorf("cluster %+v", c)
	}
	if got := c.PIDs(proc.FS{Root: "/proc"}); !slices.Equal(got, []int{4000000, 4000001}) {
		t.Errorf("processes %v", got)
	}
	path, err := c.Identity(t.Context(), "flux-system", "source-controller")
	if err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "apiVersion: v1\n" {
		t.Errorf("kubeconfig %q, error %v", data, err)
	}
	if err := c.Down(t.Context()); err != nil {
		t.Error(err)
	}
	log, err := os.ReadFile(binary + ".log")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"--audit", "--with-parent=", "--data=" + dir, "--service-account=flux-system/source-controller", "down "} {
		if !strings.Contains(string(log), want) {
			t.Errorf("%q is missing among the commands:\n%s", want, log)
		}
	}
}

func TestUpRefuses(t *testing.T) {
	cases := map[string]struct{ reason, body, want string }{
		"Fails":   {reason: "The command's own message is shown.", body: "echo no memory >&2; exit 1", want: "no memory"},
		"NoJSON":  {reason: "Text is no report.", body: "echo up", want: "parse"},
		"NoAudit": {reason: "Without an audit log nothing can be counted.", body: `echo '{"kubeconfig":"/k"}'`, want: "no audit log"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Up(t.Context(), Options{Binary: script(t, tc.body), Dir: t.TempDir()})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s\nerror %v, want %q in it", tc.reason, err, tc.want)
			}
		})
	}
}
