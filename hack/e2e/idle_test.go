// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/hack/local/controllers"
)

// TestRestartIdle restarts all controllers when nothing has changed. They look at everything once, and change and tell nothing at all.
func TestRestartIdle(t *testing.T) {
	l := newLoop(t, 5)
	l.eventually(t, func() error { return l.settled(t) })
	before, head := l.rest(t), l.head(t)

	for _, c := range l.controllers {
		must(t, c.Stop())
	}
	for _, name := range controllers.Names() {
		must(t, l.controllers[name].Restart(t.Context()))
	}
	l.eventually(t, func() error {
		for _, o := range l.looked() {
			if err := l.reconciled(t, l.controllers[o.controller].Metrics, o.kind, o.name); err != nil {
				return err
			}
		}
		return nil
	})
	after := l.rest(t)
	for _, s := range []state{before, after} {
		// Its status says when it ran last.
		delete(s.Versions, id{group: imagev1.Group, kind: imagev1.ImageUpdateAutomationKind, namespace: system, name: image}.String())
		// What is for commit statuses only is told after every run.
		maps.DeleteFunc(s.Events, func(key string, _ int) bool { return strings.HasSuffix(key, statusOnly) })
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("a restart changes nothing, tells nothing and repeats no message: -before +after\n%s", diff)
	}
	must(t, l.settled(t))
	if now := l.head(t); now != head {
		t.Errorf("a restart commits nothing: the branch was at %s, is at %s", head, now)
	}
	for _, name := range controllers.Names() {
		l.expectRequests(t, name)
	}
}

// state is what stays as it is while nothing happens.
type state struct {
	// Versions are those of all objects, Events how often each was posted, Messages how many people got.
	Versions map[string]string
	Events   map[string]int
	Messages int
}

// rest waits until nobody has anything to do and nothing changes from one look to the next, as what was done last may still be on its way to those
// who are told of it, and returns the state.
func (l *loop) rest(t *testing.T) (now state) {
	t.Helper()
	var before state
	l.eventually(t, func() error {
		if err := errors.Join(l.quiet(t), l.delivered()); err != nil {
			return err
		}
		before, now = now, state{Versions: l.versions(t, client.MatchingLabelsSelector{Selector: labels.Everything()}), Messages: l.messages(opsChannel)}
		now.Events, _ = l.intake.events()
		if diff := cmp.Diff(before, now); diff != "" {
			return fmt.Errorf("something changes: -before +now\n%s", diff)
		}
		return l.quiet(t)
	})
	return now
}

// looked lists by controller objects that it has to look at when it starts.
func (l *loop) looked() (all []struct{ controller, kind, name string }) {
	add := func(controller, kind string, names ...string) {
		for _, name := range names {
			all = append(all, struct{ controller, kind, name string }{controller, kind, name})
		}
	}
	add(controllers.Source, sourcev1.GitRepositoryKind, source)
	add(controllers.Source, sourcev1.HelmRepositoryKind, repositoryOfCharts)
	add(controllers.Source, sourcev1.OCIRepositoryKind, artifacts)
	add(controllers.Kustomize, kustomizev1.KustomizationKind, l.fleet.apps()...)
	for release := range l.fleet[releases] {
		add(controllers.Helm, helmv2.HelmReleaseKind, release.name)
		add(controllers.Source, sourcev1.HelmChartKind, system+"-"+release.name)
	}
	add(controllers.Image, imagev1.ImageRepositoryKind, image)
	add(controllers.Image, imagev1.ImagePolicyKind, image)
	add(controllers.Image, imagev1.ImageUpdateAutomationKind, image)
	add(controllers.Notification, notificationv1.ReceiverKind, gitHook, chartHook, registryHook)
	return all
}

// expectRequests sees that a controller has asked the API server for little since it started: to list and watch its kinds, to read each object
// once, and to compare what it manages in dry runs, which are patches.
func (l *loop) expectRequests(t *testing.T, name string) {
	t.Helper()
	lines, err := scrape(t.Context(), l.controllers[name].Metrics, "rest_client_requests_total{")
	must(t, err)
	sum := 0
	for _, line := range lines {
		labels, count, _ := strings.Cut(strings.TrimSpace(line), "} ")
		n, err := strconv.Atoi(count)
		must(t, err)
		if sum += n; strings.Contains(labels, "POST") || strings.Contains(labels, "PUT") || strings.Contains(labels, "DELETE") {
			t.Errorf("%s wrote something: %s", name, line)
		}
	}
	objects := len(l.fleet.flat())
	limit := map[string]int{controllers.Kustomize: 60 + 2*objects, controllers.Helm: 40 + 2*releaseCount*(releaseMaps+3)}[name]
	if limit == 0 {
		limit = 30
	}
	if t.Logf("%s: %d requests", name, sum); sum > limit {
		t.Errorf("%s made %d requests, of which %d are plenty:\n%s", name, sum, limit, strings.Join(lines, ""))
	}
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

// quiet is nil when all controllers have nothing to do.
func (m *machine) quiet(t *testing.T) error {
	t.Helper()
	for _, c := range m.controllers {
		for _, gauge := range []string{"workqueue_depth", "controller_runtime_active_workers"} {
			lines, err := scrape(t.Context(), c.Metrics, gauge+"{")
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
