// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

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
		if got := m.Suspects(); got != suspects {
			t.Fatalf("%d suspects, want %d", got, suspects)
		}
	}
	enter := func(uid types.UID, inputs string, want error) func(bool) {
		t.Helper()
		leave, err := m.enter(uid, inputs)
		if !errors.Is(err, want) {
			t.Fatalf("%s of %s: %v, want %v", inputs, uid, err, want)
		}
		return leave
	}
	start(0)
	enter("good", "1", nil)(true)
	enter("bad", "1", nil)
	enter("beside", "1", nil)
	start(2) // the process has ended
	ends := enter("bad", "1", nil)
	enter("beside", "1", errSuspects)
	enter("good", "1", nil)(true)
	ends(true)
	enter("beside", "1", nil)(true)
	start(0) // both have come to their end

	enter("bad", "1", nil)
	for range maxDeaths - 1 {
		start(1)
		enter("bad", "1", nil)
	}
	start(1)
	enter("bad", "1", errQuarantined)
	start(1)
	if got := m.suspects["bad"].Deaths; got != maxDeaths {
		t.Errorf("%d deaths, want %d: a process that did not build it says nothing", got, maxDeaths)
	}
	enter("bad", "2", nil)(true) // a push that mends it
	enter("bad", "1", nil)
	for range maxDeaths - 1 {
		start(1)
		enter("bad", "1", nil)
	}
	start(1)
	enter("bad", "1", errQuarantined)
	now = now.Add(quarantine + time.Second)
	enter("bad", "1", nil)(true)

	enter("late", "1", nil)(false) // it goes on
	start(1)
	enter("late", "1", nil)(true)
	enter("late", "1", nil)(false)
	enter("bad", "1", nil)
	start(2)
	enter("other", "1", nil)(false)
	deaths := m.suspects["late"].Deaths
	enter("late", "1", nil)(false)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	start(2) // the mark of the other is gone, as the process has ended in order
	if got := m.suspects["late"].Deaths; got != deaths {
		t.Errorf("%d deaths, want %d: an end in order is none", got, deaths)
	}
	enter("bad", "2", nil)(true)
	enter("late", "2", nil)(true)

	if err := os.WriteFile(filepath.Join(dir, "half.json"), []byte(`{"inp`), 0o600); err != nil {
		t.Fatal(err)
	}
	start(0)
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
		leave(true)
	}
}
