// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/cache"
)

const (
	// startPatience is how long a request waits for a cache that is not filled yet: senders such as GitHub and GitLab wait 10 s for an answer,
	// and most do not send again.
	startPatience = 9 * time.Second
	// startPoll is the time between two looks at a cache that has not begun to fill.
	startPoll = 10 * time.Millisecond
)

// faultBackoff is how often and how fast a request to the API server is made: seven times within about eight seconds, for the same reason.
func faultBackoff() wait.Backoff {
	return wait.Backoff{Duration: 50 * time.Millisecond, Factor: 2.5, Jitter: 0.2, Steps: 7}
}

// persist repeats what fails in passing. It returns the last error.
func persist(ctx context.Context, do func() error) error {
	var last error
	err := wait.ExponentialBackoffWithContext(ctx, faultBackoff(), func(context.Context) (done bool, err error) {
		last = do()
		return last == nil || !passing(last), nil
	})
	if last == nil {
		return err
	}
	return last
}

// passing reports whether a request that failed may succeed a moment later: somebody else writes the object all the time, or the API server
// is busy, restarts, or dropped the connection.
func passing(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) || apierrors.IsTooManyRequests(err) ||
		apierrors.IsInternalError(err) || apierrors.IsServiceUnavailable(err) || utilnet.IsConnectionRefused(err) ||
		utilnet.IsConnectionReset(err) || utilnet.IsProbableEOF(err) || utilnet.IsHTTP2ConnectionLost(err) || utilnet.IsTimeout(err)
}

// filled runs a read from the cache, which begins after the ports are open: requests that came while the process started wait for it.
func filled(ctx context.Context, read func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		err := read(ctx)
		if _, early := errors.AsType[*cache.ErrCacheNotStarted](err); !early {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(startPoll):
		}
	}
}

// unfilled reports whether an error of filled says that the cache took too long.
func unfilled(err error) bool {
	_, early := errors.AsType[*cache.ErrCacheNotStarted](err)
	return early || apierrors.IsTimeout(err)
}
