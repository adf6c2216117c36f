// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// minWorkTimeout is what local work gets at least: spec.timeout is meant for exchanges with others and may be a second.
const minWorkTimeout = time.Minute

// ErrTimeout is why an exchange with somebody else, or work on what it brought, was ended.
var ErrTimeout = errors.New("not finished in time")

// Limit is the context of an exchange that may take as long as timeout.
func Limit(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, timeout, fmt.Errorf("timeout of %s: %w", timeout, ErrTimeout))
}

// WorkTimeout is how long work on what was fetched may take, given the timeout of exchanges.
func WorkTimeout(timeout time.Duration) time.Duration { return max(timeout, minWorkTimeout) }

// Work does local work in limited time: a tree or its ignore files may be made to take for ever. timeout is that of exchanges.
func Work(ctx context.Context, timeout time.Duration, work func(context.Context) error) error {
	limited, cancel := Limit(ctx, WorkTimeout(timeout))
	defer cancel()
	err := work(limited)
	if err != nil && errors.Is(err, limited.Err()) {
		return context.Cause(limited)
	}
	return err
}
