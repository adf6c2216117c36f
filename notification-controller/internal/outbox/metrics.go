// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package outbox

import (
	"errors"
	"fmt"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics tell how full the outbox is.
type metrics struct {
	refused *prometheus.CounterVec
	damaged prometheus.Counter
}

func newMetrics(registry prometheus.Registerer, usage func() (entries int, bytes int64)) (*metrics, error) {
	m := &metrics{
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_outbox_refused_total",
			Help: "Entries that were not taken, by reason: full, closed, error.",
		}, []string{"reason"}),
		damaged: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "weir_outbox_damaged_total",
			Help: "Places in the files of the outbox that could not be read: the disk lost or changed what was written.",
		}),
	}
	collectors := []prometheus.Collector{
		m.refused, m.damaged,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "weir_outbox_entries",
			Help: "Entries that are not delivered to everybody yet.",
		}, func() float64 { entries, _ := usage(); return float64(entries) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "weir_outbox_bytes",
			Help: "Size of the files of the outbox.",
		}, func() float64 { _, bytes := usage(); return float64(bytes) }),
	}
	for _, c := range collectors {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("register outbox metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) refuse(err error) {
	reason := "error"
	switch {
	case errors.Is(err, ErrFull):
		reason = "full"
	case errors.Is(err, ErrClosed):
		reason = "closed"
	}
	m.refused.WithLabelValues(reason).Inc()
}

// found counts and logs what is damaged of the files of an earlier process.
func (m *metrics) found(damaged []damage, log logr.Logger) {
	for _, d := range damaged {
		m.damaged.Inc()
		log.Error(nil, "part of the outbox cannot be read, as after a power cut or on a failing disk: what was there is lost, or is sent again",
			"file", d.file, "offset", d.offset, "bytes", d.bytes)
	}
}
