// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weir-gitops/weir/hack/local/controllers"
)

// TestFailover runs two replicas of a controller. When the one that leads is killed in the middle of a change, the other goes on with it.
func TestFailover(t *testing.T) {
	m, f := bringUp(t), newFleet(5)
	must(t, m.controllers[controllers.Kustomize].Stop())
	delete(m.controllers, controllers.Kustomize)
	for _, replica := range []string{"a", "b"} {
		m.controllers[replica] = m.run(t, controllers.Kustomize, func(o *controllers.Options) {
			o.Events, o.Dir, o.Log = m.intake.url, o.Dir+replica, o.Log+replica
			// Short, so that a test need not wait, but long enough for a leader on a machine that is busy to keep its lease.
			o.Flags = []string{
				"--enable-leader-election", "--leader-election-lease-duration=12s", "--leader-election-renew-deadline=10s", "--leader-election-retry-period=1s",
			}
		})
	}
	f.write(t, m.clone.Dir)
	m.follow(t, f)
	revision := m.push(t, "first")
	m.eventually(t, func() error { return m.ready(t.Context(), revision) })
	m.expectLive(t, f)

	var leader string
	m.eventually(t, func() (err error) { leader, err = m.leader(t, "a", "b"); return err })
	for app := range f {
		for object := range f[app] {
			f[app][object] = "2"
		}
	}
	f.write(t, m.clone.Dir)
	revision = m.push(t, "change everything")
	m.eventually(t, func() error { return m.seen(t.Context(), revision) })
	must(t, m.controllers[leader].Kill())
	delete(m.controllers, leader)

	m.eventually(t, func() error { return m.ready(t.Context(), revision) })
	m.expectLive(t, f)
	// The one that was killed may have been through with the change, so that the other is not needed for it.
	m.eventually(t, func() error { _, err := m.leader(t, "a", "b"); return err })
	for app := range f {
		for object := range f[app] {
			f[app][object] = "3"
		}
	}
	f.write(t, m.clone.Dir)
	revision = m.push(t, "change everything once more")
	m.eventually(t, func() error { return m.ready(t.Context(), revision) })
	m.expectLive(t, f)
}

// leader finds out which of the replicas that run leads.
func (m *machine) leader(t *testing.T, replicas ...string) (string, error) {
	t.Helper()
	var leaders []string
	for _, replica := range replicas {
		if m.controllers[replica] == nil {
			continue
		}
		lines, err := scrape(t.Context(), m.controllers[replica].Metrics, "leader_election_master_status{")
		if err != nil {
			return "", err
		}
		for _, line := range lines {
			if strings.HasSuffix(strings.TrimSpace(line), " 1") {
				leaders = append(leaders, replica)
			}
		}
	}
	if len(leaders) != 1 {
		return "", fmt.Errorf("these lead: %v", leaders)
	}
	return leaders[0], nil
}
