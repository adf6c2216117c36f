// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package outbox

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// numberedRouted and numberedDone are what earlier versions wrote: they named entries by their numbers.
func numberedRouted(t *testing.T, entry uint64, targets []Target) []byte {
	t.Helper()
	list, err := json.Marshal(targets)
	if err != nil {
		t.Fatal(err)
	}
	return frame(append(binary.AppendUvarint(append(make([]byte, headerBytes), kindRoutedNumber), entry), list...))
}

func numberedDone(entry, target uint64) []byte {
	return frame(binary.AppendUvarint(binary.AppendUvarint(append(make([]byte, headerBytes), kindDoneNumber), entry), target))
}

// segmentFiles holds a segment of five entries that were routed to one target each, of which every second has it.
type segmentFiles struct {
	entries, progress []byte
	// starts are the offsets of the entries, and at last the end.
	starts []int
}

func newSegmentFiles(t *testing.T, numbered bool) segmentFiles {
	t.Helper()
	var f segmentFiles
	targets := []Target{{Group: "g", ID: "a"}}
	for i := range 5 {
		offset := int64(len(f.entries))
		f.starts = append(f.starts, len(f.entries))
		body := fmt.Appendf(nil, `{"message":"number %d"}`, i)
		f.entries = append(f.entries, encodeEntry(Entry{Key: "k", Body: body, Accepted: time.Unix(1_700_000_000, 5)})...)
		routed, err := encodeRouted(offset, targets)
		if err != nil {
			t.Fatal(err)
		}
		done := encodeDone(offset, 0)
		if numbered {
			routed, done = numberedRouted(t, uint64(i), targets), numberedDone(uint64(i), 0)
		}
		f.progress = append(f.progress, routed...)
		if i%2 == 0 {
			f.progress = append(f.progress, done...)
		}
	}
	f.starts = append(f.starts, len(f.entries))
	return f
}

// write makes a folder of the files.
func (f segmentFiles) write(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	name := filepath.Join(dir, segmentName(4))
	for suffix, content := range map[string][]byte{entriesSuffix: f.entries, progressSuffix: f.progress} {
		if err := os.WriteFile(name+suffix, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// undelivered opens the folder and returns the messages of what is undelivered, with what is damaged.
func undelivered(t *testing.T, dir string) (messages []string, damaged []damage) {
	t.Helper()
	s, items, err := openStore(dir, MinBytes)
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range items {
		e, err := it.segment.read(it.at)
		if err != nil {
			t.Fatal(err)
		}
		var body struct{ Message string }
		if err := json.Unmarshal(e.Body, &body); err != nil {
			t.Fatal(err)
		}
		messages = append(messages, body.Message)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	return messages, s.damaged
}

// TestDamaged changes each byte of an entry in the middle: that entry is lost, what is behind it is not, nor what is known of it, and the place
// is told.
func TestDamaged(t *testing.T) {
	const hit = 1 // not delivered, as 3 is not
	for _, numbered := range []bool{false, true} {
		whole := newSegmentFiles(t, numbered)
		// Earlier versions counted, and nobody knows how many are missing: what was delivered behind the place is repeated.
		want := []string{"number 3"}
		if numbered {
			want = []string{"number 2", "number 3", "number 4"}
		}
		for at := whole.starts[hit]; at < whole.starts[hit+1]; at++ {
			files := whole
			files.entries = bytes.Clone(whole.entries)
			files.entries[at] ^= 0xff
			dir := files.write(t)
			got, damaged := undelivered(t, dir)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("numbered %t, byte %d (-want +got):\n%s", numbered, at, diff)
			}
			place := damage{file: segmentName(4) + entriesSuffix, offset: int64(whole.starts[hit]), bytes: int64(whole.starts[hit+1] - whole.starts[hit])}
			if len(damaged) != 1 || damaged[0] != place {
				t.Fatalf("numbered %t, byte %d: damaged %+v, want %+v", numbered, at, damaged, place)
			}
		}
	}
}

// TestDamagedForms loses a segment's content in other ways.
func TestDamagedForms(t *testing.T) {
	cases := map[string]struct {
		reason string
		damage func(f *segmentFiles)
		want   []string
		places int
	}{
		"None":       {reason: "Nothing is wrong.", damage: func(*segmentFiles) {}, want: []string{"number 1", "number 3"}},
		"Older":      {reason: "A segment of an earlier version.", damage: func(f *segmentFiles) { *f = newSegmentFiles(t, true) }, want: []string{"number 1", "number 3"}},
		"Zeros":      {reason: "A sector that reads as zeros.", damage: func(f *segmentFiles) { clear(f.entries[f.starts[0]+3 : f.starts[2]+5]) }, want: []string{"number 3"}, places: 1},
		"First":      {reason: "The first entry.", damage: func(f *segmentFiles) { clear(f.entries[:f.starts[1]]) }, want: []string{"number 1", "number 3"}, places: 1},
		"TwoPlaces":  {reason: "Each place costs what it holds.", damage: func(f *segmentFiles) { f.entries[f.starts[0]]++; f.entries[f.starts[2]+20]++ }, want: []string{"number 1", "number 3"}, places: 2},
		"Last":       {reason: "The last entry, with nothing behind it.", damage: func(f *segmentFiles) { f.entries[len(f.entries)-1]++ }, want: []string{"number 1", "number 3"}, places: 1},
		"TailZeros":  {reason: "What a power cut leaves.", damage: func(f *segmentFiles) { f.entries = append(f.entries, make([]byte, 100)...) }, want: []string{"number 1", "number 3"}, places: 1},
		"Torn":       {reason: "What a kill leaves is no damage.", damage: func(f *segmentFiles) { f.entries = f.entries[:len(f.entries)-1] }, want: []string{"number 1", "number 3"}},
		"Missing":    {reason: "A hole that was cut out: what is known goes by place, and the entries behind it have another.", damage: func(f *segmentFiles) { f.entries = slices.Delete(f.entries, f.starts[1]+2, f.starts[1]+9) }, want: []string{"number 2", "number 3", "number 4"}, places: 1},
		"Progress":   {reason: "What is delivered behind the place is repeated.", damage: func(f *segmentFiles) { f.progress[len(f.progress)/2]++ }, want: []string{"number 1", "number 2", "number 3", "number 4"}, places: 1},
		"OnlyNoise":  {reason: "Nothing is left.", damage: func(f *segmentFiles) { f.entries = bytes.Repeat([]byte{0x5a}, 500) }, places: 1},
		"LargeSizes": {reason: "At every byte may be the header of something large.", damage: func(f *segmentFiles) { f.entries = bytes.Repeat([]byte{0, 0, 1}, 1<<20) }, places: 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := newSegmentFiles(t, false)
			tc.damage(&f)
			got, damaged := undelivered(t, f.write(t))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if len(damaged) != tc.places {
				t.Errorf("%s damaged %+v, want %d places", tc.reason, damaged, tc.places)
			}
		})
	}
}

// TestDamageIsTold: the log names file and offset, the metric counts, and the outbox delivers what is left.
func TestDamageIsTold(t *testing.T) {
	f := newSegmentFiles(t, false)
	f.entries[f.starts[1]+headerBytes]++
	dir := f.write(t)
	var log strings.Builder
	registry := prometheus.NewRegistry()
	h := newHandler()
	b, err := Open(t.Context(), Options{
		Dir: dir, MaxBytes: MinBytes, Handler: h, Registerer: registry, Clock: time.Now,
		Log: funcr.New(func(_, args string) { log.WriteString(args) }, funcr.Options{}),
	})
	if err != nil {
		t.Fatal(err)
	}
	stop := start(t, b)
	h.wait(t, 1)
	stop()
	if got := h.got("g"); len(got) != 1 || !strings.Contains(got[0], "number 3") {
		t.Errorf("delivered %v", got)
	}
	for _, want := range []string{segmentName(4) + entriesSuffix, fmt.Sprintf(`"offset"=%d`, f.starts[1]), fmt.Sprintf(`"bytes"=%d`, f.starts[2]-f.starts[1])} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %s in the log:\n%s", want, log.String())
		}
	}
	if got := testutil.ToFloat64(b.metrics.damaged); got != 1 {
		t.Errorf("weir_outbox_damaged_total %v, want 1", got)
	}
}

