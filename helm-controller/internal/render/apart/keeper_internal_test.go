// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apart

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
)

// marks lists the files in the folder of marks.
func marks(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, folder))
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestMark has a file that says who is being rendered, for as long as that takes.
func TestMark(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ reason, template string }{
		"Done":  {"It goes when the templates are done.", `{{ lookup "v1" "Node" "" "" }}`},
		"Fault": {"And when they fail.", `{{ lookup "v1" "Node" "" "" }}{{ fail "no" }}`},
		"Panic": {"And when they panic, which Helm makes an error.", `{{ lookup "v1" "Node" "" "" }}{{ index (list) 1 }}`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			k, asked := newKeeper(t, dir, logr.Discard()), false
			p := provider{asked: func() {
				asked = true
				content, err := os.ReadFile(filepath.Join(dir, folder, "0b2c.json"))
				var m mark
				if err != nil || json.Unmarshal(content, &m) != nil || m.Namespace != "team" || m.Name != "app" || m.Chart != "app@1.0.0" || m.Since.IsZero() ||
					m.Inputs != "a" || !m.Working || m.Deaths != 0 {
					t.Errorf("mark %s, %v", content, err)
				}
			}}
			_, err := guarded(t.Context(), k, job(map[string]string{"a.yaml": tc.template}), p.lookups(), Bounds{})
			if !asked {
				t.Errorf("nothing was rendered: %v", err)
			}
			if left := marks(t, dir); len(left) > 0 {
				t.Errorf("%s\nleft %v", tc.reason, left)
			}
		})
	}
}

// TestPanic hands a panic on to the goroutine that asked.
func TestPanic(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var log strings.Builder
	k := newKeeper(t, dir, funcr.New(func(_, args string) { fmt.Fprintln(&log, args) }, funcr.Options{}))
	func() {
		defer func() {
			if got := recover(); got != "no" {
				t.Errorf("recovered %v", got)
			}
		}()
		_ = k.Guard(t.Context(), subject(), nil, func(context.Context) error { panic("no") })
	}()
	if !strings.Contains(log.String(), "TestPanic.func") {
		t.Errorf("nobody was told where: %s", log.String())
	}
	if left := marks(t, dir); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

// TestStuck has work that does not come to an end in this process: its run fails, and the process ends, for the next one to suspect the release.
func TestStuck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k, freed := newKeeper(t, dir, logr.Discard()), make(chan struct{})
	defer close(freed)
	k.patience, k.grace = time.Millisecond, time.Millisecond
	for _, uid := range []types.UID{"0b2c", "beef"} {
		s := subject()
		s.UID = uid
		err := k.Guard(t.Context(), s, nil, func(context.Context) error { <-freed; return nil })
		if err == nil || err.Error() != "rendering was given up: the work on the chart did not come to an end within 1ms" {
			t.Errorf("got %v", err)
		}
	}
	if err := k.Start(t.Context()); !errors.Is(err, errStuck) {
		t.Errorf("the process goes on: %v", err)
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	next := newKeeper(t, dir, logr.Discard())
	if !k.suspect("0b2c") || next.suspects["0b2c"].Deaths != 1 || next.suspects["beef"].Deaths != 1 {
		t.Errorf("suspects %+v", next.suspects)
	}
}

// TestLate has work that ends when it is told to, as what waits for others does: only its run fails.
func TestLate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k := newKeeper(t, dir, logr.Discard())
	k.patience, k.grace = time.Millisecond, forEver
	err := k.Guard(t.Context(), subject(), nil, func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	})
	if err == nil || err.Error() != "rendering was given up: the work on the chart did not come to an end within 1ms" {
		t.Errorf("got %v", err)
	}
	if left := marks(t, dir); len(left) > 0 || k.suspect(subject().UID) || len(k.stuck) > 0 {
		t.Errorf("left %v", left)
	}
}

// TestOutlast has a run that is told to end while its work goes on: nobody waits for that, nor suspects it, if it comes to an end.
func TestOutlast(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k := newKeeper(t, dir, logr.Discard())
	k.grace = time.Millisecond
	s, freed := subject(), make(chan struct{})
	k.suspects[s.UID] = mark{} // whose turn tells when it is over
	ctx, cancel := context.WithCancelCause(t.Context())
	over := errors.New("the run is over")
	err := k.Guard(ctx, s, nil, func(context.Context) error {
		cancel(over)
		<-freed
		return nil
	})
	if !errors.Is(err, over) || len(k.stuck) > 0 {
		t.Errorf("got %v", err)
	}
	close(freed)
	k.turn <- struct{}{}
	if k.suspects[s.UID].Working || len(k.working) > 0 {
		t.Errorf("left %v", k.working)
	}
}

