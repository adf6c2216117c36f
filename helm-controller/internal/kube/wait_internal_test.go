// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"testing"
	"time"
)

// place counts how often it is held.
type place int

func (p *place) Release()                      { *p-- }
func (p *place) Acquire(context.Context) error { *p++; return nil }

// TestIdlePanics holds that an action which goes on after a panic in a wait has its place again.
func TestIdlePanics(t *testing.T) {
	held := place(1)
	c := &Client{Options: Options{Slot: &held}}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		if err := c.idle(t.Context(), time.Minute, func(context.Context) error {
			if held != 0 {
				t.Error("the place is kept during the wait")
			}
			panic("oops")
		}); err != nil {
			t.Error(err)
		}
	}()
	if held != 1 {
		t.Errorf("the place is held %d times", held)
	}
}
