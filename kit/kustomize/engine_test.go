// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestGateHungBuild lets one build hang beside one that wants to be alone: all others go on.
func TestGateHungBuild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newSchemaGate()
		ctx, cancel := context.WithCancel(t.Context())
		hang := make(chan struct{})
		go func() { _ = g.shared(ctx, func() { <-hang }) }()
		synctest.Wait()
		lone := make(chan error, 1)
		go func() { lone <- g.alone(ctx, func() {}) }()
		synctest.Wait()
		for range 20 {
			began := time.Now()
			if err := g.shared(ctx, func() {}); err != nil || time.Since(began) > courtesy {
				t.Errorf("a build beside a hanging one: %v after %s", err, time.Since(began))
			}
			time.Sleep(courtesy / 2)
		}
		close(hang)
		if err := <-lone; err != nil {
			t.Errorf("alone at last: %v", err)
		}
		if err := g.shared(ctx, func() {}); err != nil {
			t.Error(err)
		}
		cancel()
	})
}

// TestGateEnds checks that waiting to be alone ends with the context and leaves nothing behind.
func TestGateEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newSchemaGate()
		hang := make(chan struct{})
		go func() { _ = g.shared(t.Context(), func() { <-hang }) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := g.alone(ctx, func() { t.Error("it is not alone") }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		close(hang)
		if err := g.alone(t.Context(), func() {}); err != nil {
			t.Error(err)
		}
	})
}
