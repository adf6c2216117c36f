// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/weir-gitops/weir/kit/artifact/fetch"
)

// maxInFlight bounds builds of the same thing at the same time: each hung server costs one, and more
// of them would not help.
const maxInFlight = 4

// errHung says that earlier builds of the same thing did not end.
var errHung = errors.New("earlier builds still wait for a remote base")

// defaultMaxCacheBytes bounds the outputs that are kept: about 1,000 applications of 10 objects.
const defaultMaxCacheBytes = 32 << 20

// BuilderOptions configure a Builder.
type BuilderOptions struct {
	// MaxCacheBytes bounds the outputs kept for later artifacts. Default 32 MiB; negative keeps none.
	MaxCacheBytes int64
	// Registerer receives the metrics, if set.
	Registerer prometheus.Registerer
}

// Builder builds objects from artifacts. Its methods may be called at the same time.
type Builder struct {
	cache   *outputCache
	running sync.WaitGroup

	mu       sync.Mutex
	inFlight map[cacheKey]int
}

// Output is the result of a build. What it refers to is shared and must not be changed.
type Output struct {
	// Objects are in the order of the engine.
	Objects []Object
	// Reused says that an earlier build gave this output.
	Reused bool
}

// NewBuilder returns a builder.
func NewBuilder(options BuilderOptions) (*Builder, error) {
	cache, err := newOutputCache(cmp.Or(options.MaxCacheBytes, defaultMaxCacheBytes), options.Registerer)
	if err != nil {
		return nil, fmt.Errorf("build cache: %w", err)
	}
	return &Builder{cache: cache, inFlight: make(map[cacheKey]int)}, nil
}

// Close waits for builds whose callers no longer did. One that hangs at a remote base ends when its
// server does; who cannot wait for that does not call Close.
func (b *Builder) Close() { b.running.Wait() }

// Build returns the objects at path of the tree. It ends with ctx, even if the engine hangs at a
// remote base. Errors hold no name of a directory that differs between runs.
func (b *Builder) Build(ctx context.Context, t *fetch.Tree, path string, o Options) (*Output, error) {
	over := &countdown{done: o.Done}
	over.hold()
	defer over.release()
	dir, err := ResolvePath(t, path)
	if err != nil {
		return nil, err
	}
	key, err := o.key(dir)
	if err != nil {
		return nil, err
	}
	if objects, ok := b.cache.get(key, t); ok {
		return &Output{Objects: objects, Reused: true}, nil
	}
	work := &build{key: key, tree: t, dir: dir, options: o, over: over}
	if err := b.run(ctx, work); err != nil {
		return nil, err
	}
	if work.policy.reusable() {
		b.cache.put(key, t, work)
	}
	return &Output{Objects: work.objects}, nil
}

// run does the work, beside others if possible.
func (b *Builder) run(ctx context.Context, work *build) error {
	err := b.attempt(ctx, work, gate.shared)
	if errors.Is(err, errNeedsSchema) {
		return b.alone(ctx, work)
	}
	return err
}

// attempt does the work in a goroutine of its own: the engine cannot be interrupted while it waits
// for a server.
func (b *Builder) attempt(ctx context.Context, work *build, gate func(context.Context, func()) error) error {
	if !b.enter(work.key) {
		return fmt.Errorf("kustomize build failed: %w", errHung)
	}
	done := make(chan error, 1)
	private := *work
	work.over.hold()
	b.running.Go(func() {
		defer private.over.release()
		defer b.leave(private.key)
		var err error
		if gateErr := gate(ctx, func() { err = private.do(ctx) }); gateErr != nil {
			err = gateErr
		}
		done <- err
	})
	select {
	case err := <-done:
		*work = private
		return err
	case <-ctx.Done():
		return fmt.Errorf("kustomize build: %w", context.Cause(ctx))
	}
}

func (b *Builder) enter(key cacheKey) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if key.line != "" && b.inFlight[key] >= maxInFlight {
		return false
	}
	b.inFlight[key]++
	return true
}

func (b *Builder) leave(key cacheKey) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.inFlight[key]--; b.inFlight[key] == 0 {
		delete(b.inFlight, key)
	}
}

// countdown tells when nobody works on a build any more.
type countdown struct {
	holders atomic.Int64
	done    func() // may be nil
}

func (c *countdown) hold() { c.holders.Add(1) }

func (c *countdown) release() {
	if c.holders.Add(-1) == 0 && c.done != nil {
		c.done()
	}
}

// build is one run of the engine.
type build struct {
	key       cacheKey
	tree      *fetch.Tree
	dir       string
	options   Options
	over      *countdown
	ownSchema bool
	apart     *prefetched // what a build that runs alone loads over HTTP

	// Set by do.
	policy  *policy
	facts   []fact
	objects []Object
}

func (w *build) do(ctx context.Context) error {
	w.policy = &policy{allowRemote: w.options.AllowRemoteBases, allowSchema: w.ownSchema, apart: w.apart}
	v, err := newView(w.tree, w.policy, func() error { return context.Cause(ctx) })
	if err != nil {
		return fmt.Errorf("kustomize build failed: %w", err)
	}
	g := &generation{view: v, dir: w.dir}
	if err := w.engine(g); err != nil {
		return cmp.Or(g.invalid(), err)
	}
	w.facts = v.seen.facts()
	return nil
}

// engine generates and renders. A panic of the libraries becomes an error.
func (w *build) engine(g *generation) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("kustomize build failed: recovered from kustomize build panic: %v", r)
		}
	}()
	if err := g.generate(w.options); err != nil {
		return err
	}
	m, err := render(g.view, w.dir)
	if w.policy.stop != nil {
		err = w.policy.stop
	}
	if err == nil {
		w.objects, err = objectsOf(m)
	}
	if err != nil {
		return fmt.Errorf("kustomize build failed: %w", withIdentityHint(err))
	}
	return nil
}
