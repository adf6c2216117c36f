// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmindex

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Lookups counts how versions were found: in a table that was at hand, or in one that had to be made first. A nil Lookups counts nothing.
// Flux: source-controller contract, "Metrics"; the compatibility target counts its cache of indexes in memory in this way.
type Lookups struct {
	counter *prometheus.CounterVec
}

// NewLookups registers the metric.
func NewLookups(registry prometheus.Registerer) (*Lookups, error) {
	l := &Lookups{counter: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gotk_cache_events_total",
		Help: "Total number of lookups in Helm repository indexes, by whether the index was at hand.",
	}, []string{"event_type", "name", "namespace"})}
	if err := registry.Register(l.counter); err != nil {
		return nil, fmt.Errorf("register lookup metric: %w", err)
	}
	return l, nil
}

// Count counts one lookup for an object.
func (l *Lookups) Count(ready bool, namespace, name string) {
	if l == nil {
		return
	}
	event := "cache_miss"
	if ready {
		event = "cache_hit"
	}
	l.counter.WithLabelValues(event, name, namespace).Inc()
}

// Forget removes the series of an object that is gone.
func (l *Lookups) Forget(namespace, name string) {
	if l != nil {
		l.counter.DeletePartialMatch(prometheus.Labels{"name": name, "namespace": namespace})
	}
}
