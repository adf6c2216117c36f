// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
)

// service is the value of the label of that name, which the compatibility target leaves empty.
const service = ""

// httpMetrics are the metrics of one endpoint, with the names and labels of the compatibility target.
// Flux: contract notification-controller, section 1.6.
type httpMetrics struct {
	duration, size *prometheus.HistogramVec
	inflight       *prometheus.GaugeVec
}

// observe returns the handler of the endpoint with metrics.
func observe(e endpoint, wholePath bool, registry prometheus.Registerer) (http.Handler, error) {
	labels := []string{"service", "handler", "method", "code"}
	const smallest, factor, buckets = 100, 10, 8 // bytes
	m := &httpMetrics{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: e.metrics, Subsystem: "http", Name: "request_duration_seconds",
			Help: "The latency of the HTTP requests.", Buckets: prometheus.DefBuckets,
		}, labels),
		size: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: e.metrics, Subsystem: "http", Name: "response_size_bytes",
			Help: "The size of the HTTP responses.", Buckets: prometheus.ExponentialBuckets(smallest, factor, buckets),
		}, labels),
		inflight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: e.metrics, Subsystem: "http", Name: "requests_inflight",
			Help: "The number of inflight requests being handled at the same time.",
		}, labels[:2]),
	}
	for _, c := range []prometheus.Collector{m.duration, m.size, m.inflight} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics of %s: %w", e.name, err)
		}
	}
	known := &paths{fallback: e.path, seen: make(map[string]bool)}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inflight := m.inflight.WithLabelValues(service, known.label(r.URL.Path, false))
		inflight.Inc()
		defer inflight.Dec()
		begun := time.Now()
		answer := &answer{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			path := known.label(r.URL.Path, wholePath && answer.status < http.StatusBadRequest)
			values := []string{service, path, method(r.Method), strconv.Itoa(answer.status)}
			m.duration.WithLabelValues(values...).Observe(time.Since(begun).Seconds())
			m.size.WithLabelValues(values...).Observe(float64(answer.size))
		}()
		e.handler.ServeHTTP(answer, r)
	}), nil
}

// Bounds of the paths that are shown, of one endpoint: strangers may ask for any, and each has series of its own.
const (
	maxPaths     = 1000
	maxPathBytes = 256
)

// paths are the values of the label handler where it shows whole paths: those that a request succeeded for, which is what strangers do not get.
type paths struct {
	// fallback stands for all other paths, and for those beyond the bounds.
	fallback string

	mu   sync.Mutex
	seen map[string]bool
}

// label returns the label of a path, which is made known if that is asked for and there is room.
func (p *paths) label(path string, add bool) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.seen[path]:
		return path
	case !add || len(path) > maxPathBytes || len(p.seen) >= maxPaths || !utf8.ValidString(path):
		return p.fallback
	}
	p.seen[path] = true
	return path
}

// method bounds the values of the label: a client may send any word.
func method(name string) string {
	switch name {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
		http.MethodConnect, http.MethodTrace:
		return name
	}
	return "other"
}

// answer remembers the status and the size of what is written.
type answer struct {
	http.ResponseWriter
	status, size int
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answer) Write(body []byte) (int, error) {
	n, err := a.ResponseWriter.Write(body)
	a.size += n
	return n, err
}

// Unwrap lets http.ResponseController find what is below.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
