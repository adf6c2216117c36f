// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package setters

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	yaml "go.yaml.in/yaml/v3"
)

const marked = "image: a # {\"$imagepolicy\": \"apps:plain:tag\"}\n"

// bombs are files of about a size that make much of little, or little of much, each with one marked value at least and with documents of as many marks.
func bombs(size, marks int) map[string]string {
	fill := func(unit string, every int) string {
		var b strings.Builder
		b.WriteString(marked)
		for i := 0; b.Len() < size-len(unit)-len("---\n")-len(marked); i++ {
			if i%every == 0 {
				b.WriteString("---\n")
			}
			b.WriteString(unit)
		}
		return b.String()
	}
	alias := "a0: &a0 [x]\n"
	for i := range min(1000, marks/10) {
		alias += fmt.Sprintf("a%d: &a%d [*a%d, *a%d, *a%d, *a%d]\n", i+1, i+1, i, i, i, i)
	}
	return map[string]string{
		"Manifests":    fill("kind: Deployment\nmetadata:\n  name: web\n  labels: {app: web}\nspec:\n  image: a # {\"$imagepolicy\": \"apps:plain:tag\"}\n", 1),
		"Markers":      fill("- a # {\"$imagepolicy\": \"apps:plain:tag\"}\n", marks/4-10),
		"Values":       marked + "x: [" + strings.Repeat("a,", marks-10) + "]\n",
		"Pairs":        marked + "x: [" + strings.Repeat("a:,", marks/2-10) + "]\n",
		"Lines":        marked + "x:\n" + strings.Repeat("- \n", marks-10),
		"Documents":    marked + strings.Repeat("---\n", min(maxDocuments, size/4)-1),
		"Comments":     fill("#\n\n", marks-10),
		"Depth":        marked + "x: " + strings.Repeat("[", min(9_000, size/4)) + strings.Repeat("]", min(9_000, size/4)) + "\n",
		"BlockDepth":   marked + "x:\n" + strings.Repeat("- ", min(9_000, size/4)) + "a\n",
		"Aliases":      marked + alias,
		"Plain":        marked + "x: " + strings.Repeat("a ", size/2-100) + "\n",
		"Quoted":       marked + "x: \"" + strings.Repeat("\\x41", size/4-100) + "\"\n",
		"Block":        marked + "x: |\n" + strings.Repeat(" a\n", size/3-100),
		"Folded":       marked + "x: >\n" + strings.Repeat(" a\n\n", size/4-100),
		"Blank":        marked + strings.Repeat("\n", size-100),
		"OneLine":      marked + "x: {" + strings.Repeat("a: 'b', ", marks/3) + "y: c, # {\"$imagepolicy\": \"apps:plain:tag\"}\n}\n",
		"LongComment":  marked + "# " + strings.Repeat("x", size-1000) + "\n",
		"LongMarker":   "image: a # {\"$imagepolicy\": \"apps:plain:tag\", \"x\": \"" + strings.Repeat("x", size-1000) + "\"}\n",
		"MarkerDepth":  marked + "x: a # {\"$imagepolicy\": " + strings.Repeat("[", marks/2) + "\n",
		"Keys":         marked + strings.Repeat("? a\n: b\n", marks/2-10),
		"Anchors":      marked + "x:\n" + strings.Repeat("- &a a\n", marks-10),
		"Tags":         marked + "x:\n" + strings.Repeat("- !!x a\n", marks-10),
		"Directives":   strings.Repeat("%FOO bar\n", marks) + "---\n" + marked,
		"CarriageEnds": strings.ReplaceAll(fill("- a\n", marks-10), "\n", "\r"),
	}
}

// None of them ends the process or keeps it busy for long, and each is either changed or said to be left alone.
func TestBombs(t *testing.T) {
	for name, in := range bombs(32<<10, 1000) {
		t.Run(name, func(t *testing.T) {
			out, edits, err := Apply([]byte(in), web())
			if err == nil && (len(edits) == 0 || out == nil) || err != nil && !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrNotYAML) {
				t.Errorf("%d edits, %v", len(edits), err)
			}
		})
	}
}