// die is a process that ends during work on s.
func die(t *testing.T, dir string, s Subject) {
	t.Helper()
	k := newKeeper(t, dir, logr.Discard())
	if err := k.enter(s); err != nil {
		t.Errorf("not tried again: %v", err)
	}
	_ = k.notes.Close()
}

// TestRefused has work that the process has not survived three times: it is not tried any more, unless it is other work, or a day has passed.
func TestRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nothing := func(context.Context) error { return nil }
	for range maxDeaths {
		die(t, dir, subject())
	}
	k := newKeeper(t, dir, logr.Discard())
	for range 2 { // the turn is given back
		if err := k.Guard(t.Context(), subject(), nil, nothing); !errors.Is(err, errRefused) {
			t.Errorf("got %v", err)
		}
	}
	other := subject()
	other.Inputs = "b"
	if err := k.Guard(t.Context(), other, nil, nothing); err != nil {
		t.Errorf("other inputs: %v", err)
	}
	if !k.suspect(subject().UID) {
		t.Error("other inputs end the suspicion")
	}

	for range maxDeaths {
		die(t, dir, other)
	}
	k = newKeeper(t, dir, logr.Discard())
	if err := k.Guard(t.Context(), other, nil, nothing); !errors.Is(err, errRefused) {
		t.Errorf("got %v", err)
	}
	k.clock = func() time.Time { return time.Now().Add(quarantine + time.Hour) }
	if err := k.Guard(t.Context(), other, nil, nothing); err != nil {
		t.Errorf("a day later: %v", err)
	}
}

// TestClose has a process that ends in order during work, which it does because of none of that.
func TestClose(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	die(t, dir, subject())
	k := newKeeper(t, dir, logr.Discard())
	innocent := subject()
	innocent.UID = "beef"
	if err := errors.Join(k.enter(subject()), k.enter(innocent), k.Close()); err != nil {
		t.Fatal(err)
	}
	next := newKeeper(t, dir, logr.Discard())
	if next.suspects["0b2c"].Deaths != 1 || next.suspect("beef") {
		t.Errorf("suspects %+v", next.suspects)
	}
}

// TestStart ends with the process.
func TestStart(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := newKeeper(t, t.TempDir(), logr.Discard()).Start(ctx); err != nil {
		t.Error(err)
	}
}

