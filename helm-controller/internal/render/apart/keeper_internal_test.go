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
				if err != nil || json.Unmarshal(content, &m) != nil || m.Namespace != "team" || m.Name != "app" || m.Chart != "app@1.0.0" || m.Since.IsZero() {
					t.Errorf("mark %s, %v", content, err)
				}
			}}
			_, err := k.Render(t.Context(), subject(), job(map[string]string{"a.yaml": tc.template}), p.lookups(), Bounds{})
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
	k := newKeeper(t, dir, logr.Discard())
	func() {
		defer func() {
			if got := recover(); got != "no" {
				t.Errorf("recovered %v", got)
			}
		}()
		_, _ = k.here(subject(), func() (map[string]string, error) { panic("no") })
	}()
	if left := marks(t, dir); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

// TestStuck has templates that do not come to an end in this process: their run fails, and the process ends, for the next one to suspect them.
func TestStuck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k, ended := newKeeper(t, dir, logr.Discard()), make(chan struct{})
	defer close(ended)
	k.patience = time.Millisecond
	p := provider{asked: func() { <-ended }}
	j := job(map[string]string{"a.yaml": `{{ lookup "v1" "Node" "" "" }}`})
	for range 2 {
		_, err := k.here(subject(), func() (map[string]string, error) { return j.run(p.lookups()) })
		if err == nil || err.Error() != "rendering was given up: the templates did not come to an end within 1ms" {
			t.Errorf("got %v", err)
		}
	}
	if err := k.Start(t.Context()); !errors.Is(err, errStuck) {
		t.Errorf("the process goes on: %v", err)
	}
	if !k.suspect(subject().UID) || !newKeeper(t, dir, logr.Discard()).suspect(subject().UID) {
		t.Error("nobody is suspected")
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
	first.mark(subject().UID, markOf(subject()))
	other := Subject{Owner: types.NamespacedName{Namespace: "team", Name: "other"}, UID: "beef"}
	first.mark(other.UID, markOf(other))
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
	second.Forget(subject().Owner)
	second.Sweep(func(s Subject) bool { return s.UID != "beef" && s.UID != "empty" })
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
	newKeeper(t, dir, logr.Discard()).mark(subject().UID, markOf(subject()))
	k := newKeeper(t, dir, logr.Discard())
	for range 2 {
		if _, err := k.Render(t.Context(), subject(), job(map[string]string{"a.yaml": "x"}), provider{}.lookups(), Bounds{Time: forEver}); err != nil {
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
	none.Forget(subject().Owner)
	for _, keeper := range []*Keeper{k, none} {
		files, err := keeper.Render(t.Context(), subject(), job(map[string]string{"a.yaml": "x"}), provider{}.lookups(), Bounds{})
		if err != nil || files["app/templates/a.yaml"] != "x" {
			t.Errorf("%v, %v", files, err)
		}
	}
	if !strings.Contains(log.String(), "cannot note who is being rendered") {
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
		if _, err := k.Render(t.Context(), subject(), j, p.lookups(), Bounds{Time: forEver, Slot: s}); err != nil || s.free || !asked {
			t.Errorf("%s: free %t, asked %t, error %v", name, s.free, asked, err)
		}
	}
}

// TestTurn has a second suspect wait for the first one, and not for longer than its run lasts.
func TestTurn(t *testing.T) {
	t.Parallel()
	k := suspecting(t)
	ctx, cancel := context.WithCancel(t.Context())
	inner := false
	p := provider{asked: func() {
		cancel()
		_, err := k.Render(ctx, subject(), job(nil), provider{}.lookups(), Bounds{Time: forEver})
		inner = err != nil
	}}
	j := job(map[string]string{"a.yaml": `{{ lookup "v1" "Node" "" "" }}`})
	if _, err := k.Render(t.Context(), subject(), j, p.lookups(), Bounds{Time: forEver}); err != nil || !inner {
		t.Errorf("the second one ran beside the first: %t, %v", !inner, err)
	}
}

// BenchmarkHere is what an honest release pays; BenchmarkEngine is Helm's part of it.
func BenchmarkHere(b *testing.B) {
	k, j := newKeeper(b, b.TempDir(), logr.Discard()), job(map[string]string{"a.yaml": "x"})
	for b.Loop() {
		if _, err := k.Render(b.Context(), subject(), j, provider{}.lookups(), Bounds{}); err != nil {
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
		if _, err := k.Render(b.Context(), subject(), j, provider{}.lookups(), Bounds{Time: forEver}); err != nil {
			b.Fatal(err)
		}
	}
}
