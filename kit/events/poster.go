// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package events

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/go-logr/logr"
	"github.com/hashicorp/go-retryablehttp"
)

const (
	// attemptTimeout, maxRetries and the two waits are those of the contract: 5 s, up to 4 retries, 1 s doubling to at most 30 s.
	attemptTimeout = 5 * time.Second
	maxRetries     = 4
	minRetryWait   = time.Second
	maxRetryWait   = 30 * time.Second
	// drainTimeout is how long the end of the process waits for queued documents. It fits into the 10 s that the shortest of the
	// Deployments grants a pod.
	drainTimeout = 5 * time.Second
)

// poster delivers documents to the notification address, one after the other so that their order is kept.
type poster struct {
	address string
	client  *retryablehttp.Client
	queue   *queue
	log     logr.Logger
}

func newPoster(address string, log logr.Logger) *poster {
	c := retryablehttp.NewClient()
	c.Logger = nil
	c.HTTPClient.Timeout = attemptTimeout
	c.RetryMax = maxRetries
	c.RetryWaitMin = minRetryWait
	c.RetryWaitMax = maxRetryWait
	c.CheckRetry = retry
	c.ErrorHandler = giveUp
	return &poster{address: address, client: c, queue: newQueue(), log: log}
}

// retry keeps a 429 from being tried again: it says that the receiver has the same event already.
func retry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	if resp != nil && resp.StatusCode == http.StatusTooManyRequests {
		return false, nil
	}
	return retryablehttp.ErrorPropagatedRetryPolicy(ctx, resp, err)
}

// run delivers until ctx ends, and then what is queued or under way for at most drainTimeout.
func (p *poster) run(ctx context.Context) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(drainTimeout, cancel) })()
	for work.Err() == nil {
		body, dropped, ok := p.queue.pop()
		if dropped > 0 {
			p.log.Info("event queue was full, oldest events dropped", "count", dropped)
		}
		if ok {
			if err := p.deliver(work, body); err != nil {
				p.log.Error(err, "event not delivered")
			}
			continue
		}
		if ctx.Err() != nil {
			return
		}
		select {
		case <-ctx.Done():
		case <-p.queue.ready:
		}
	}
	p.log.Info("events left undelivered at the end", "count", p.queue.len())
}

func (p *poster) deliver(ctx context.Context, body []byte) error {
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, p.address, body)
	if err != nil {
		return fmt.Errorf("build request: %w", withoutURL(err))
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := p.client.Do(req)
	if err != nil {
		return err
	}
	status := resp.Status
	if err := resp.Body.Close(); err != nil {
		return err
	}
	if resp.StatusCode >= http.StatusMultipleChoices && resp.StatusCode != http.StatusTooManyRequests {
		return fmt.Errorf("notification address answered %s", status)
	}
	return nil
}

// giveUp is the error of the last attempt.
func giveUp(resp *http.Response, err error, tries int) (*http.Response, error) {
	if resp != nil {
		status := resp.Status
		resp.Body.Close()
		return nil, fmt.Errorf("gave up after %d attempts: notification address answered %s", tries, status)
	}
	return nil, fmt.Errorf("gave up after %d attempts: %w", tries, withoutURL(err))
}

// withoutURL takes the address, which may hold user info or a token, out of an error of net/http.
func withoutURL(err error) error {
	if withURL, ok := errors.AsType[*url.Error](err); ok {
		return withURL.Err
	}
	return err
}
