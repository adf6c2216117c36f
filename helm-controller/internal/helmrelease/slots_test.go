// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSlotsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := NewSlots(2)
		var mu sync.Mutex
		working, most := 0, 0
		var runs sync.WaitGroup
		for range 50 {
			runs.Go(func() {
				slot, err := slots.Take(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				for range 3 {
					mu.Lock()
					working++
					most = max(most, working)
					mu.Unlock()
					time.Sleep(time.Second) // of the bubble: everybody who can work does
					mu.Lock()
					working--
					mu.Unlock()
					slot.Release()
					if err := slot.Acquire(t.Context()); err != nil {
						t.Error(err)
					}
				}
				slot.Release()
				slot.Release()
			})
		}
		runs.Wait()
		if most != 2 || slots.free != 2 {
			t.Errorf("at most %d worked at once and %d slots are free in the end, want 2 and 2", most, slots.free)
		}
	})
}

func TestSlotsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := NewSlots(1)
		take := func() *Slot {
			slot, err := slots.Take(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return slot
		}
		waiting := take()
		waiting.Release()
		working := take()
		var order []string
		var runs sync.WaitGroup
		for _, name := range []string{"first", "second"} {
			runs.Go(func() {
				slot := take()
				order = append(order, name)
				slot.Release()
			})
			synctest.Wait()
		}
		runs.Go(func() {
			if err := waiting.Acquire(t.Context()); err != nil {
				t.Error(err)
			}
			order = append(order, "under way")
			waiting.Release()
		})
		synctest.Wait()
		working.Release()
		runs.Wait()
		if diff := cmp.Diff([]string{"under way", "first", "second"}, order); diff != "" {
			t.Errorf("what is under way goes first, then whoever came first (-want +got):\n%s", diff)
		}
	})
}

func TestSlotsCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := NewSlots(1)
		slot, err := slots.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var err2 error
		var runs sync.WaitGroup
		runs.Go(func() { _, err2 = slots.Take(ctx) })
		synctest.Wait()
		cancel()
		runs.Wait()
		if !errors.Is(err2, context.Canceled) {
			t.Errorf("got %v, want the error of the context", err2)
		}
		slot.Release()
		if slots.free != 1 {
			t.Errorf("%d slots are free, want 1: who gave up must not take one", slots.free)
		}
	})
}
