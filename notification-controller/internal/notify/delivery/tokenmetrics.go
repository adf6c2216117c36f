// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
)

// What became of a request for a token, as its metric says.
const (
	hit  = "cache_hit"
	miss = "cache_miss"
	// operation is what Providers need tokens for.
	operation = "post"
)

// tokenMetrics have the names and labels of the compatibility target. Flux: notification-controller contract, "Metrics".
type tokenMetrics struct {
	events   *prometheus.CounterVec
	items    prometheus.GaugeFunc
	requests *prometheus.CounterVec
	evicted  prometheus.Counter
}

func newTokenMetrics(items func() float64) tokenMetrics {
	return tokenMetrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gotk_token_cache_events_total", Help: "Total number of cache retrieval events for a Gitops Toolkit resource reconciliation.",
		}, []string{"event_type", "kind", "name", "namespace", "operation"}),
		items: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "gotk_token_cached_items", Help: "Total number of items in the cache.",
		}, items),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gotk_token_cache_requests_total", Help: "Total number of cache requests, by status: success, failure.",
		}, []string{"status"}),
		evicted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gotk_token_cache_evictions_total", Help: "Total number of cache evictions.",
		}),
	}
}

// asked counts a request for a token of a Provider.
func (m *tokenMetrics) asked(provider types.NamespacedName, event string, err error) {
	status := "success"
	if err != nil {
		status = "failure"
	}
	m.requests.WithLabelValues(status).Inc()
	m.events.WithLabelValues(event, notificationv1beta3.ProviderKind, provider.Name, provider.Namespace, operation).Inc()
}

// Forget ends the series of a Provider, which Known does not know any more.
func (m *tokenMetrics) Forget(provider types.NamespacedName) {
	for _, event := range []string{hit, miss} {
		m.events.DeleteLabelValues(event, notificationv1beta3.ProviderKind, provider.Name, provider.Namespace, operation)
	}
}

func (m *tokenMetrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.events, m.items, m.requests, m.evicted}
}

// Describe implements prometheus.Collector.
func (m *tokenMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, c := range m.collectors() {
		c.Describe(to)
	}
}

// Collect implements prometheus.Collector.
func (m *tokenMetrics) Collect(to chan<- prometheus.Metric) {
	for _, c := range m.collectors() {
		c.Collect(to)
	}
}
