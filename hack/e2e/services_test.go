// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	eventv1 "github.com/weir-gitops/weir/api/event/v1beta1"
	"github.com/weir-gitops/weir/hack/local/charts"
	"github.com/weir-gitops/weir/hack/local/chat"
	"github.com/weir-gitops/weir/hack/local/controllers"
	"github.com/weir-gitops/weir/hack/local/gitserver"
	"github.com/weir-gitops/weir/hack/local/registry"
	"github.com/weir-gitops/weir/hack/local/serve"
)

// services are what controllers talk to besides the API server and each other.
type services struct {
	git      *gitserver.Server
	charts   *charts.Server
	registry *registry.Server
	chat     *chat.Server
	hooks    *hooks
	intake   *intake
}

// serveAll starts all servers. A push to Git sends a webhook; whoever pushes to the others asks for one.
func serveAll(t *testing.T, dir string) *services {
	t.Helper()
	s := &services{hooks: &hooks{ctx: t.Context(), paths: map[string]string{}, refusals: map[string]int{}}}
	var err error
	s.git, err = gitserver.Start(t.Context(), filepath.Join(dir, "git"), func() { s.hooks.send(gitHook) })
	must(t, err)
	onEnd(t, func(context.Context) error { return s.git.Close() })
	s.charts, err = charts.Start(t.Context(), filepath.Join(dir, "charts"))
	must(t, err)
	onEnd(t, func(context.Context) error { return s.charts.Close() })
	s.registry, err = registry.Start(t.Context())
	must(t, err)
	onEnd(t, func(context.Context) error { return s.registry.Close() })
	s.chat, err = chat.Start(t.Context(), nil)
	must(t, err)
	onEnd(t, func(context.Context) error { return s.chat.Close() })
	return s
}

const (
	// gitHook, chartHook and registryHook name the Receivers, by whose webhooks they take.
	gitHook, chartHook, registryHook = "git", "charts", "registry"
	// hookPause is how long a host waits before it sends a webhook again that was not taken.
	hookPause = 100 * time.Millisecond
)

// hooks sends webhooks as hosts do: again and again until they are taken.
type hooks struct {
	ctx  context.Context //nolint:containedctx // of the test, for what servers send by themselves
	base string          // where a notification-controller takes them

	mu       sync.Mutex
	paths    map[string]string // by Receiver
	pending  int
	refusals map[string]int // what was answered other than 200 OK
	failed   []string       // those that were answered 500 Internal Server Error, with the time
}

// send sends a webhook in the background, when there is a Receiver for it.
func (h *hooks) send(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if path := h.paths[name]; path != "" {
		h.pending++
		go h.deliver(name, h.base+path)
	}
}

func (h *hooks) deliver(name, url string) {
	for h.ctx.Err() == nil {
		status, _, err := post(h.ctx, url, []byte("{}"))
		if err == nil && status == http.StatusOK {
			h.mu.Lock()
			h.pending--
			h.mu.Unlock()
			return
		}
		if err == nil {
			h.mu.Lock()
			h.refusals[http.StatusText(status)]++
			if status == http.StatusInternalServerError {
				h.failed = append(h.failed, name+" at "+time.Now().UTC().Format(time.RFC3339Nano))
			}
			h.mu.Unlock()
		}
		time.Sleep(hookPause)
	}
}

// refused returns how often what was answered other than 200 OK.
func (h *hooks) refused() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.refusals)
}

// sent is nil when every webhook was taken.
func (h *hooks) sent() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.pending > 0 {
		return fmt.Errorf("%d webhooks were not taken: %v", h.pending, h.refusals)
	}
	return nil
}

