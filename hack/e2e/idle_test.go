// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
)

// TestRestartIdle restarts both controllers when nothing has changed. They look at everything once and write nothing at all.
func TestRestartIdle(t *testing.T) {
	m, f := bringUp(t), newFleet(5)
	f.write(t, m.clone.Dir)
	m.follow(t, f)
	revision := m.push(t, "first")
	m.eventually(t, func() error { return m.ready(t.Context(), revision) })
	m.eventually(t, func() error { return m.quiet(t) })
	everything := client.MatchingLabelsSelector{Selector: labels.Everything()}
	before := m.versions(t, everything)

	must(t, m.source.Stop())
	must(t, m.kustomize.Stop())
	must(t, m.source.Restart(t.Context()))
	must(t, m.kustomize.Restart(t.Context()))
	m.eventually(t, func() error {
		seen := []error{m.reconciled(t, m.source.Metrics, sourcev1.GitRepositoryKind, source)}
		for _, app := range f.apps() {
			seen = append(seen, m.reconciled(t, m.kustomize.Metrics, kustomizev1.KustomizationKind, app))
		}
		for _, err := range seen {
			if err != nil {
				return err
			}
		}
		return m.quiet(t)
	})
	if diff := cmp.Diff(before, m.versions(t, everything)); diff != "" {
		t.Errorf("a restart changes nothing: -before +after\n%s", diff)
	}
	must(t, m.ready(t.Context(), revision))
}

// reconciled is nil when a controller has looked at an object since it started.
func (m *machine) reconciled(t *testing.T, metrics, kind, name string) error {
	t.Helper()
	lines, err := scrape(t.Context(), metrics, "gotk_reconcile_duration_seconds_count{kind=\""+kind+"\",name=\""+name+"\"")
	if err == nil && len(lines) == 0 {
		err = fmt.Errorf("%s %s was not looked at", kind, name)
	}
	return err
}

// quiet is nil when both controllers have nothing to do.
func (m *machine) quiet(t *testing.T) error {
	t.Helper()
	for _, metrics := range []string{m.source.Metrics, m.kustomize.Metrics} {
		for _, gauge := range []string{"workqueue_depth", "controller_runtime_active_workers"} {
			lines, err := scrape(t.Context(), metrics, gauge+"{")
			if err != nil {
				return err
			}
			for _, line := range lines {
				if !strings.HasSuffix(strings.TrimSpace(line), " 0") {
					return fmt.Errorf("still at work: %s", line)
				}
			}
		}
	}
	return nil
}
