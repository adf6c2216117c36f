// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"

	"github.com/weir-gitops/weir/helm-controller/internal/release"
)

func FuzzUnpack(f *testing.F) {
	var p packer
	for _, seed := range []string{
		`{"name":"a","version":1,"info":{"status":"deployed"},"apply_method":"ssa","x":[1]}`, `{"chart":{"metadata":{"name":"c"}},"hooks":[null]}`, `null`, `{}`,
	} {
		payload, err := p.pack(&document{json: []byte(seed)})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
		f.Add([]byte(base64.StdEncoding.EncodeToString([]byte(seed))))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		d, err := unpack(payload)
		if err != nil {
			return
		}
		rls, err := d.release()
		if err != nil {
			return
		}
		again, err := compose(rls, d.chart, d.extras)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		packed, err := p.pack(again)
		if err != nil {
			t.Fatal(err)
		}
		back, err := unpack(packed)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if len(back.extras) != len(d.extras) {
			t.Errorf("extras %v became %v", d.extras, back.extras)
		}
		if _, err := release.Decode(back.json); err != nil {
			t.Errorf("Decode: %v", err)
		}
	})
}

func TestUnpackLimit(t *testing.T) {
	var p packer
	bomb, err := p.pack(&document{json: make([]byte, maxDocumentBytes+1)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unpack(bomb); !errors.Is(err, ErrTooLarge) {
		t.Errorf("unpack: %v, want ErrTooLarge", err)
	}
}

// TestIsNewest has what the watch can have delivered when an entry is looked up.
func TestIsNewest(t *testing.T) {
	entryAt := &entry{key: Key{"n", "r"}, revision: &release.Revision{Version: 2}, version: "20"}
	cases := map[string]struct {
		reason   string
		seen     map[int]string
		position string
		want     bool
	}{
		"Same":        {reason: "The watch has seen the same.", seen: map[int]string{1: "5", 2: "20"}, position: "25", want: true},
		"Behind":      {reason: "The watch has not yet seen our rewrite.", seen: map[int]string{2: "18"}, position: "19", want: true},
		"BehindFirst": {reason: "The watch has not yet seen our revision at all.", seen: map[int]string{1: "5"}, position: "19", want: true},
		"Rewritten":   {reason: "Somebody rewrote it.", seen: map[int]string{2: "21"}, position: "21"},
		"Newer":       {reason: "Somebody made a newer one.", seen: map[int]string{2: "20", 3: "22"}, position: "22"},
		"Deleted":     {reason: "Somebody deleted it.", seen: map[int]string{1: "5"}, position: "22"},
		"SetBack":     {reason: "The API server was set back to a backup, and has gone on since.", seen: map[int]string{2: "18"}, position: "22"},
		"NoNumbers":   {reason: "Versions that are no numbers are not compared.", seen: map[int]string{2: "b"}, position: "c"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			l := NewLedger(LedgerOptions{})
			l.seen[entryAt.key], l.position = tc.seen, tc.position
			if got := l.isNewest(entryAt); got != tc.want {
				t.Errorf("%s\nisNewest: %t", tc.reason, got)
			}
		})
	}
}

// TestSetBack lists from an API server that was set back to a backup: what was known from later times is forgotten.
func TestSetBack(t *testing.T) {
	l := NewLedger(LedgerOptions{Metadata: struct{ metadata.Interface }{}})
	later, before := Key{"n", "later"}, Key{"n", "before"}
	l.put(later, types.NamespacedName{}, &release.Revision{Version: 2}, "20")
	l.put(before, types.NamespacedName{}, &release.Revision{Version: 1}, "5")
	mark := func(name, version string, revision int) *secretMark {
		return &secretMark{ObjectMeta: metav1.ObjectMeta{Namespace: "n", ResourceVersion: version}, release: name, revision: revision}
	}
	l.replace([]*secretMark{mark("later", "18", 2), mark("before", "5", 1)}, "19")
	if l.lookup(later, types.NamespacedName{}) != nil {
		t.Error("a revision is believed that the API server does not have any more")
	}
	if l.lookup(before, types.NamespacedName{}) == nil {
		t.Error("a revision is forgotten that is as it was")
	}
}

func TestPutBound(t *testing.T) {
	blind := NewLedger(LedgerOptions{})
	blind.put(Key{"n", "r"}, types.NamespacedName{}, &release.Revision{Version: 1}, "5")
	if len(blind.entries) != 0 {
		t.Error("a ledger without a watch keeps something")
	}

	l := NewLedger(LedgerOptions{Metadata: struct{ metadata.Interface }{}, Bytes: 20 << 10})
	l.synced, l.position = true, "1"
	for i := range 9 {
		l.put(Key{"n", strconv.Itoa(i)}, types.NamespacedName{}, &release.Revision{Version: 1, Manifest: strings.Repeat("x", 1<<10)}, "5")
	}
	l.put(Key{"n", "huge"}, types.NamespacedName{}, &release.Revision{Version: 1, Manifest: strings.Repeat("x", 1<<20)}, "5")
	if _, _, bytes := l.Stats(); bytes > 20<<10 || bytes < 10<<10 {
		t.Errorf("holds %d bytes", bytes)
	}
	for name, want := range map[string]bool{"0": false, "8": true, "huge": false} {
		if got := l.lookup(Key{"n", name}, types.NamespacedName{}) != nil; got != want {
			t.Errorf("release %s is known: %t", name, got)
		}
	}
	if l.lose(); l.lookup(Key{"n", "8"}, types.NamespacedName{}) != nil {
		t.Error("a ledger whose watch is lost answers")
	}
}

func TestMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLedger(LedgerOptions{Metadata: struct{ metadata.Interface }{}})
		l.synced, l.position = true, "1"
		l.put(Key{"n", "r"}, types.NamespacedName{}, &release.Revision{Version: 1}, "5")
		time.Sleep(defaultMaxAge / 2)
		if l.lookup(Key{"n", "r"}, types.NamespacedName{}) == nil {
			t.Error("unknown before its time")
		}
		if time.Sleep(defaultMaxAge); l.lookup(Key{"n", "r"}, types.NamespacedName{}) != nil {
			t.Error("known after its time")
		}
	})
}

