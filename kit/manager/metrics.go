// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"errors"
	"fmt"
	"time"

	"github.com/fluxcd/pkg/runtime/metrics"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
)

// Metrics records what the contracts ask of every kind: gotk_reconcile_duration_seconds. The gauges gotk_reconcile_condition and
// gotk_suspend_status are registered and stay empty, as in the compatibility target.
type Metrics struct {
	recorder *metrics.Recorder
}

// newMetrics registers the collectors.
func newMetrics(registry prometheus.Registerer) (*Metrics, error) {
	recorder := metrics.NewRecorder()
	for _, c := range recorder.Collectors() {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return &Metrics{recorder: recorder}, nil
}

// replacing is a registry in which a collector of an earlier program of the same process, as in tests, makes room for its successor.
type replacing struct {
	prometheus.Registerer
}

// Register adds a collector in place of an equal one. Where programs start at the same time, the last one to come has its collector served.
func (r replacing) Register(c prometheus.Collector) error {
	for {
		err := r.Registerer.Register(c)
		earlier, ok := errors.AsType[prometheus.AlreadyRegisteredError](err)
		if !ok {
			return err
		}
		r.Unregister(earlier.ExistingCollector)
	}
}

// RecordDuration observes how long a reconcile of the object took.
func (m *Metrics) RecordDuration(kind, namespace, name string, took time.Duration) {
	m.recorder.RecordDuration(reference(kind, namespace, name), time.Now().Add(-took))
}

// DeleteDuration removes the series of an object that is gone.
func (m *Metrics) DeleteDuration(kind, namespace, name string) {
	m.recorder.DeleteDuration(reference(kind, namespace, name))
}

func reference(kind, namespace, name string) corev1.ObjectReference {
	return corev1.ObjectReference{Kind: kind, Namespace: namespace, Name: name}
}
