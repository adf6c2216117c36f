// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/outcome"
)

// TestMarks lets processes end during builds.
func TestMarks(t *testing.T) {
	dir, now := filepath.Join(t.TempDir(), "building"), time.Unix(1_000_000, 0)
	var m *Marks
	start := func(suspects int) {
		t.Helper()
		var err error
		if m, err = OpenMarks(dir, func() time.Time { return now }); err != nil {
			t.Fatal(err)
		}
		if got := len(m.suspects); got != suspects {
			t.Fatalf("%d suspects, want %d", got, suspects)
		}
	}
	enter := func(uid types.UID, inputs string, want error) func() {
		t.Helper()
		leave, err := m.enter(uid, inputs)
		if !errors.Is(err, want) {
			t.Fatalf("%s of %s: %v, want %v", inputs, uid, err, want)
		}
		return leave
	}
	start(0)
	enter("good", "1", nil)()
	enter("bad", "1", nil)
	enter("beside", "1", nil)
	start(2) // the process has ended
	if got := m.Interrupted(); got != 2 {
		t.Errorf("%d builds were under way, want 2", got)
	}
	ends := enter("bad", "1", nil)
	enter("beside", "1", errSuspects)
	enter("good", "1", nil)()
	ends()
	enter("beside", "1", nil)()
	start(0) // both have come to their end

	enter("bad", "1", nil)
	for range maxDeaths - 1 {
		start(1)
		enter("bad", "1", nil)
	}
	start(1)
	enter("bad", "1", errQuarantined)
	start(1)
	if got := m.Interrupted(); got != 0 {
		t.Errorf("%d builds were under way, want 0", got)
	}
	if got := m.suspects["bad"].Deaths; got != maxDeaths {
		t.Errorf("%d deaths, want %d: a process that did not build it says nothing", got, maxDeaths)
	}
	enter("bad", "2", nil)() // a push that mends it
	enter("bad", "1", nil)
	for range maxDeaths - 1 {
		start(1)
		enter("bad", "1", nil)
	}
	start(1)
	enter("bad", "1", errQuarantined)
	now = now.Add(quarantine + time.Second)
	enter("bad", "1", nil)()

	enter("late", "1", nil) // it goes on
	start(1)
	enter("late", "1", nil)()
	enter("late", "1", nil)
	enter("bad", "1", nil)
	start(2)
	enter("other", "1", nil)
	deaths := m.suspects["late"].Deaths
	enter("late", "1", nil)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	start(2) // the mark of the other is gone, as the process has ended in order
	if got := m.suspects["late"].Deaths; got != deaths {
		t.Errorf("%d deaths, want %d: an end in order is none", got, deaths)
	}
	enter("bad", "2", nil)()
	enter("late", "2", nil)()

	if err := os.WriteFile(filepath.Join(dir, "half.json"), []byte(`{"inp`), 0o600); err != nil {
		t.Fatal(err)
	}
	start(0)
}

// TestMarksOfOne lets builds of one object be under way at once: nobody waits for the first any more.
func TestMarksOfOne(t *testing.T) {
	dir := t.TempDir()
	var m *Marks
	start := func(want map[types.UID]mark) {
		t.Helper()
		var err error
		if m, err = OpenMarks(dir, func() time.Time { return time.Unix(1_000_000, 0).UTC() }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, m.suspects); diff != "" {
			t.Fatalf("suspects (-want +got):\n%s", diff)
		}
	}
	enter := func(uid types.UID, inputs string, want error) func() {
		t.Helper()
		leave, err := m.enter(uid, inputs)
		if !errors.Is(err, want) {
			t.Fatalf("%s of %s: %v, want %v", inputs, uid, err, want)
		}
		return leave
	}
	left := func(inputs string, deaths int) map[types.UID]mark {
		return map[types.UID]mark{"u": {Inputs: inputs, Deaths: deaths, Since: time.Unix(1_000_000, 0).UTC()}}
	}
	start(map[types.UID]mark{})
	enter("u", "1", nil)
	enter("u", "1", nil)() // ends at once, as too many are under way
	start(left("1", 1))    // the first has ended the process

	first := enter("u", "1", nil)
	m.suspects["other"] = mark{Inputs: "1", Deaths: 1, Since: m.clock()}
	enter("other", "1", errSuspects) // although nobody waits for the first
	enter("u", "2", nil)
	enter("other", "1", errSuspects)
	first()
	enter("other", "1", nil)()
	start(left("2", 1)) // what is still under way has ended it

	enter("u", "1", nil)
	enter("u", "2", nil)()
	start(left("1", 1))
	first, second := enter("u", "2", nil), enter("u", "1", nil)
	first()
	second()
	start(map[types.UID]mark{})
}

// TestMarksOnFullDisk starts with marks that cannot be written.
func TestMarksOnFullDisk(t *testing.T) {
	dir := t.TempDir()
	m, err := OpenMarks(dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.enter("u", "1"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "u.json.new"), 0o700); err != nil { // where the next one would be written
		t.Fatal(err)
	}
	for range 2 {
		if m, err = OpenMarks(dir, time.Now); err != nil || m.suspects["u"].Deaths != 1 {
			t.Errorf("%+v, %v", m, err)
		}
	}
}

// TestQuarantine holds what is said of a build that is not tried.
func TestQuarantine(t *testing.T) {
	m, err := OpenMarks(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	r := &Reconciler{Marks: m}
	s := fresh(func(s *scope) { s.obj.UID, s.inputs = "u", "1" })
	m.suspects["u"] = mark{Inputs: "1", Deaths: maxDeaths, Since: time.Now()}
	if got := outcome.Of(r.build(t.Context(), s)); got.Class != outcome.Failed || got.Reason != kustomizev1.BuildFailedReason || !errors.Is(got.Err, errQuarantined) {
		t.Errorf("got %+v", got)
	}
	m.suspects["u"] = mark{Inputs: "1", Deaths: 1, Since: time.Now()}
	m.busy = true
	if got := outcome.Of(r.build(t.Context(), s)); got.Class != outcome.Waiting || got.After != suspectRetry {
		t.Errorf("got %+v", got)
	}
}

// BenchmarkMarks is what a mark costs a build.
func BenchmarkMarks(b *testing.B) {
	m, err := OpenMarks(filepath.Join(b.TempDir(), "building"), time.Now)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		leave, err := m.enter("u", "1")
		if err != nil {
			b.Fatal(err)
		}
		leave()
	}
}