// TestFailedWrite lets the disk take only a part of a large record, in both files, and then a smaller one, before a kill: nothing is damaged.
func TestFailedWrite(t *testing.T) {
	for _, suffix := range []string{entriesSuffix, progressSuffix} {
		t.Run(suffix, func(t *testing.T) {
			dir := newSegmentFiles(t, false).write(t)
			name := filepath.Join(dir, segmentName(4)) + suffix
			before, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			end := int64(len(before))
			// A file to append to takes no record at an offset: it fails, behind what is there already.
			f, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			large := frame(append(make([]byte, headerBytes), bytes.Repeat([]byte("x"), 5000)...))
			if _, err := f.Write(large[:4000]); err != nil {
				t.Fatal(err)
			}
			if err := put(f, large, end); err == nil {
				t.Fatal("the write did not fail")
			}
			whole, err := os.OpenFile(name, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer whole.Close()
			small := encodeEntry(Entry{Key: "k", Body: []byte(`{"message":"small"}`)})
			want := []string{"number 1", "number 3", "small"}
			if suffix == progressSuffix {
				small, want = encodeDone(int64(newSegmentFiles(t, false).starts[1]), 0), []string{"number 3"}
			}
			if err := put(whole, small, end); err != nil {
				t.Fatal(err)
			}
			got, damaged := undelivered(t, dir)
			if diff := cmp.Diff(want, got); diff != "" || len(damaged) > 0 {
				t.Errorf("damaged %+v (-want +got):\n%s", damaged, diff)
			}
		})
	}
}

// FuzzDamaged overwrites a part of a segment with anything: what it does not touch is found, in order, and nothing else.
func FuzzDamaged(f *testing.F) {
	f.Add(uint16(0), []byte{0})
	f.Add(uint16(40), []byte("anything at all"))
	f.Add(uint16(60), make([]byte, 64))
	f.Add(uint16(3), encodeEntry(Entry{Key: "k", Body: []byte(`{"message":"planted"}`)}))
	f.Fuzz(func(t *testing.T, at uint16, with []byte) {
		whole := newSegmentFiles(t, false)
		whole.progress = nil
		files := whole
		files.entries = bytes.Clone(whole.entries)
		from := int(at) % len(files.entries)
		copy(files.entries[from:], with)
		got, _ := undelivered(t, files.write(t))
		var want []string
		for i := range 5 {
			if a, b := whole.starts[i], whole.starts[i+1]; bytes.Equal(files.entries[a:b], whole.entries[a:b]) {
				want = append(want, fmt.Sprint("number ", i))
			}
		}
		// An entry that somebody wrote into the place is one.
		got = slices.DeleteFunc(got, func(m string) bool { return !strings.HasPrefix(m, "number ") })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d bytes at %d (-want +got):\n%s", len(with), from, diff)
		}
	})
}
