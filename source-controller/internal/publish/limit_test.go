// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package publish_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// Local work has a minute at least, whatever the timeout of exchanges is, and more if that is more.
func TestWork(t *testing.T) {
	for timeout, want := range map[time.Duration]time.Duration{time.Second: time.Minute, time.Hour: time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			err := publish.Work(t.Context(), timeout, func(ctx context.Context) error {
				<-ctx.Done()
				return fmt.Errorf("archive: %w", ctx.Err())
			})
			if !errors.Is(err, publish.ErrTimeout) || time.Since(began) != want {
				t.Errorf("got %v after %s", err, time.Since(began))
			}
			other := errors.New("x")
			if err := publish.Work(t.Context(), timeout, func(context.Context) error { return other }); !errors.Is(err, other) {
				t.Errorf("another error stays: %v", err)
			}
		})
	}
}
