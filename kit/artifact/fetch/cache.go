// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fluxcd/pkg/apis/meta"

	"github.com/weir-gitops/weir/kit/artifact"
)

var (
	// ErrPending says that the download has not ended yet.
	ErrPending = errors.New("artifact is being downloaded")
	// ErrNotFound says that the server has no such artifact.
	ErrNotFound = errors.New("artifact not found")
	// ErrDirectory says that the cache cannot write where it keeps what it unpacks. Flux: "tmp dir error: …".
	ErrDirectory = errors.New("tmp dir error")
	// ErrClosed says that the cache was closed.
	ErrClosed = errors.New("artifact cache is closed")
)

// Cache keeps unpacked artifacts. Its methods may be called at the same time.
type Cache struct {
	options Options
	metrics *metrics
	running sync.WaitGroup // downloads and removals

	mu        sync.Mutex
	closed    bool
	ready     map[artifact.Digest]*cached
	idle      *list.List // of *cached that nobody uses, latest use first
	bytes     int64      // of all in ready
	downloads map[source]*download
	failures  map[source]*failure
	slow      map[string]struct{} // hosts that exhausted somebody's patience since their last success
}

// source tells downloads apart. Two places may offer the same content; one of them being dead must
// not keep users of the other from it.
type source struct {
	digest artifact.Digest
	url    string
}

// cached is an entry of the cache.
type cached struct {
	*content
	digest  artifact.Digest
	uses    int
	element *list.Element // in Cache.idle when uses is 0
}

// failure is the end of a download, kept for those who were told to come back for it.
type failure struct {
	err    error
	owed   int
	expiry time.Time
}

// New returns a cache in an empty directory: what an earlier process left there is removed.
func New(options Options) (*Cache, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	if options.Dir, err = filepath.Abs(options.Dir); err != nil {
		return nil, fmt.Errorf("artifact cache: %w", err)
	}
	if err := sweep(options.Dir); err != nil {
		return nil, fmt.Errorf("artifact cache: %w", err)
	}
	m, err := newMetrics(options.Registerer)
	if err != nil {
		return nil, fmt.Errorf("artifact cache: %w", err)
	}
	return &Cache{
		options:   options,
		metrics:   m,
		ready:     make(map[artifact.Digest]*cached),
		idle:      list.New(),
		downloads: make(map[source]*download),
		failures:  make(map[source]*failure),
		slow:      make(map[string]struct{}),
	}, nil
}

// sweep makes dir and removes what looks like ours from it.
func sweep(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name, _, _ := strings.Cut(entry.Name(), ".")
		algorithm, sum, _ := strings.Cut(name, "-")
		if _, err := artifact.ParseDigest(algorithm + ":" + sum); err != nil {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// Acquire returns the tree of an artifact. If its download does not end within the patience of the
// cache, Acquire returns ErrPending and calls done once when it ended, either way; the next Acquire
// then returns the tree or what went wrong. The download goes on when ctx ends.
func (c *Cache) Acquire(ctx context.Context, a meta.Artifact, done func()) (*Tree, error) {
	src, err := c.sourceOf(a)
	if err != nil {
		return nil, err
	}
	tree, d, err := c.start(ctx, src)
	if tree != nil || err != nil {
		return tree, err
	}
	d.wait(ctx)
	return c.settle(ctx, d, done)
}

// sourceOf checks the digest and applies the host names of the options.
func (c *Cache) sourceOf(a meta.Artifact) (source, error) {
	if a.Digest == "" {
		return source{}, errors.New("failed to verify archive: empty digest")
	}
	text := a.Digest
	if !strings.Contains(text, ":") {
		text = string(artifact.SHA256) + ":" + text
	}
	digest, err := artifact.ParseDigest(text)
	if err != nil {
		return source{}, fmt.Errorf("failed to verify archive: %w", err)
	}
	location, err := url.Parse(a.URL)
	if err != nil {
		return source{}, errors.New("failed to download archive: malformed URL")
	}
	if c.options.SourceControllerHost != "" {
		location.Host = c.options.SourceControllerHost
	}
	if c.options.SourceWatcherHost != "" && strings.Contains(a.URL, "//source-watcher") {
		location.Host = c.options.SourceWatcherHost
	}
	return source{digest: digest, url: location.String()}, nil
}

// start returns the tree if it is there, the error if a download just failed, and otherwise the
// download, started if need be, with the caller counted among those who wait for it.
func (c *Cache) start(ctx context.Context, src source) (*Tree, *download, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, nil, ErrClosed
	}
	if entry, ok := c.ready[src.digest]; ok {
		c.metrics.requests.WithLabelValues(resultHit).Inc()
		return c.use(entry), nil, nil
	}
	if err := c.failed(src); err != nil {
		c.metrics.requests.WithLabelValues(resultFailure).Inc()
		return nil, nil, err
	}
	c.metrics.requests.WithLabelValues(resultMiss).Inc()
	d, ok := c.downloads[src]
	if !ok {
		d = newDownload(ctx, src, c.patience(src))
		c.downloads[src] = d
		c.running.Go(func() { c.run(d) }) //nolint:contextcheck // it outlives ctx, see newDownload
	}
	d.waiting++
	return nil, d, nil
}

// patience returns how long callers may wait for a download from src.
func (c *Cache) patience(src source) time.Duration {
	if _, slow := c.slow[hostOf(src.url)]; slow {
		return 0
	}
	return c.options.Patience
}

// failed returns the failure of src once for each who was told to come back for it.
func (c *Cache) failed(src source) error {
	f, ok := c.failures[src]
	if !ok {
		return nil
	}
	f.owed--
	if f.owed <= 0 || time.Now().After(f.expiry) {
		delete(c.failures, src)
	}
	if time.Now().After(f.expiry) {
		return nil
	}
	return f.err
}

// settle turns a wait into a tree, an error or a promise to call done.
func (c *Cache) settle(ctx context.Context, d *download, done func()) (*Tree, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d.waiting--
	switch {
	case d.err != nil:
		return nil, d.err
	case d.entry != nil:
		tree := c.use(d.entry)
		d.entry.uses-- // the place run kept for us
		return tree, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("wait for artifact: %w", ctx.Err())
	}
	c.slow[hostOf(d.source.url)] = struct{}{}
	if done == nil {
		done = func() {}
	}
	d.callbacks = append(d.callbacks, done)
	return nil, ErrPending
}

// run carries a download through and tells everybody.
func (c *Cache) run(d *download) {
	content, err := c.obtain(d)
	for _, done := range c.finish(d, content, err) {
		done()
	}
}

// finish records the end of a download and returns the callbacks to make.
func (c *Cache) finish(d *download, got *content, err error) []func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(d.ended)
	d.cancel()
	delete(c.downloads, d.source)
	if err != nil {
		d.err = err
		c.remember(d)
		return d.callbacks
	}
	delete(c.slow, hostOf(d.source.url))
	d.entry = c.publish(d.source.digest, got)
	d.entry.uses += d.waiting
	if d.waiting > 0 && d.entry.element != nil {
		c.idle.Remove(d.entry.element)
		d.entry.element = nil
	}
	c.evict(d.entry)
	return d.callbacks
}

