// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/hack/local/controllers"
)

const (
	// seedVariable repeats a run of TestKill: a number that an earlier run printed.
	seedVariable = "WEIR_E2E_SEED"
	// changes is how many commits TestKill makes, with a kill after each.
	changes = 15
	// maxDelay is the longest time from a push, or from its artifact, to the kill. Applying a change takes about half a second.
	maxDelay = 700 * time.Millisecond
)

// TestKill changes a fleet again and again while controllers are killed in the middle of it. In the end the cluster holds exactly what the
// repository says.
func TestKill(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if given := os.Getenv(seedVariable); given != "" {
		var err error
		seed, err = strconv.ParseUint(given, 10, 64)
		must(t, err)
	}
	t.Logf("%s=%d", seedVariable, seed)
	c := &chaos{machine: bringUp(t), Rand: rand.New(rand.NewPCG(seed, 0)), fleet: newFleet(20)}

	c.fleet.write(t, c.clone.Dir)
	c.follow(t, c.fleet)
	revision := c.push(t, "first")
	c.kill(t, c.kustomize) // while everything is applied for the first time
	c.eventually(t, func() error { return c.ready(t.Context(), revision) })
	c.expectLive(t, c.fleet)
	foreign := c.strangers(t)

	kills := 1
	for n := range changes {
		what := c.change(n)
		c.fleet.write(t, c.clone.Dir)
		revision = c.push(t, what)
		victims := c.strike(t, revision)
		kills += len(victims)
		t.Logf("%d: %s, killed %s", n, what, strings.Join(victims, " and "))
		if c.IntN(3) == 0 { // else the next change comes while this one is on its way
			c.eventually(t, func() error { return c.ready(t.Context(), revision) })
		}
	}
	c.pushed(t)
	c.eventually(t, func() error { return c.ready(t.Context(), revision) })
	t.Logf("%d changes, %d kills", changes, kills)

	c.expectLive(t, c.fleet)
	c.expectArtifact(t)
	if diff := cmp.Diff(foreign, c.versions(t, client.HasLabels{foreignLabel})); diff != "" {
		t.Errorf("objects of others were touched: -before +after\n%s", diff)
	}
}

// foreignLabel marks objects that no repository knows.
const foreignLabel = "e2e.example.com/foreign"

// chaos is a machine whose fleet changes at random.
type chaos struct {
	*machine
	*rand.Rand
	fleet fleet
}

// strangers makes objects among those of the fleet that belong to somebody else, and returns their versions.
func (c *chaos) strangers(t *testing.T) map[string]string {
	t.Helper()
	for n, labels := range []map[string]string{
		{foreignLabel: "plain"},
		{foreignLabel: "owned", kustomizev1.NameLabel: "app-02", kustomizev1.NamespaceLabel: "elsewhere"},
	} {
		must(t, c.client.Create(t.Context(), &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: "team-2", Name: fmt.Sprintf("stranger-%d", n), Labels: labels},
		}))
	}
	return c.versions(t, client.HasLabels{foreignLabel})
}

// change makes one change of the fleet and says what it was. Most concern few applications, some all of them.
func (c *chaos) change(n int) string {
	value := strconv.Itoa(n + 2)
	app, other := c.pick(), c.pick()
	first := c.fleet.ids(app)
	switch c.IntN(7) {
	case 0:
		for _, app := range c.fleet.apps() {
			for object := range c.fleet[app] {
				c.fleet[app][object] = value
			}
		}
		return "change everything"
	case 1:
		for object := range c.fleet[app] {
			c.fleet[app][object] = value
		}
		return "change " + app
	case 2:
		for i := range 5 {
			c.fleet[app][object("ConfigMap", "team-3", fmt.Sprintf("%s-new-%d-%d", app, n, i))] = value
		}
		return "add objects to " + app
	case 3:
		for _, object := range first[:min(len(first), 4)] {
			delete(c.fleet[app], object)
		}
		return "remove objects of " + app
	case 4:
		for _, object := range first[:min(len(first), 2)] {
			was := c.fleet[app][object]
			delete(c.fleet[app], object)
			object.name += "-renamed"
			c.fleet[app][object] = was
		}
		return "rename objects of " + app
	case 5:
		for _, object := range first[:min(len(first), 2)] {
			c.fleet[other][object] = c.fleet[app][object]
			if other != app {
				delete(c.fleet[app], object)
			}
		}
		return "move objects of " + app + " to " + other
	default:
		clear(c.fleet[app])
		return "remove everything of " + app
	}
}

// pick chooses an application whose objects may come and go: not the base, nor the two with special objects.
func (c *chaos) pick() string {
	apps := c.fleet.apps() // app-00, app-01, …, base
	return apps[2+c.IntN(len(apps)-3)]
}

// strike kills one controller or both at a random moment: after the push, or after the source has seen it, which is when it is applied.
func (c *chaos) strike(t *testing.T, revision string) (names []string) {
	t.Helper()
	if c.IntN(2) == 0 {
		c.eventually(t, func() error {
			var repository sourcev1.GitRepository
			err := c.client.Get(t.Context(), client.ObjectKey{Namespace: system, Name: source}, &repository)
			if err == nil && (repository.GetArtifact() == nil || repository.GetArtifact().Revision != revision) {
				err = fmt.Errorf("%s has not seen %s: %+v", source, revision, repository.Status)
			}
			return err
		})
	}
	time.Sleep(c.N(maxDelay))
	victims := [][]*controllers.Controller{{c.kustomize}, {c.kustomize}, {c.kustomize}, {c.source}, {c.source, c.kustomize}}[c.IntN(5)]
	for _, v := range victims {
		names = append(names, v.Name())
	}
	c.kill(t, victims...)
	return names
}

// N is a random duration.
func (c *chaos) N(limit time.Duration) time.Duration { return time.Duration(c.Int64N(int64(limit))) }
