// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package apifault tells faults of the API server that pass from those that stay, and outlasts the former: what this controller is told, by
// senders of webhooks and of events, it is mostly told once.
package apifault

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/wait"
)

// Patience is what to give Outlast where the sender of a webhook waits: GitHub and GitLab do so for 10 s.
const Patience = 9 * time.Second

// backoff is how often and how fast a request is made: seven times, with waits of 7.3 to 8.8 s together, which Patience has room for.
func backoff() wait.Backoff {
	return wait.Backoff{Duration: 45 * time.Millisecond, Factor: 2.5, Jitter: 0.2, Steps: 7}
}

// Outlast repeats what fails in passing, for some seconds and what the attempts take, which the context has to bound. It returns the last error.
func Outlast(ctx context.Context, do func() error) error {
	var last error
	err := wait.ExponentialBackoffWithContext(ctx, backoff(), func(context.Context) (done bool, err error) {
		last = do()
		return last == nil || !Passing(last), nil
	})
	if last == nil {
		return err
	}
	return last
}

// Passing reports whether a request that failed may succeed a moment later: somebody else writes the object all the time, or the API server
// is busy, restarts, or dropped the connection.
func Passing(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) || apierrors.IsTooManyRequests(err) ||
		apierrors.IsInternalError(err) || apierrors.IsServiceUnavailable(err) || utilnet.IsConnectionRefused(err) ||
		utilnet.IsConnectionReset(err) || utilnet.IsProbableEOF(err) || utilnet.IsHTTP2ConnectionLost(err) || utilnet.IsTimeout(err)
}
