// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package outbox

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gitops/weir/kit/testkit"
)

// TestRefusesAtTheEnd ends the process before the outbox has begun to work, as while the caches wait for an API server that does not answer: nothing
// more is taken.
func TestRefusesAtTheEnd(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	dir := t.TempDir()
	h := newHandler()
	b, err := Open(ctx, options(dir, h))
	if err != nil {
		t.Fatal(err)
	}
	appendAll(t, b, "x", "slack:1")
	end()
	testkit.Eventually(t, "entries are refused", func() bool { return errors.Is(b.Append("x", []byte("slack:2")), ErrClosed) })
	start(t, b)()
	start(t, openBox(t, dir, h))
	h.wait(t, 1) // what was taken before is delivered, by this process or the next
}

// TestTakenAtTheEnd lets the end come while an entry is on its way to the disk: what is taken is delivered before the outbox is closed.
func TestTakenAtTheEnd(t *testing.T) {
	h := newHandler()
	o := options(t.TempDir(), h)
	o.Drain = testkit.Patience
	b, err := Open(context.WithoutCancel(t.Context()), o)
	if err != nil {
		t.Fatal(err)
	}
	stop := start(t, b)
	taken, goOn := appendSlowly(t, b)
	ended := make(chan struct{})
	go func() { stop(); close(ended) }()
	testkit.Eventually(t, "no more are taken", func() bool {
		b.store.mu.Lock()
		defer b.store.mu.Unlock()
		return b.store.refusing
	})
	goOn()
	if err := <-taken; err != nil {
		t.Errorf("the entry was refused: %v", err)
	}
	<-ended
	if diff := cmp.Diff([]string{"slack:1", "slack:2"}, h.got("slack")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestDiskHangs lets the end come while the disk does not answer: the process ends all the same, and the next one delivers what got there.
func TestDiskHangs(t *testing.T) {
	dir := t.TempDir()
	b := openBox(t, dir, newHandler())
	stop := start(t, b)
	taken, goOn := appendSlowly(t, b)
	stop()
	goOn()
	if err := <-taken; err == nil {
		t.Error("an entry that the disk did not confirm was taken")
	}
	h := newHandler()
	start(t, openBox(t, dir, h))
	h.wait(t, 1)
	if diff := cmp.Diff([]string{"slack:2"}, h.got("slack")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// appendSlowly has one entry delivered, and returns while the next is on its way to a disk that takes its time until goOn is called.
func appendSlowly(t *testing.T, b *Box) (taken <-chan error, goOn func()) {
	t.Helper()
	waiting := func(n int) func() bool {
		return func() bool { entries, _ := b.store.usage(); return entries == n }
	}
	appendAll(t, b, "x", "slack:1")
	testkit.Eventually(t, "the first is delivered", waiting(0))
	b.store.mu.Lock()
	disk := &b.store.current.flushing
	b.store.mu.Unlock()
	disk.Lock()
	result := make(chan error, 1)
	go func() { result <- b.Append("x", []byte("slack:2")) }()
	testkit.Eventually(t, "the second is written", waiting(1))
	return result, disk.Unlock
}
