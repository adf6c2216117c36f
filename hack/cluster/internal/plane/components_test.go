// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package plane

import (
	"strings"
	"testing"

	"github.com/weir-gitops/weir/hack/cluster/internal/instance"
	"github.com/weir-gitops/weir/hack/cluster/internal/role"
)

func TestHealthOf(t *testing.T) {
	cases := map[string]struct {
		component instance.Component
		want      string
	}{
		"Etcd":              {instance.Component{Name: role.Etcd}, "http://etcd.sock/health"},
		"APIServer":         {instance.Component{Name: role.APIServer, Port: 1}, "https://127.0.0.1:1/readyz"},
		"ControllerManager": {instance.Component{Name: role.ControllerManager, Port: 2}, "https://127.0.0.1:2/healthz"},
		"Scheduler":         {instance.Component{Name: role.Scheduler, Port: 3}, "https://127.0.0.1:3/readyz"},
		"Kwok":              {instance.Component{Name: kwokName, Port: 4}, "http://127.0.0.1:4/healthz"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := healthOf(tc.component); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestAuditIsOnDemand(t *testing.T) {
	for _, audit := range []bool{false, true} {
		line := strings.Join(apiServer(Options{Folder: "/data", Audit: audit}, 1).args, " ")
		if got := strings.Contains(line, "--audit-log-path=/data/audit.log"); got != audit {
			t.Errorf("audit %t: %s", audit, line)
		}
	}
}
