// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/hack/local/chat"
)

const (
	// stepTimeout bounds each wait of the tour. What is waited for takes a second or two.
	stepTimeout = 2 * time.Minute
	// lookInterval is how often it is looked for, which is what the times are exact to.
	lookInterval = 25 * time.Millisecond
)

// tour shows what happens to the example fleet, step by step. Each field names the step that sets it.
type tour struct {
	*demo

	out    func(format string, args ...any)
	broken string // breakProduction: the commit
}

// step is one of them: something is done, and its effect has to come true.
type step struct {
	name  string
	about string
	run   func(context.Context) error
}

func (t *tour) steps() []step {
	return []step{
		{"push", "production is to greet differently; only what that touches is applied", t.push},
		{"drift", "somebody edits live objects by hand", t.drift},
		{"broken manifest", "production is to run 'many' replicas", t.breakProduction},
		{"new image", "the registry gets podinfo " + newTag, t.newImage},
		{"rollback", "git revert of the broken manifest", t.rollback},
	}
}

// takeTour takes every step, one after the other, and says what happened and how long it took.
func (d *demo) takeTour(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := d.ended()
	go func() {
		select {
		case err := <-ended:
			cancel(err)
		case <-ctx.Done():
		}
	}()
	t := &tour{demo: d, out: func(format string, args ...any) { fmt.Printf("   "+format+"\n", args...) }}
	began := time.Now()
	fmt.Println("\nThe tour")
	steps := t.steps()
	for i, s := range steps {
		fmt.Printf("\n%d. %s: %s\n", i+1, s.name, s.about)
		if err := s.run(ctx); err != nil {
			return fmt.Errorf("tour, step %d, %s: %w", i+1, s.name, err)
		}
	}
	fmt.Printf("\nall %d steps came true, in %.1fs\n", len(steps), time.Since(began).Seconds())
	return nil
}

// await looks until a check finds what it looks for, and returns how long that took. The check says what is missing.
func await(ctx context.Context, check func(context.Context) error) (time.Duration, error) {
	began := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, stepTimeout, fmt.Errorf("not within %s", stepTimeout))
	defer cancel()
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	for {
		missing := check(ctx)
		if missing == nil {
			return time.Since(began), nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, errors.Join(context.Cause(ctx), missing)
		}
	}
}

// commit pushes the clone as it is on top of what others have pushed, and returns the commit.
func (t *tour) commit(ctx context.Context, message string) (string, error) {
	hash, err := t.clone.Push(ctx, message)
	if err == nil {
		t.out("pushed %s %q; webhooks told the Receivers", short(hash), message)
	}
	return hash, err
}

// heard waits for a message in a channel that comes after so many others.
func (t *tour) heard(ctx context.Context, after int, channel string, like func(chat.Message) bool) (chat.Message, error) {
	var found chat.Message
	_, err := await(ctx, func(context.Context) error {
		for _, m := range t.chat.Messages()[after:] {
			if m.Path == channel && like(m) {
				found = m
				return nil
			}
		}
		return fmt.Errorf("nothing of it was said in %s", channel)
	})
	return found, err
}

// get reads an object of the cluster.
func (t *tour) get(ctx context.Context, object client.Object, namespace, name string) error {
	return t.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, object)
}

// short is how people write a commit.
func short(commit string) string { return commit[:min(len(commit), shortDigits)] }

// shortDigits is how many digits of a commit people write.
const shortDigits = 8
