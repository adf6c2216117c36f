// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"errors"
	"net/http"
	"time"

	"github.com/go-logr/logr"

	"github.com/weir-gitops/weir/notification-controller/internal/bodies"
)

// Outbox keeps events until they are delivered.
type Outbox interface {
	// Append returns nil when the event is durable.
	Append(key string, body []byte) error
}

// Options describe the endpoint. All fields are required.
type Options struct {
	Outbox Outbox
	// Window is the time in which an event that says the same about the same object is a duplicate. 0 and less mean one second.
	Window time.Duration
	Clock  func() time.Time
	Log    logr.Logger
}

// Server is the event endpoint. It takes any method and path.
type Server struct {
	outbox Outbox
	bodies *bodies.Reader
	window *window
	log    logr.Logger
}

// New returns the endpoint.
func New(o Options) (*Server, error) {
	if o.Outbox == nil || o.Clock == nil {
		return nil, errors.New("event endpoint needs Outbox and Clock")
	}
	w, err := newWindow(o.Window, o.Clock)
	if err != nil {
		return nil, err
	}
	return &Server{outbox: o.Outbox, bodies: bodies.New(), window: w, log: o.Log}, nil
}

// ServeHTTP takes one event. Flux: contract notification-controller, sections 3.1 and 3.2; that an event which cannot be kept is answered with
// 503 is the hardening of section 3.8: the emitter tries again, and the event is no duplicate then.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, release, err := s.bodies.Read(w, r)
	defer release()
	if err != nil {
		w.WriteHeader(unread(err))
		return
	}
	event, err := decode(body)
	if err != nil {
		s.log.V(1).Info("request is no event", "reason", Brief(err.Error()))
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	object := event.InvolvedObject
	log := s.log.WithValues("kind", Brief(object.Kind), "namespace", Brief(object.Namespace), "name", Brief(object.Name))
	ok, reset, settle := s.window.take(r.Context(), identify(event))
	tell(w.Header(), ok, reset)
	if !ok {
		log.V(1).Info("duplicate event dropped")
		http.Error(w, http.StatusText(http.StatusTooManyRequests), http.StatusTooManyRequests)
		return
	}
	kept := false
	defer func() { settle(kept) }()
	if err := s.outbox.Append(Key(object), body); err != nil {
		log.Error(err, "event not taken, its sender has to try again")
		http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
		return
	}
	kept = true
	w.WriteHeader(http.StatusAccepted)
}

// unread is the answer to a request whose body was not read.
func unread(err error) int {
	switch {
	case errors.Is(err, bodies.ErrTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, bodies.ErrBusy):
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

// tell sets the headers that say where the window stands.
func tell(header http.Header, ok bool, reset time.Time) {
	at := reset.UTC().Format(http.TimeFormat)
	header.Set("X-RateLimit-Limit", "1")
	header.Set("X-RateLimit-Remaining", "0")
	header.Set("X-RateLimit-Reset", at)
	if !ok {
		header.Set("Retry-After", at)
	}
}
