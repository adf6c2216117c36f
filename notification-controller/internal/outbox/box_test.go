// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package outbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/weir-gitops/weir/kit/testkit"
)

// handler routes every entry to the groups in the part of its body before a colon, and keeps what is delivered.
type handler struct {
	// deliver is called for every delivery; nil delivers.
	deliver func(ctx context.Context, e Entry, t Target) error

	mu        sync.Mutex
	delivered map[string][]string // by group
	arrived   chan struct{}
}

func newHandler() *handler {
	return &handler{delivered: make(map[string][]string), arrived: make(chan struct{}, 1<<16)}
}

func (h *handler) Route(_ context.Context, e Entry) ([]Target, error) {
	groups, _, _ := strings.Cut(string(e.Body), ":")
	var targets []Target
	for group := range strings.FieldsSeq(strings.ReplaceAll(groups, ",", " ")) {
		targets = append(targets, Target{Group: group, ID: group})
	}
	return targets, nil
}

func (h *handler) Deliver(ctx context.Context, e Entry, t Target) error {
	if h.deliver != nil {
		if err := h.deliver(ctx, e, t); err != nil {
			return err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.delivered[t.Group] = append(h.delivered[t.Group], string(e.Body))
	h.arrived <- struct{}{}
	return nil
}

func (h *handler) got(group string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.delivered[group])
}

// wait returns when that many deliveries were made.
func (h *handler) wait(t *testing.T, n int) {
	t.Helper()
	deadline := time.After(testkit.Patience)
	for i := range n {
		select {
		case <-h.arrived:
		case <-deadline:
			t.Fatalf("%d of %d deliveries", i, n)
		}
	}
}

func openBox(t *testing.T, dir string, h Handler) *Box {
	t.Helper()
	b, err := Open(context.WithoutCancel(t.Context()), options(dir, h))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// options describe an outbox that ends without a drain.
func options(dir string, h Handler) Options {
	return Options{Dir: dir, MaxBytes: MinBytes, Handler: h, Registerer: prometheus.NewRegistry(), Clock: time.Now, Log: logr.Discard()}
}

// start runs the outbox until the test ends or the returned function is called.
func start(t *testing.T, b *Box) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- b.Start(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("outbox ended: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func appendAll(t *testing.T, b *Box, key string, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if err := b.Append(key, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != lockFile {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestDelivery(t *testing.T) {
	dir := t.TempDir()
	h := newHandler()
	b := openBox(t, dir, h)
	appendAll(t, b, "x", "slack,teams:1", "slack:2", ":nobody") // before the start too
	stop := start(t, b)
	appendAll(t, b, "x", "slack,teams:3")
	h.wait(t, 5)
	stop()
	if diff := cmp.Diff([]string{"slack,teams:1", "slack:2", "slack,teams:3"}, h.got("slack")); diff != "" {
		t.Errorf("the order of one object must hold (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"slack,teams:1", "slack,teams:3"}, h.got("teams")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("everything is delivered, and there is %v", left)
	}
	if err := b.Append("x", []byte("slack:4")); !errors.Is(err, ErrClosed) {
		t.Errorf("error %v, want ErrClosed", err)
	}
}

// TestDeadService blocks all deliveries to one service: others go on, and no more than the limit wait for it.
func TestDeadService(t *testing.T) {
	var mu sync.Mutex
	running, most := 0, 0
	release := make(chan struct{})
	h := newHandler()
	h.deliver = func(ctx context.Context, _ Entry, target Target) error {
		if target.Group != "dead" {
			return nil
		}
		mu.Lock()
		running++
		most = max(most, running)
		mu.Unlock()
		defer func() { mu.Lock(); running--; mu.Unlock() }()
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	b := openBox(t, t.TempDir(), h)
	start(t, b)
	const objects = 20
	for i := range objects {
		appendAll(t, b, fmt.Sprint("object", i), "dead,well:1")
	}
	h.wait(t, objects)
	if got := len(h.got("well")); got != objects {
		t.Errorf("%d deliveries to the service that is well, want %d", got, objects)
	}
	close(release)
	h.wait(t, objects)
	if most > perGroup {
		t.Errorf("%d deliveries at once to one service, want at most %d", most, perGroup)
	}
}

// TestResume ends an outbox while deliveries fail to end, and lets the next one deliver what is left, and only that.
func TestResume(t *testing.T) {
	dir := t.TempDir()
	first := newHandler()
	reached := make(chan struct{}, 1)
	first.deliver = func(ctx context.Context, e Entry, target Target) error {
		if target.Group == "slow" || string(e.Body) == "quick:2" {
			reached <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}
	b := openBox(t, dir, first)
	stop := start(t, b)
	appendAll(t, b, "x", "quick,slow:1", "quick:2", "quick:3")
	first.wait(t, 1)
	<-reached
	<-reached
	stop()

	second := newHandler()
	b = openBox(t, dir, second)
	stop = start(t, b)
	second.wait(t, 3)
	stop()
	if diff := cmp.Diff([]string{"quick:2", "quick:3"}, second.got("quick")); diff != "" {
		t.Errorf("what was delivered must not be repeated, the rest comes in order (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"quick,slow:1"}, second.got("slow")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("everything is delivered, and there is %v", left)
	}
}

func TestFull(t *testing.T) {
	h := newHandler()
	b := openBox(t, t.TempDir(), h)
	body := "slack:" + strings.Repeat("x", 1<<20)
	taken := 0
	var err error
	for ; err == nil && taken < 100; taken++ {
		err = b.Append("x", []byte(body))
	}
	if taken--; !errors.Is(err, ErrFull) || taken < 6 {
		t.Fatalf("%d entries of 1 MiB taken, error %v, want ErrFull after the bound of 8 MiB", taken, err)
	}
	start(t, b)
	h.wait(t, taken)
	for {
		if err = b.Append("x", []byte(body)); err == nil {
			break
		}
		if !errors.Is(err, ErrFull) {
			t.Fatal(err)
		}
	}
	h.wait(t, 1)
}

func TestTooLarge(t *testing.T) {
	b := openBox(t, t.TempDir(), newHandler())
	start(t, b)
	if err := b.Append("x", make([]byte, MaxBody+1)); err == nil || errors.Is(err, ErrFull) {
		t.Errorf("error %v, want one that says it is too large", err)
	}
	appendAll(t, b, "x", ":"+strings.Repeat("x", MaxBody-1))
}

func TestLocked(t *testing.T) {
	dir := t.TempDir()
	stop := start(t, openBox(t, dir, newHandler()))
	if _, err := Open(t.Context(), options(dir, newHandler())); err == nil {
		t.Error("two processes got the same folder")
	}
	stop()
	start(t, openBox(t, dir, newHandler()))
}

func TestOpenRefuses(t *testing.T) {
	if _, err := Open(t.Context(), Options{Dir: t.TempDir()}); err == nil {
		t.Error("an outbox without a handler was opened")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), options(file, newHandler())); err == nil {
		t.Error("a file was taken for a folder")
	}
}

// TestPoison lets the handler panic: the entry is given up, the next is delivered.
func TestPoison(t *testing.T) {
	dir := t.TempDir()
	h := newHandler()
	h.deliver = func(_ context.Context, e Entry, _ Target) error {
		if strings.HasSuffix(string(e.Body), "poison") {
			panic("poison")
		}
		return nil
	}
	b := openBox(t, dir, h)
	stop := start(t, b)
	appendAll(t, b, "x", "slack:poison", "slack:2")
	h.wait(t, 1)
	stop()
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("poison stays in %v", left)
	}
}

// BenchmarkAppend measures how fast entries become durable, alone and in company.
func BenchmarkAppend(b *testing.B) {
	for _, senders := range []int{1, 8, 64} {
		b.Run(fmt.Sprint(senders), func(b *testing.B) {
			o := options(b.TempDir(), newHandler())
			o.MaxBytes = 1 << 30
			box, err := Open(b.Context(), o)
			if err != nil {
				b.Fatal(err)
			}
			body := []byte(":" + strings.Repeat("x", 1000))
			var wg sync.WaitGroup
			for i := range senders {
				wg.Go(func() {
					for range b.N / senders {
						if err := box.Append(fmt.Sprint(i), body); err != nil && !errors.Is(err, ErrFull) {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			if err := box.store.close(); err != nil {
				b.Error(err)
			}
		})
	}
}

// TestLargeEntries delivers large entries to many groups: no more than a few are in memory at once, and all arrive.
func TestLargeEntries(t *testing.T) {
	var mu sync.Mutex
	busy, most := 0, 0
	h := newHandler()
	h.deliver = func(context.Context, Entry, Target) error {
		mu.Lock()
		busy++
		most = max(most, busy)
		mu.Unlock()
		time.Sleep(time.Millisecond)
		mu.Lock()
		busy--
		mu.Unlock()
		return nil
	}
	var groups []string
	for i := range 3 * maxLarge {
		groups = append(groups, fmt.Sprintf("group%d", i))
	}
	b := openBox(t, t.TempDir(), h)
	appendAll(t, b, "k", strings.Join(groups, ",")+":"+strings.Repeat("x", largeBytes))
	start(t, b)
	h.wait(t, len(groups))
	if most > maxLarge {
		t.Errorf("%d large deliveries at once", most)
	}
}
