// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package events

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	// attemptTimeout and the two waits are those of the contract: 5 s, 1 s doubling to at most 30 s. Unlike the compatibility target, which
	// gives up after four retries, a document stays until it is delivered: a restart of the notification-controller loses nothing.
	attemptTimeout = 5 * time.Second
	minRetryWait   = time.Second
	maxRetryWait   = 30 * time.Second
	// maxAge is when a document that could not be delivered is given up: nobody is helped by news that old.
	maxAge = time.Hour
	// posters is how many documents are under way at once, each about another object. The receiver writes to disk before it answers, and
	// what arrives together shares that write.
	posters = 8
	// drainTimeout is how long the end of the process waits for queued documents. It fits into the 10 s that the shortest of the
	// Deployments grants a pod.
	drainTimeout = 5 * time.Second
	// idleTimeout is how long a connection is kept for the next document, as net/http does by default.
	idleTimeout = 90 * time.Second
	// maxRedirects is that of net/http.
	maxRedirects = 10
	// maxAnswer bounds what is read of an answer so that the connection can be used again.
	maxAnswer = 4 << 10
)

// poster delivers documents to the notification address: those about one object one after the other, those about several side by side.
type poster struct {
	address string
	client  *http.Client
	queue   *queue
	log     logr.Logger
	metrics *metrics
	// minWait is minRetryWait, in tests less; drain is drainTimeout, in tests more.
	minWait, drain time.Duration
	// down is set from the first attempt that failed until the first that succeeded.
	down atomic.Bool
}

func newPoster(address string, log logr.Logger, registry prometheus.Registerer) (*poster, error) {
	q := newQueue()
	m, err := newMetrics(registry, q.len)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: posters, IdleConnTimeout: idleTimeout}
	return &poster{
		address: address, queue: q, log: log, metrics: m, minWait: minRetryWait, drain: drainTimeout,
		client: &http.Client{Transport: transport, Timeout: attemptTimeout, CheckRedirect: repeated},
	}, nil
}

// repeated follows the redirects that post the document again, 307 and 308. To all others net/http sends a GET, whose success says nothing about
// the document: they count as refusal. A loop does not: whoever redirects is set up wrong, and that passes.
func repeated(r *http.Request, via []*http.Request) error {
	switch {
	case r.Method != http.MethodPost:
		return http.ErrUseLastResponse
	case len(via) >= maxRedirects:
		return fmt.Errorf("stopped after %d redirects", maxRedirects)
	}
	return nil
}

// add queues a document about the object that key names.
func (p *poster) add(key string, body []byte) {
	if dropped := p.queue.push(key, body, time.Now()); dropped > 0 {
		p.metrics.drop(dropFull, dropped)
	}
}

// run delivers until ctx ends. Then everything that is queued gets a last attempt, for a bounded time together.
func (p *poster) run(ctx context.Context) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(p.drain, cancel) })()
	var workers sync.WaitGroup
	for range posters {
		workers.Go(func() { p.work(ctx, work) })
	}
	workers.Wait()
	p.client.CloseIdleConnections()
}

// work takes and delivers documents, with the context of the same name, until ctx has ended and nothing is left.
func (p *poster) work(ctx, work context.Context) {
	for {
		ending := ctx.Err() != nil
		w, wait, changed, ok := p.queue.take(time.Now(), ending)
		switch {
		case ok:
			p.handle(work, w, ending)
		case ending:
			return
		default:
			timer := time.NewTimer(wait)
			select {
			case <-ctx.Done():
			case <-changed:
			case <-timer.C:
			}
			timer.Stop()
		}
	}
}

// handle makes one attempt and decides what becomes of the document.
func (p *poster) handle(ctx context.Context, w work, last bool) {
	if dropped := p.queue.takeDropped(); dropped > 0 {
		p.log.Info("event queue was full, oldest events dropped", "count", dropped)
	}
	err := p.deliver(ctx, w.body)
	_, refused := errors.AsType[*refusedError](err)
	switch {
	case err == nil:
		p.queue.finish(w)
		if p.down.CompareAndSwap(true, false) {
			p.queue.hurry()
		}
	case refused:
		p.log.Error(err, "event not delivered")
		p.giveUp(w, dropRefused)
	case last:
		p.log.Error(err, "event not delivered before the end")
		p.giveUp(w, dropEnd)
	case time.Since(w.since) > maxAge:
		p.log.Error(err, "event not delivered in time")
		p.giveUp(w, dropExpired)
	default:
		if p.down.CompareAndSwap(false, true) {
			p.log.Error(err, "event not delivered yet, events are kept until the notification address takes them")
		}
		p.queue.retry(w, time.Now().Add(p.backoff(w.failures)))
	}
}

func (p *poster) giveUp(w work, reason string) {
	p.metrics.drop(reason, 1)
	p.queue.finish(w)
}

// backoff is the wait after that many earlier failures.
func (p *poster) backoff(failures int) time.Duration {
	const most = 16 // doublings; far beyond maxRetryWait, and no overflow
	return min(p.minWait<<min(failures, most), maxRetryWait)
}

// refusedError says that the receiver will never take a document.
type refusedError struct {
	status string
}

func (e *refusedError) Error() string { return "notification address answered " + e.status }

// deliver makes one attempt. A 429 says that the receiver has the same event already.
func (p *poster) deliver(ctx context.Context, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.address, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("build request: %w", withoutURL(err))
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := p.client.Do(req)
	if err != nil {
		return fmt.Errorf("post event: %w", withoutURL(err))
	}
	defer resp.Body.Close()
	// What is left of the answer does not matter, only that the connection is free again.
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer)
	switch code := resp.StatusCode; {
	case code < http.StatusMultipleChoices || code == http.StatusTooManyRequests:
		return nil
	case code >= http.StatusInternalServerError && code != http.StatusNotImplemented:
		return fmt.Errorf("notification address answered %s", resp.Status)
	default:
		return &refusedError{status: resp.Status}
	}
}

// withoutURL takes the address, which may hold user info or a token, out of an error of net/http.
func withoutURL(err error) error {
	if withURL, ok := errors.AsType[*url.Error](err); ok {
		return withURL.Err
	}
	return err
}
