// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/cache"
)

const (
	// startPatience is how long a request waits for a cache that is not filled yet: senders such as GitHub and GitLab wait 10 s for an answer,
	// and most do not send again.
	startPatience = 9 * time.Second
	// startPoll is the time between two looks at a cache that has not begun to fill.
	startPoll = 10 * time.Millisecond
)

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