// expectHooks sees that none was answered 500 Internal Server Error. All are valid, all objects that they wake exist, and while a Receiver is not
// known or not ready the answer is another one.
func (m *machine) expectHooks(t *testing.T) {
	t.Helper()
	m.hooks.mu.Lock()
	failed := strings.Join(m.hooks.failed, "\n")
	m.hooks.mu.Unlock()
	if failed == "" {
		return
	}
	log, err := os.ReadFile(m.controllers[controllers.Notification].Log())
	must(t, err)
	var said strings.Builder
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, `"webhook failed"`) {
			said.WriteString(line)
		}
	}
	t.Errorf("webhooks were answered 500 Internal Server Error:\n%s\nand notification-controller logged:\n%s", failed, &said)
}

// post sends JSON and returns what is answered.
func post(ctx context.Context, url string, body []byte) (status int, answer []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// postTimeout bounds one webhook or event.
const postTimeout = 10 * time.Second

// intake stands between those who emit events and notification-controller, and remembers which it has accepted.
type intake struct {
	url string

	mu       sync.Mutex
	target   string
	accepted map[string]int // how often each
	posted   map[string]int
}

// listen passes on events to a notification-controller.
func listen(t *testing.T, target string) *intake {
	t.Helper()
	i := &intake{target: target, accepted: map[string]int{}, posted: map[string]int{}}
	server, err := serve.Start(t.Context(), "event", i)
	must(t, err)
	onEnd(t, func(context.Context) error { return server.Close() })
	i.url = "http://" + server.Address
	return i
}

// ServeHTTP implements http.Handler.
func (i *intake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the emitter was killed
	}
	key, err := eventKey(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	// What was posted is passed on even when its emitter dies meanwhile, as the network does.
	i.mu.Lock()
	target := i.target
	i.mu.Unlock()
	status, answer, err := post(context.WithoutCancel(r.Context()), target, body)
	if err != nil {
		status = http.StatusBadGateway
	}
	i.mu.Lock()
	i.posted[key]++
	if status == http.StatusAccepted {
		i.accepted[key]++
	}
	i.mu.Unlock()
	w.WriteHeader(status)
	_, _ = w.Write(answer)
}

// passTo passes on events to another notification-controller from now on.
func (i *intake) passTo(target string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.target = target
}

// events returns how often each event was posted and accepted.
func (i *intake) events() (posted, accepted map[string]int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return maps.Clone(i.posted), maps.Clone(i.accepted)
}

// eventKey tells events apart, by what they say and when.
func eventKey(body []byte) (string, error) {
	var e eventv1.Event
	if err := json.Unmarshal(body, &e); err != nil {
		return "", err
	}
	o, suffix := e.InvolvedObject, ""
	for key := range e.Metadata { // its prefix does not reach the channel
		if strings.HasSuffix(key, eventv1.CommitStatusKey) {
			suffix = statusOnly
		}
	}
	when := e.Timestamp.UTC().Format(time.TimeOnly)
	return fmt.Sprintf("%s %s %s/%s/%s %s: %s%s", when, e.Severity, o.Kind, o.Namespace, o.Name, e.Reason, e.Message, suffix), nil
}

// statusOnly ends the keys of events that are meant for commit statuses.
const statusOnly = " (commit status)"

// messages counts what a channel got.
func (m *machine) messages(channel string) int {
	n := 0
	for _, message := range m.chat.Messages() {
		if message.Path == channel {
			n++
		}
	}
	return n
}

// delivered is nil when every accepted event has reached the channel that all are meant for.
func (m *machine) delivered() error {
	got := map[string]bool{}
	for _, message := range m.chat.Messages() {
		if message.Path != allChannel {
			continue
		}
		key, err := eventKey([]byte(message.Body))
		if err != nil {
			return err
		}
		got[key] = true
	}
	_, accepted := m.intake.events()
	maps.DeleteFunc(accepted, func(key string, _ int) bool { return got[key] })
	if len(accepted) > 0 {
		lost := slices.Sorted(maps.Keys(accepted))
		return fmt.Errorf("%d events were accepted, but not delivered:\n%s", len(lost), strings.Join(lost, "\n"))
	}
	return nil
}
