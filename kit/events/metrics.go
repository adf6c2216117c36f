// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package events

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Why a document never reached the notification address.
const (
	dropFull    = "full"
	dropRefused = "refused"
	dropExpired = "expired"
	dropEnd     = "end"
)

// metrics tell how delivery to the notification address goes.
type metrics struct {
	dropped *prometheus.CounterVec
}

// newMetrics registers the collectors; without a registry they count for nobody. queued tells how many documents wait.
func newMetrics(registry prometheus.Registerer, queued func() int) (*metrics, error) {
	m := &metrics{
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_events_dropped_total",
			Help: "Events that never reached the notification address, by reason: full, refused, expired, end.",
		}, []string{"reason"}),
	}
	if registry == nil {
		return m, nil
	}
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "weir_events_queued",
		Help: "Events that wait for the notification address.",
	}, func() float64 { return float64(queued()) })
	for _, c := range []prometheus.Collector{waiting, m.dropped} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("register event metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) drop(reason string, count int) {
	m.dropped.WithLabelValues(reason).Add(float64(count))
}
