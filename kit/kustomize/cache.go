// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"container/list"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/weir-gitops/weir/kit/artifact/fetch"
)

// outputCache keeps the latest output of each build, bounded in bytes; what was not used for longest
// goes first.
type outputCache struct {
	max      int64
	requests *prometheus.CounterVec
	size     prometheus.Gauge

	mu      sync.Mutex
	bytes   int64
	entries map[cacheKey]*list.Element
	used    *list.List // of *output, latest use first
}

// output is what is kept of a build.
type output struct {
	key     cacheKey
	digest  string // of the artifact it was last found good for
	facts   []fact
	objects []Object
	bytes   int64
}

// goodFor reports whether a build of the tree would give the same.
func (o *output) goodFor(t *fetch.Tree) bool {
	return (o.digest != "" && o.digest == t.Digest()) || allHold(o.facts, t.Files())
}

func newOutputCache(maxBytes int64, registerer prometheus.Registerer) (*outputCache, error) {
	c := &outputCache{
		max: maxBytes,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_build_cache_requests_total",
			Help: "Builds asked for, by whether an earlier output could be used.",
		}, []string{"result"}),
		size: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "weir_build_cache_bytes",
			Help: "Size of the build outputs kept in memory in bytes.",
		}),
		entries: make(map[cacheKey]*list.Element),
		used:    list.New(),
	}
	if registerer == nil {
		return c, nil
	}
	for _, collector := range []prometheus.Collector{c.requests, c.size} {
		if err := registerer.Register(collector); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// get returns the objects of an earlier build if the tree looks the same to it.
func (c *outputCache) get(key cacheKey, t *fetch.Tree) ([]Object, bool) {
	found := c.find(key)
	if found == nil || !found.goodFor(t) {
		c.requests.WithLabelValues("miss").Inc()
		return nil, false
	}
	c.requests.WithLabelValues("hit").Inc()
	c.confirm(found, t.Digest())
	return found.objects, true
}

// find returns a copy, so that facts are compared without the lock.
func (c *outputCache) find(key cacheKey) *output {
	if key.line == "" {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.entries[key]
	if !ok {
		return nil
	}
	found, ok := element.Value.(*output)
	if !ok {
		return nil
	}
	c.used.MoveToFront(element)
	return new(*found)
}

// confirm notes that the output is good for the artifact, too.
func (c *outputCache) confirm(found *output, digest string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.entries[found.key]
	if !ok {
		return
	}
	// Another build may have replaced it meanwhile.
	if kept, ok := element.Value.(*output); ok && kept.digest == found.digest {
		kept.digest = digest
	}
}

// put keeps the output of a build.
func (c *outputCache) put(key cacheKey, t *fetch.Tree, w *build) {
	if key.line == "" {
		return
	}
	entry := &output{key: key, digest: t.Digest(), facts: w.facts, objects: w.objects}
	entry.bytes = sizeOf(entry)
	c.mu.Lock()
	defer c.mu.Unlock()
	if element, ok := c.entries[key]; ok {
		c.drop(element)
	}
	if entry.bytes > c.max {
		return
	}
	c.entries[key] = c.used.PushFront(entry)
	c.bytes += entry.bytes
	for c.bytes > c.max {
		c.drop(c.used.Back())
	}
	c.size.Set(float64(c.bytes))
}

func (c *outputCache) drop(element *list.Element) {
	entry, ok := c.used.Remove(element).(*output)
	if !ok {
		return
	}
	delete(c.entries, entry.key)
	c.bytes -= entry.bytes
	c.size.Set(float64(c.bytes))
}

// overheadBytes is about what an object or a fact costs beside its content.
const overheadBytes = 128

func sizeOf(o *output) int64 {
	size := int64(overheadBytes)
	for _, f := range o.facts {
		size += overheadBytes + int64(len(f.path))
	}
	for _, object := range o.objects {
		size += overheadBytes + int64(len(object.JSON))
	}
	return size
}