// TestSuspects are those whose marks an earlier process has left, whatever is in them, until they are forgotten.
func TestSuspects(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := newKeeper(t, dir, logr.Discard())
	first.put(subject().UID, markOf(subject()))
	other := Subject{Owner: types.NamespacedName{Namespace: "team", Name: "other"}, UID: "beef"}
	first.put(other.UID, markOf(other))
	for name, content := range map[string]string{"torn.json": `{"names`, "empty.json": "", "README": "no mark"} {
		if err := os.WriteFile(filepath.Join(dir, folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var log strings.Builder
	second := newKeeper(t, dir, funcr.New(func(_, args string) { fmt.Fprintln(&log, args) }, funcr.Options{}))
	for _, uid := range []types.UID{"0b2c", "beef", "torn", "empty"} {
		if !second.suspect(uid) || first.suspect(uid) {
			t.Errorf("%s is no suspect of the second process, or one of the first", uid)
		}
	}
	if n := strings.Count(log.String(), "an earlier process ended"); n != 4 || !strings.Contains(log.String(), `"namespace"="team" "name"="app" "uid"="0b2c" "chart"="app@1.0.0"`) {
		t.Errorf("%d lines:\n%s", n, log.String())
	}
	second.Forget(subject().UID)
	second.Sweep(func(uid types.UID) bool { return uid != "beef" && uid != "empty" })
	if diff := cmp.Diff([]string{"README", "torn.json"}, marks(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for uid, want := range map[types.UID]bool{"0b2c": false, "beef": false, "empty": false, "torn": true} {
		if second.suspect(uid) != want || newKeeper(t, dir, logr.Discard()).suspect(uid) != want {
			t.Errorf("%s: want suspect %t", uid, want)
		}
	}
}

// TestStaysSuspect renders a suspect apart also after that has gone well, and keeps its mark.
func TestStaysSuspect(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	newKeeper(t, dir, logr.Discard()).put(subject().UID, markOf(subject()))
	k := newKeeper(t, dir, logr.Discard())
	for range 2 {
		if _, err := guarded(t.Context(), k, job(map[string]string{"a.yaml": "x"}), provider{}.lookups(), Bounds{Time: forEver}); err != nil {
			t.Fatal(err)
		}
	}
	if got := marks(t, dir); len(got) != 1 || !k.suspect(subject().UID) {
		t.Errorf("marks %v", got)
	}
}

// TestUnmarked renders although no mark can be written, and without a Keeper.
func TestUnmarked(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	dir := t.TempDir()
	k := newKeeper(t, dir, funcr.New(func(_, args string) { fmt.Fprintln(&log, args) }, funcr.Options{}))
	if err := os.Mkdir(filepath.Join(dir, folder, "0b2c.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, folder, "0b2c.json", "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var none *Keeper
	none.Forget(subject().UID)
	for _, keeper := range []*Keeper{k, none} {
		files, err := guarded(t.Context(), keeper, job(map[string]string{"a.yaml": "x"}), provider{}.lookups(), Bounds{})
		if err != nil || files["app/templates/a.yaml"] != "x" {
			t.Errorf("%v, %v", files, err)
		}
	}
	if !strings.Contains(log.String(), "cannot note who is being worked on") {
		t.Errorf("nobody was told: %s", log.String())
	}
}

// slot counts how often it is given back and taken.
type slot struct{ free bool }

// Release implements Slot.
func (s *slot) Release() { s.free = true }

// Acquire implements Slot.
func (s *slot) Acquire(ctx context.Context) error {
	s.free = false
	return ctx.Err()
}

// TestSlot gives the slot of a run back while its templates run apart, and only then.
func TestSlot(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]*Keeper{"here": newKeeper(t, t.TempDir(), logr.Discard()), "apart": suspecting(t)} {
		s, asked := &slot{}, false
		p := provider{asked: func() {
			asked = true
			if s.free != (name == "apart") {
				t.Errorf("%s: free %t", name, s.free)
			}
		}}
		j := job(map[string]string{"a.yaml": `{{ lookup "v1" "Node" "" "" }}`})
		if _, err := guarded(t.Context(), k, j, p.lookups(), Bounds{Time: forEver, Slot: s}); err != nil || s.free || !asked {
			t.Errorf("%s: free %t, asked %t, error %v", name, s.free, asked, err)
		}
	}
}

// TestTurn has a second suspect wait for the first one without its slot, and not for longer than its run lasts.
func TestTurn(t *testing.T) {
	t.Parallel()
	k := suspecting(t)
	other := subject()
	other.UID = "beef"
	k.suspects[other.UID] = mark{}
	ctx, cancel := context.WithCancelCause(t.Context())
	over, slot := errors.New("the run is over"), &slot{}
	err := k.Guard(t.Context(), subject(), nil, func(context.Context) error {
		cancel(over)
		return k.Guard(ctx, other, slot, func(context.Context) error { return nil })
	})
	if !errors.Is(err, over) || !slot.free {
		t.Errorf("free %t, error %v", slot.free, err)
	}
	if err := k.Guard(t.Context(), other, slot, func(context.Context) error { return nil }); err != nil {
		t.Error(err)
	}
}

// BenchmarkHere is what an honest release pays; BenchmarkEngine is Helm's part of it.
func BenchmarkHere(b *testing.B) {
	k, j := newKeeper(b, b.TempDir(), logr.Discard()), job(map[string]string{"a.yaml": "x"})
	for b.Loop() {
		if _, err := guarded(b.Context(), k, j, provider{}.lookups(), Bounds{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEngine(b *testing.B) {
	j := job(map[string]string{"a.yaml": "x"})
	for b.Loop() {
		if _, err := j.run(provider{}.lookups()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkApart is what a suspect pays.
func BenchmarkApart(b *testing.B) {
	k, j := suspecting(b), job(map[string]string{"a.yaml": "x"})
	for b.Loop() {
		if _, err := guarded(b.Context(), k, j, provider{}.lookups(), Bounds{Time: forEver}); err != nil {
			b.Fatal(err)
		}
	}
}
