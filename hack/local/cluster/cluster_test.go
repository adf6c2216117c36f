// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
	program := script(t, `case $1 in
up) echo '{"kubeconfig":"/k","auditLog":"/a","pids":{"etcd":1,"supervisor":2},"server":"https://s","version":"v1"}';;
esac
`)
	dir := filepath.Join(t.TempDir(), "data")
	c, err := Up(t.Context(), Options{Program: program, Dir: dir, Audit: true})
	if err != nil {
		t.Fatal(err)
	}
	if c.Kubeconfig != "/k" || c.AuditLog != "/a" || c.Server != "https://s" || c.Version != "v1" {
		t.Errorf("cluster %+v", c)
	}
	if diff := cmp.Diff(map[string]int{"etcd": 1, "supervisor": 2}, c.Processes); diff != "" {
		t.Errorf("processes: -want +got\n%s", diff)
	}
	path, err := c.Identity(t.Context(), "flux-system", "source-controller")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Down(t.Context()); err != nil {
		t.Error(err)
	}
	log, err := os.ReadFile(program + ".log")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"--audit", "--with-parent=", "--data=" + dir, "--service-account=flux-system/source-controller --output=" + path, "down "} {
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
			_, err := Up(t.Context(), Options{Program: script(t, tc.body), Dir: t.TempDir(), Audit: true})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s\nerror %v, want %q in it", tc.reason, err, tc.want)
			}
		})
	}
}
