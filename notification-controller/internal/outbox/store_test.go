// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package outbox

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// left opens the folder and returns the bodies of what is undelivered.
func left(t *testing.T, dir string) []string {
	t.Helper()
	s, items, err := openStore(dir, MinBytes)
	if err != nil {
		t.Fatal(err)
	}
	bodies := []string{}
	for _, it := range items {
		e, err := it.segment.read(it.at)
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, string(e.Body))
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	return bodies
}

// TestTorn cuts a segment at every byte: what is whole before the cut is found, and the outbox goes on.
func TestTorn(t *testing.T) {
	entries := encodeEntry(Entry{Key: "k", Body: []byte("one"), Accepted: time.Unix(1, 2)})
	first := len(entries)
	entries = append(entries, encodeEntry(Entry{Key: "k", Body: []byte("two"), Accepted: time.Unix(3, 4)})...)
	for cut := range len(entries) + 1 {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, segmentName(7)+entriesSuffix), entries[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		want := []string{}
		if cut >= first {
			want = append(want, "one")
		}
		if cut == len(entries) {
			want = append(want, "two")
		}
		if diff := cmp.Diff(want, left(t, dir)); diff != "" {
			t.Fatalf("cut at %d (-want +got):\n%s", cut, diff)
		}
	}
}

// TestTornProgress cuts the record of a delivery: the delivery is repeated, and the next record replaces the torn one.
func TestTornProgress(t *testing.T) {
	routed, err := encodeRouted(0, []Target{{Group: "g", ID: "a"}, {Group: "g", ID: "b"}})
	if err != nil {
		t.Fatal(err)
	}
	whole := append(routed, encodeDone(0, 0)...)
	done := append(bytes.Clone(whole), encodeDone(0, 1)...)
	for cut := range len(done) + 1 {
		dir := t.TempDir()
		name := filepath.Join(dir, segmentName(0))
		for suffix, content := range map[string][]byte{
			entriesSuffix: encodeEntry(Entry{Key: "k", Body: []byte("one")}), progressSuffix: done[:cut],
		} {
			if err := os.WriteFile(name+suffix, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, items, err := openStore(dir, MinBytes)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case cut == len(done):
			if len(items) != 0 {
				t.Fatal("what was delivered came back")
			}
		case len(items) != 1 || items[0].routed != (cut >= len(routed)) || items[0].done[0] != (cut >= len(whole)):
			t.Fatalf("cut at %d: %+v", cut, items)
		default:
			if err := items[0].segment.note(encodeDone(0, 1)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
		if got := left(t, dir); cut >= len(whole) && len(got) != 0 {
			t.Fatalf("cut at %d: a record after a torn one was lost, %v is left", cut, got)
		}
	}
}

// TestStaleProgress tears a record in the middle, as a power cut may: what was behind it does not come back after the next record, which
// is about other targets.
func TestStaleProgress(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, segmentName(0))
	routed, err := encodeRouted(0, []Target{{Group: "g", ID: "a"}})
	if err != nil {
		t.Fatal(err)
	}
	again, err := encodeRouted(0, []Target{{Group: "g", ID: "b"}})
	if err != nil {
		t.Fatal(err)
	}
	torn := append(make([]byte, len(routed)), encodeDone(0, 0)...)
	torn[0] = 1 // no whole record
	for suffix, content := range map[string][]byte{entriesSuffix: encodeEntry(Entry{Key: "k", Body: []byte("one")}), progressSuffix: torn} {
		if err := os.WriteFile(name+suffix, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, items, err := openStore(dir, MinBytes)
	if err != nil || len(items) != 1 {
		t.Fatal(items, err)
	}
	if err := errors.Join(items[0].segment.note(again), s.close()); err != nil {
		t.Fatal(err)
	}
	if got := left(t, dir); len(got) != 1 {
		t.Errorf("left %v: the delivery to another target counts", got)
	}
}

// TestProgressIsFreed fills the folder with what became of entries that are all delivered: there is room for the next.
func TestProgressIsFreed(t *testing.T) {
	s, _, err := openStore(t.TempDir(), MinBytes)
	if err != nil {
		t.Fatal(err)
	}
	targets := make([]Target, 20_000)
	for i := range targets {
		targets[i] = Target{Group: "some-namespace/some-provider", ID: "some-alert"}
	}
	for n := range 20 {
		it, err := s.append(Entry{Key: "k", Body: []byte("{}")})
		if err != nil {
			t.Fatalf("entry %d: %v", n, err)
		}
		record, err := encodeRouted(it.at.offset, targets)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(it.segment.note(record), s.forget(it.segment)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
}

// TestStrayFiles leaves alone what is not its own, and removes progress whose entries are gone.
func TestStrayFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"notes.txt", "1.entries", segmentName(3) + progressSuffix} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	left(t, dir)
	got := strings.Join(files(t, dir), " ")
	if !strings.Contains(got, "notes.txt") || !strings.Contains(got, "1.entries") || strings.Contains(got, progressSuffix) {
		t.Errorf("files %s", got)
	}
}

// FuzzDecode reads any bytes as the two files of a segment. What is found must be readable, and found again.
func FuzzDecode(f *testing.F) {
	entry := encodeEntry(Entry{Key: "key", Body: []byte(`{"a":1}`), Accepted: time.Unix(5, 6)})
	routed, err := encodeRouted(0, []Target{{Group: "g", ID: "a"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(entry, routed)
	f.Add(append(bytes.Clone(entry), entry...), append(bytes.Clone(routed), encodeDone(0, 0)...))
	f.Add([]byte{255, 255, 255, 255, 0, 0, 0, 0}, encodeDone(9, 9))
	f.Fuzz(func(t *testing.T, entries, progress []byte) {
		dir := t.TempDir()
		name := filepath.Join(dir, segmentName(0))
		for suffix, content := range map[string][]byte{entriesSuffix: entries, progressSuffix: progress} {
			if err := os.WriteFile(name+suffix, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		first := left(t, dir)
		if diff := cmp.Diff(first, left(t, dir)); diff != "" {
			t.Errorf("two readings differ:\n%s", diff)
		}
	})
}

// FuzzRecord decodes any payload, and what it decodes survives being encoded again.
func FuzzRecord(f *testing.F) {
	f.Add(encodeEntry(Entry{Key: "key", Body: []byte("body")})[headerBytes:])
	f.Add(encodeDone(1, 2)[headerBytes:])
	f.Add([]byte{kindRouted, 0, '[', ']'})
	f.Add([]byte{kindDoneNumber, 1, 2})
	f.Fuzz(func(t *testing.T, payload []byte) {
		if e, err := decodeEntry(payload); err == nil {
			again, err := decodeEntry(encodeEntry(e)[headerBytes:])
			if err != nil || !again.Accepted.Equal(e.Accepted) || again.Key != e.Key || !bytes.Equal(again.Body, e.Body) {
				t.Errorf("%+v became %+v, %v", e, again, err)
			}
		} else if !errors.Is(err, errMalformed) {
			t.Errorf("error %v", err)
		}
		if _, err := decodeProgress(payload); err != nil && !errors.Is(err, errMalformed) {
			t.Errorf("error %v", err)
		}
		if _, err := readRecord(bytes.NewReader(payload), nil); err != nil && !errors.Is(err, errTorn) && !errors.Is(err, io.EOF) {
			t.Errorf("error %v", err)
		}
	})
}
