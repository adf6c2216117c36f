// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package events

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// slowAPI takes Kubernetes Events, each after a while.
type slowAPI struct {
	// hold is called for each event before it counts as taken.
	hold func(corev1.Event)

	mu       sync.Mutex
	messages []string
	arrived  chan struct{}
}

// ServeHTTP implements http.Handler.
func (s *slowAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var event corev1.Event
	if err != nil || json.Unmarshal(body, &event) != nil || r.Method != http.MethodPost {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.hold(event)
	s.mu.Lock()
	s.messages = append(s.messages, event.InvolvedObject.Name+" "+event.Message)
	s.mu.Unlock()
	s.arrived <- struct{}{}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(body)
}

func (s *slowAPI) got() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// started runs a recorder that writes to the API, and returns once it does. The function ends it.
func (s *slowAPI) started(t *testing.T) (recorder *Recorder, end func()) {
	t.Helper()
	s.arrived = make(chan struct{}, 1000)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	recorder, err := New(Options{
		Controller: "test-controller", Scheme: clientgoscheme.Scheme, Log: logr.Discard(),
		Config: &rest.Config{Host: server.URL, QPS: -1, ContentConfig: rest.ContentConfig{ContentType: "application/json"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- recorder.Start(ctx) }()
	for i := 0; ; i++ { // what comes before it runs is lost
		recorder.Event(object(fmt.Sprint("start-", i)), Event{Message: "start"})
		select {
		case <-s.arrived:
		case <-time.After(200 * time.Millisecond):
			continue
		}
		break
	}
	return recorder, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("recorder ended: %v", err)
		}
	}
}

// TestClusterDrain records Kubernetes Events right before the end, more than the API server takes in that moment: they are all written.
func TestClusterDrain(t *testing.T) {
	const count = 20
	s := &slowAPI{hold: func(corev1.Event) { time.Sleep(time.Millisecond) }} // as a request takes
	recorder, end := s.started(t)
	recorder.sink.limit = time.Minute // whatever the machine does meanwhile
	var want []string
	for i := range count {
		recorder.Event(object(fmt.Sprintf("app-%02d", i)), Event{Message: "last words"})
		want = append(want, fmt.Sprintf("app-%02d last words", i))
	}
	end()
	got := slices.DeleteFunc(s.got(), func(m string) bool { return m[:4] != "app-" })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Kubernetes Events (-want +got):\n%s", diff)
	}
}

// TestClusterDrainBounded ends while the API server does not answer: the process does not wait for it for long.
func TestClusterDrainBounded(t *testing.T) {
	dead := make(chan struct{})
	s := &slowAPI{hold: func(e corev1.Event) {
		if e.Message == "last words" {
			<-dead
		}
	}}
	recorder, end := s.started(t)
	t.Cleanup(func() { close(dead) })
	recorder.Event(object("app"), Event{Message: "last words"})
	begun := time.Now()
	end()
	if took := time.Since(begun); took < clusterDrainTimeout {
		t.Errorf("the end took %s: nobody waited for the event", took)
	}
}
