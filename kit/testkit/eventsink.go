// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
)

// EventSink stands in for the notification-controller: it takes events over HTTP and keeps them.
type EventSink struct {
	// URL is the address to post to.
	URL string

	mu       sync.Mutex
	events   []eventv1.Event
	statuses []int
	arrived  chan struct{}
}

// NewEventSink starts a sink.
func NewEventSink(tb testing.TB) *EventSink {
	tb.Helper()
	s := &EventSink{arrived: make(chan struct{})}
	server := httptest.NewServer(s)
	tb.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Answer makes the next requests fail with the given status codes; after them the answer is 202 again. An event answered with an error is
// not kept.
func (s *EventSink) Answer(statuses ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.statuses = append(s.statuses, statuses...)
}

// Events returns what arrived so far.
func (s *EventSink) Events() []eventv1.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

// Wait returns the first event that matches, waiting for it if need be.
func (s *EventSink) Wait(tb testing.TB, match func(eventv1.Event) bool) eventv1.Event {
	tb.Helper()
	deadline := time.After(Patience)
	for {
		s.mu.Lock()
		i := slices.IndexFunc(s.events, match)
		arrived := s.arrived
		s.mu.Unlock()
		if i >= 0 {
			return s.Events()[i]
		}
		select {
		case <-arrived:
		case <-deadline:
			tb.Fatalf("no matching event among %d", len(s.Events()))
		}
	}
}

// ServeHTTP implements http.Handler.
func (s *EventSink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var event eventv1.Event
	if err := json.NewDecoder(r.Body).Decode(&event); err != nil || r.Header.Get("Content-Type") != "application/json" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.statuses) > 0 {
		w.WriteHeader(s.statuses[0])
		s.statuses = s.statuses[1:]
		return
	}
	s.events = append(s.events, event)
	close(s.arrived)
	s.arrived = make(chan struct{})
	w.WriteHeader(http.StatusAccepted)
}
