// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"
)

// Request is a kind of request to the API server.
type Request struct {
	// Verb is get, list, watch, create, update, patch, delete or deletecollection; the lower-case HTTP method for paths without a resource.
	Verb string
	// Resource is the plural, with the sub-resource after a slash; the path where there is no resource.
	Resource string
	// DryRun is set for requests that only try.
	DryRun bool
}

// String returns for instance "patch configmaps (dry run)".
func (r Request) String() string {
	if r.DryRun {
		return r.Verb + " " + r.Resource + " (dry run)"
	}
	return r.Verb + " " + r.Resource
}

// watching is the verb of a watch, which may stay unanswered until there is something to tell.
const watching = "watch"

// Requests counts requests to an API server.
type Requests struct {
	mu     sync.Mutex
	counts map[Request]int
	// pending are requests without an answer so far, but for watches; moves tells when one began or was answered.
	pending map[Request]int
	moves   uint64
}

// Count returns a copy of config whose requests are counted.
func (r *Requests) Count(config *rest.Config) *rest.Config {
	counted := rest.CopyConfig(config)
	counted.Wrap(func(next http.RoundTripper) http.RoundTripper { return &counter{next: next, requests: r} })
	return counted
}

// Take returns what was counted since the last call.
func (r *Requests) Take() map[Request]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.counts
	r.counts = nil
	if taken == nil {
		taken = make(map[Request]int)
	}
	return taken
}

const (
	// quiet is how long no request may come for what was under way to count as over: events, which go out in the background, take a few
	// milliseconds.
	quiet = 250 * time.Millisecond
	// quietStep is how long one look at that takes. One that takes much longer does not count: on such a machine what is looked at stands still too.
	quietStep = quiet / 10
)

// Settle forgets what was counted, once nothing has come for a moment: what is counted from then on belongs to what the test does next.
func (r *Requests) Settle(tb testing.TB) {
	tb.Helper()
	r.Spent(tb)
}

// Spent returns what was counted since the last call of this and of Take, once nothing has come for a moment and nothing is unanswered.
func (r *Requests) Spent(tb testing.TB) map[Request]int {
	tb.Helper()
	deadline := time.Now().Add(Patience)
	before, _ := r.state()
	for calm := time.Duration(0); calm < quiet; {
		began := time.Now()
		if problem := r.unending(tb.Context(), began.After(deadline)); problem != "" {
			tb.Error(problem)
			break
		}
		time.Sleep(quietStep)
		moves, pending := r.state()
		switch {
		case moves != before || pending > 0:
			before, calm = moves, 0
		case time.Since(began) < 2*quietStep:
			calm += quietStep
		}
	}
	return r.Take()
}

// state tells whether anything has happened since, and whether anything will.
func (r *Requests) state() (moves uint64, pending int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.pending {
		pending += n
	}
	return r.moves, pending
}

// unending says why it makes no sense to wait any longer, and for what; nothing if it does.
func (r *Requests) unending(ctx context.Context, late bool) string {
	var why string
	switch {
	case ctx.Err() != nil:
		why = "the test is over while requests go on"
	case late:
		why = "the requests never end"
	default:
		return ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprintf("%s; unanswered:%s\nsince the last look:%s", why, table(r.pending), table(r.counts))
}

// Total adds up counts, for the given resources or, without any, for all.
func Total(counts map[Request]int, resources ...string) int {
	total := 0
	for request, n := range counts {
		if len(resources) == 0 || slices.Contains(resources, request.Resource) {
			total += n
		}
	}
	return total
}

// Log writes the counts to the log of the test, most frequent first.
func Log(tb testing.TB, counts map[Request]int) {
	tb.Helper()
	tb.Logf("requests: %d%s", Total(counts), table(counts))
}

// table has a line for each kind of request, most frequent first.
func table(counts map[Request]int) string {
	requests := slices.SortedFunc(maps.Keys(counts), func(a, b Request) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a.String(), b.String()))
	})
	var b strings.Builder
	for _, request := range requests {
		fmt.Fprintf(&b, "\n%6d %s", counts[request], request)
	}
	return b.String()
}

// counter is a round tripper that counts.
type counter struct {
	next     http.RoundTripper
	requests *Requests
}

// RoundTrip implements http.RoundTripper.
func (c *counter) RoundTrip(req *http.Request) (*http.Response, error) {
	key := parseRequest(req.Method, req.URL)
	c.requests.began(key)
	defer c.requests.ended(key)
	return c.next.RoundTrip(req)
}

func (r *Requests) began(key Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts == nil {
		r.counts = make(map[Request]int)
	}
	if r.pending == nil {
		r.pending = make(map[Request]int)
	}
	r.counts[key]++
	r.moves++
	if key.Verb != watching {
		r.pending[key]++
	}
}

func (r *Requests) ended(key Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.moves++
	if key.Verb == watching {
		return
	}
	if r.pending[key]--; r.pending[key] == 0 {
		delete(r.pending, key)
	}
}

// parseRequest reads paths of the forms /api/v1/… and /apis/<group>/<version>/…, each followed by
// [namespaces/<namespace>/]<resource>[/<name>[/<sub-resource>]].
func parseRequest(method string, u *url.URL) Request {
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	switch {
	case parts[0] == "api" && len(parts) > 2:
		parts = parts[2:]
	case parts[0] == "apis" && len(parts) > 3:
		parts = parts[3:]
	default:
		return Request{Verb: strings.ToLower(method), Resource: u.Path}
	}
	if parts[0] == "namespaces" && len(parts) > 2 && parts[2] != "status" && parts[2] != "finalize" {
		parts = parts[2:]
	}
	r := Request{Resource: parts[0], DryRun: u.Query().Has("dryRun")}
	if len(parts) > 2 {
		r.Resource += "/" + parts[2]
	}
	r.Verb = verb(method, u.Query(), len(parts) > 1)
	return r
}

func verb(method string, query url.Values, named bool) string {
	watch := query.Get("watch")
	switch {
	case method == http.MethodGet && (watch == "true" || watch == "1"):
		return watching
	case method == http.MethodGet && named:
		return "get"
	case method == http.MethodGet:
		return "list"
	case method == http.MethodPost:
		return "create"
	case method == http.MethodPut:
		return "update"
	case method == http.MethodDelete && !named:
		return "deletecollection"
	default:
		return strings.ToLower(method)
	}
}
