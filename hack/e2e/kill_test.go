// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
)

const (
	// seedVariable says which run of TestKill it is to be: a number, or random for one that nobody has seen yet. Without it the run is always the
	// same, so that a change of ours is judged by what it does and not by the run it gets.
	seedVariable, defaultSeed, randomSeed = "WEIR_E2E_SEED", "1", "random"
	// changes is how many changes TestKill makes.
	changes = 50
	// maxPause is the longest time between two changes. Applying one takes about half a second.
	maxPause = 1200 * time.Millisecond
	// maxLife is the longest time between two kills, maxDeath the longest time that a controller stays away.
	maxLife, maxDeath = 1500 * time.Millisecond, 800 * time.Millisecond
)

// TestKill changes everything that can change, again and again, while each of the five controllers is killed and started again at any moment. In
// the end the cluster holds exactly what Git, charts and registry say, and nothing was lost or done twice on the way.
func TestKill(t *testing.T) {
	seed := rand.Uint64()
	if given := cmp.Or(os.Getenv(seedVariable), defaultSeed); given != randomSeed {
		var err error
		seed, err = strconv.ParseUint(given, 10, 64)
		must(t, err)
	}
	t.Logf("%s=%d", seedVariable, seed)
	c := &chaos{loop: newLoop(t, 8), Rand: rand.New(rand.NewPCG(seed, 0))}
	k := c.startKiller(seed) // while everything is applied for the first time
	defer k.stop()
	c.eventually(t, func() error {
		return errors.Join(k.err(), c.client.Get(t.Context(), client.ObjectKey{Name: "team-2"}, &corev1.Namespace{}))
	})
	foreign := c.strangers(t)
	for n, kind := range c.deck() {
		t.Logf("%d: %s", n, c.change(t, kind, strconv.Itoa(n+2)))
		if c.IntN(5) == 0 && c.whole() { // else the next change comes while this one is on its way
			c.eventually(t, func() error { return errors.Join(c.ready(t.Context(), c.head(t)), k.err()) })
		}
		time.Sleep(c.N(maxPause))
		must(t, k.err())
	}
	c.mend(t)
	c.eventually(t, func() error { return errors.Join(k.killedAll(), k.err()) })
	k.stop()
	must(t, k.err())
	t.Logf("%d changes, kills: %v; webhooks refused: %v", changes, k.kills, c.hooks.refused())

	c.eventually(t, func() error {
		if err := errors.Join(c.settled(t), c.quiet(t)); err != nil {
			return err
		}
		return c.settled(t) // and it stays like that
	})
	c.expectLive(t, c.fleet)
	c.expectArtifact(t)
	c.expectCommits(t)
	c.eventually(t, c.delivered)
	c.expectMessage(t)
	if diff := gocmp.Diff(foreign, c.versions(t, client.HasLabels{foreignLabel})); diff != "" {
		t.Errorf("objects of others were touched: -before +after\n%s", diff)
	}
	posted, accepted := c.intake.events()
	t.Logf("%d events posted, %d accepted, %d messages", len(posted), len(accepted), len(c.chat.Messages()))
}

// foreignLabel marks objects that no repository knows.
const foreignLabel = "e2e.example.com/foreign"

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

// killer kills controllers until it is stopped.
type killer struct {
	*machine
	*rand.Rand
	kills map[string]int

	cancel context.CancelFunc
	done   chan struct{}
	failed error // set before done is closed
}

func (m *machine) startKiller(seed uint64) *killer {
	ctx, cancel := context.WithCancel(context.Background())
	k := &killer{
		machine: m, Rand: rand.New(rand.NewPCG(seed, 1)), kills: map[string]int{},
		cancel: cancel, done: make(chan struct{}),
	}
	go func() {
		defer close(k.done)
		k.failed = k.run(ctx)
	}()
	return k
}

// stop waits until every controller runs again.
func (k *killer) stop() {
	k.cancel()
	<-k.done
}

// err is what went wrong while killing.
func (k *killer) err() error {
	select {
	case <-k.done:
		return k.failed
	default:
		return nil
	}
}

// killedAll is nil once every controller was killed.
func (k *killer) killedAll() error {
	k.restarting.Lock()
	defer k.restarting.Unlock()
	for name := range k.controllers {
		if k.kills[name] == 0 {
			return fmt.Errorf("%s was not killed yet", name)
		}
	}
	return nil
}

// run kills each controller in turn, in another order each time, at random moments, sometimes two at once.
func (k *killer) run(ctx context.Context) error {
	names := slices.Sorted(maps.Keys(k.controllers))
	for {
		k.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		for left := names; len(left) > 0; {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(time.Duration(k.Int64N(int64(maxLife)))):
			}
			victims := left[:min(len(left), 1+k.IntN(5)/4)]
			left = left[len(victims):]
			if err := k.kill(victims, time.Duration(k.Int64N(int64(maxDeath)))); err != nil {
				return err
			}
		}
	}
}

// kill ends controllers as the kernel does when memory runs out, and starts them again after a while.
func (k *killer) kill(victims []string, away time.Duration) error {
	k.restarting.Lock()
	defer k.restarting.Unlock()
	if err := k.ended(); err != nil {
		return err
	}
	for _, name := range victims {
		if err := k.controllers[name].Kill(); err != nil {
			return err
		}
		k.kills[name]++
	}
	time.Sleep(away)
	for _, name := range victims {
		if err := k.controllers[name].Restart(context.Background()); err != nil {
			return err
		}
	}
	return nil
}

// expectCommits sees that each tag was committed once, and nothing else by the automation.
func (c *chaos) expectCommits(t *testing.T) {
	t.Helper()
	_, err := c.clone.Git(t.Context(), "pull", "--quiet", "--rebase", "origin", "main")
	must(t, err)
	out, err := c.clone.Git(t.Context(), "log", "--reverse", "--author="+author, "--format=format:commit", "--unified=0", "-p")
	must(t, err)
	commits, tags := 0, map[string]int{}
	for line := range strings.Lines(out) {
		if line == "commit\n" {
			commits++
		}
		if _, rest, found := strings.Cut(line, valueKey+": "); found && line[0] == '+' {
			tag, _, _ := strings.Cut(rest, " ")
			tags[tag]++
		}
	}
	want := map[string]int{}
	for n := range c.images {
		want[fmt.Sprintf("1.0.%d", n+1)] = len(imageObjects())
	}
	if diff := gocmp.Diff(want, tags); diff != "" || commits != c.images {
		t.Errorf("%d tags were pushed, the automation made %d commits; lines written by tag: -want +got\n%s\n%s", c.images, commits, diff, out)
	}
}

// expectMessage sees that messages go to the channel that the Provider names now.
func (c *chaos) expectMessage(t *testing.T) {
	t.Helper()
	before := len(c.chat.Messages())
	c.fleet[releases][release(0)] = "last"
	c.fleet.write(t, c.clone.Dir)
	c.push(t, "last")
	c.eventually(t, func() error {
		for _, message := range c.chat.Messages()[before:] {
			if message.Path == c.ops && strings.Contains(message.Text, "release-0") {
				return nil
			}
		}
		return fmt.Errorf("no message about release-0 in %s", c.ops)
	})
}
