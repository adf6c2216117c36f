// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package fetch

import "github.com/prometheus/client_golang/prometheus"

// Values of the label "result" of weir_artifact_cache_requests_total.
const (
	resultHit     = "hit"
	resultMiss    = "miss"
	resultFailure = "failure"
)

type metrics struct {
	requests   *prometheus.CounterVec
	downloaded prometheus.Counter
	evictions  prometheus.Counter
	bytes      prometheus.Gauge
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_artifact_cache_requests_total",
			Help: "Artifacts asked for, by whether they were in the cache.",
		}, []string{"result"}),
		downloaded: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "weir_artifact_downloaded_bytes_total",
			Help: "Bytes received from artifact servers, failed attempts included.",
		}),
		evictions: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "weir_artifact_cache_evictions_total",
			Help: "Unpacked artifacts that were removed to make room.",
		}),
		bytes: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "weir_artifact_cache_bytes",
			Help: "Size of all unpacked artifacts on disk in bytes, those in use included.",
		}),
	}
	if registerer == nil {
		return m, nil
	}
	for _, collector := range []prometheus.Collector{m.requests, m.downloaded, m.evictions, m.bytes} {
		if err := registerer.Register(collector); err != nil {
			return nil, err
		}
	}
	return m, nil
}
