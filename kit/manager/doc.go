// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package manager brings a controller process up the way every Weir controller runs: flags and their checks, feature gates, JSON logs, client
// configuration, the controller-runtime manager with its cache, leader election, probes, metrics with pprof, event delivery, and an orderly
// end. A controller's main.go holds a Program and calls Main; tests call Run.
//
// It is the only reader of the process environment that all controllers share: METRICS_ADDR, EVENTS_ADDR, RUNTIME_NAMESPACE. Where a Program says
// cluster and namespace itself, several may share a process.
package manager