// TestTellNoBusy waits until the helm command has come to its end.
func TestTellNoBusy(t *testing.T) {
	told := 0
	l := NewLedger(LedgerOptions{Metadata: struct{ metadata.Interface }{}, Changed: func(Key) { told++ }})
	l.synced, l.position = true, "1"
	l.put(Key{"n", "r"}, types.NamespacedName{}, &release.Revision{Version: 1}, "5")
	for i, step := range []struct {
		revision int
		status   string
		want     int
	}{{2, "pending-upgrade", 0}, {1, "superseded", 0}, {2, "deployed", 1}} {
		labels := map[string]string{nameLabel: "r", versionLabel: strconv.Itoa(step.revision), statusLabel: step.status}
		err := (&intake{ledger: l}).Update(&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
			Namespace: "n", Name: "s", ResourceVersion: strconv.Itoa(6 + i), Labels: labels,
		}})
		if err != nil || told != step.want {
			t.Errorf("after %q: told %d times, want %d; %v", step.status, told, step.want, err)
		}
	}
}

// TestTell delivers late rather than never, and later each time.
func TestTell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, key := time.Now(), Key{"n", "r"}
		var told []time.Duration
		l := NewLedger(LedgerOptions{
			Metadata: struct{ metadata.Interface }{}, Changed: func(Key) { told = append(told, time.Since(began)) },
		})
		l.synced, l.position = true, "1"
		version := 10
		foreign := func() {
			l.put(key, types.NamespacedName{}, &release.Revision{Version: 1}, strconv.Itoa(version)) // our run has read it
			version++
			l.observe(&secretMark{ObjectMeta: metav1.ObjectMeta{Namespace: "n", ResourceVersion: strconv.Itoa(version)}, release: "r", revision: 1}, false)
		}
		foreign() // at once
		foreign() // after 5 s
		time.Sleep(6 * time.Second)
		foreign() // 10 s after that
		foreign()
		time.Sleep(time.Minute)
		session := l.Open(Target{Namespace: "n", Release: "r"})
		foreign() // not while a session is open, but then
		time.Sleep(time.Second)
		session.Close()
		synctest.Wait()
		want := []time.Duration{0, 5 * time.Second, 15 * time.Second, 67 * time.Second}
		if !slices.Equal(told, want) {
			t.Errorf("told at %v, want %v", told, want)
		}
		time.Sleep(time.Hour)
		foreign()
		foreign()
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if got := told[len(told)-1] - told[len(told)-2]; got != 5*time.Second {
			t.Errorf("after an hour without: %v between two calls, want 5s again", got)
		}
		foreign()
		l.silence()
		n := len(told)
		time.Sleep(time.Hour)
		if synctest.Wait(); len(told) != n {
			t.Error("told after the watch ended")
		}
	})
}

func TestExtrasOrder(t *testing.T) {
	d, err := parse([]byte(`{"name":"a","version":3,"z":1,"a":{"b":[]},"info":{"status":"failed"}}`))
	if err != nil {
		t.Fatal(err)
	}
	rls, err := d.release()
	if err != nil {
		t.Fatal(err)
	}
	again, err := compose(rls, d.chart, d.extras)
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(again.json, &keys); err != nil || string(keys["a"]) != `{"b":[]}` || string(keys["z"]) != "1" {
		t.Errorf("composed %s, %v", again.json, err)
	}
}