// Beyond the bounds files are refused before they are parsed.
func TestTooLarge(t *testing.T) {
	for name, in := range map[string]string{
		"Bytes":    marked + strings.Repeat("x", MaxFileBytes),
		"Values":   marked + "x: [" + strings.Repeat("a,", maxMarks) + "]\n",
		"Pairs":    marked + strings.Repeat("? a\n: b\n", maxMarks),
		"JSON":     marked + "x: {" + strings.Repeat(`"a":1,`, maxMarks) + "}\n",
		"Items":    marked + "x:\n" + strings.Repeat("-\n", maxMarks+1),
		"Nulls":    marked + strings.Repeat(": \n", maxMarks+1),
		"Comments": marked + strings.Repeat("#\n\n", maxMarks+1),
		"Odd":      marked + strings.Repeat("-\u0085", maxMarks+1),
		"Empty":    marked + strings.Repeat("---\n", maxDocuments+1),
		"Text":     marked + "x: |\n --- # no document begins here\n" + strings.Repeat(" - \n", maxMarks+1),
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := Apply([]byte(in), web()); !errors.Is(err, ErrTooLarge) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A ConfigMap as large as they get, full of JSON without blanks, is no reason to leave alone what is beside it.
func TestLargeText(t *testing.T) {
	const size = 1 << 20
	panel := `{"datasource":{"type":"prometheus","uid":"x"},"fieldConfig":{"defaults":{"color":{"mode":"palette-classic"},"custom":{"lineWidth":1,` +
		`"fillOpacity":0,"thresholdsStyle":{"mode":"off"}},"mappings":[],"unit":"s"},"overrides":[]},"gridPos":{"h":8,"w":12,"x":0,"y":0},"id":1},`
	text := "kind: ConfigMap\ndata:\n  dashboard.json: |\n    {\"panels\":[" + strings.Repeat(panel, size/len(panel)) + "{}]}\n"
	for name, in := range map[string]string{
		"Documents": text + "---\nkind: Deployment\n" + marked,
		"List":      "kind: List\nitems:\n- " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n- kind: Deployment\n  " + marked,
	} {
		t.Run(name, func(t *testing.T) {
			out, edits, err := Apply([]byte(in), web())
			if err != nil || len(edits) != 1 || len(out) < size {
				t.Errorf("%d bytes, %d edits, %v", len(out), len(edits), err)
			}
		})
	}
}

// FuzzCount holds that no document has many more nodes than marks were counted.
func FuzzCount(f *testing.F) {
	for _, seed := range []string{marked, "[a,?,b:,{c},\"d\":e]", "? - a\n: - - b\n---\n&x !y z", "a:\u0085 - b\u2028- c", "- ? : ? :\n", "{? a, ? b}", "--- - a\n... \n--- |\n---\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		marks, documentMarks := count([]byte(in))
		found := 0
		for document, err := range documents([]byte(in)) {
			if err != nil {
				return
			}
			if found++; nodes(document) > 3*marks+6 {
				t.Fatalf("%d nodes, %d marks", nodes(document), marks)
			}
		}
		if strings.HasPrefix(in, byteOrderMark) {
			return // the mark hides the beginning of a line, of which there is one
		}
		if found > 2*documentMarks+2 && !strings.Contains(in, "...") {
			t.Fatalf("%d documents, %d marks", found, documentMarks)
		}
	})
}

func nodes(n *yaml.Node) int {
	total := 1
	for _, child := range n.Content {
		total += nodes(child)
	}
	return total
}

// BenchmarkApply measures time and peak memory of the largest files that are looked into.
func BenchmarkApply(b *testing.B) {
	for name, in := range bombs(MaxFileBytes, maxMarks) {
		b.Run(name, func(b *testing.B) {
			content := []byte(in)
			b.SetBytes(int64(len(content)))
			var peak uint64
			for b.Loop() {
				peak = max(peak, peakOf(func() { _, _, _ = Apply(content, web()) }))
			}
			b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
		})
	}
}

// peakOf is how much larger the heap gets during a call, by looks every two milliseconds: a benchmark, whose calls take seconds.
func peakOf(call func()) uint64 {
	heap := func() uint64 {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	runtime.GC()
	before, peak := heap(), uint64(0)
	var done atomic.Bool
	var watch sync.WaitGroup
	watch.Go(func() {
		for !done.Load() {
			peak = max(peak, heap())
			time.Sleep(2 * time.Millisecond)
		}
	})
	call()
	done.Store(true)
	watch.Wait()
	return peak - min(peak, before)
}