// remember keeps a failure for those who come back for it, and drops those nobody came for.
func (c *Cache) remember(d *download) {
	now := time.Now()
	for src, f := range c.failures {
		if now.After(f.expiry) {
			delete(c.failures, src)
		}
	}
	if len(d.callbacks) > 0 {
		c.failures[d.source] = &failure{err: d.err, owed: len(d.callbacks), expiry: now.Add(failureLife)}
	}
}

// publish adds content to the cache. The same content may have arrived from elsewhere meanwhile.
func (c *Cache) publish(digest artifact.Digest, got *content) *cached {
	if entry, ok := c.ready[digest]; ok {
		c.remove(got)
		return entry
	}
	entry := &cached{content: got, digest: digest}
	entry.element = c.idle.PushFront(entry)
	c.ready[digest] = entry
	c.grow(got.files.bytes)
	return entry
}

func (c *Cache) grow(n int64) {
	c.bytes += n
	c.metrics.bytes.Set(float64(c.bytes))
}

// use returns a new tree of the entry.
func (c *Cache) use(entry *cached) *Tree {
	entry.uses++
	if entry.element != nil {
		c.idle.Remove(entry.element)
		entry.element = nil
	}
	return &Tree{content: entry.content, release: func() { c.release(entry) }}
}

func (c *Cache) release(entry *cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entry.uses--
	if entry.uses > 0 {
		return
	}
	entry.element = c.idle.PushFront(entry)
	c.evict(nil)
}

// evict removes what was not used for longest until the rest fits; spare is kept in any case.
func (c *Cache) evict(spare *cached) {
	for element := c.idle.Back(); element != nil && c.bytes > c.options.MaxBytes; {
		entry, ok := element.Value.(*cached)
		element = element.Prev()
		if !ok || entry == spare {
			continue
		}
		c.idle.Remove(entry.element)
		entry.element = nil
		delete(c.ready, entry.digest)
		c.grow(-entry.files.bytes)
		c.metrics.evictions.Inc()
		c.remove(entry.content)
	}
}

// remove deletes content in the background. Its directory is not used again under the same name.
func (c *Cache) remove(content *content) {
	c.running.Go(func() {
		_ = content.root.Close()
		_ = os.RemoveAll(content.dir) // what stays is swept at the next start
	})
}

// Close ends all downloads, removes the trees and waits. Trees must not be used afterwards.
func (c *Cache) Close() error {
	c.mu.Lock()
	c.closed = true
	for _, d := range c.downloads {
		d.cancel()
	}
	c.mu.Unlock()
	c.running.Wait()

	c.mu.Lock()
	defer c.mu.Unlock()
	for _, entry := range c.ready {
		_ = entry.root.Close()
	}
	clear(c.ready)
	c.idle.Init()
	c.grow(-c.bytes)
	return sweep(c.options.Dir)
}
