// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmindex

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/repo"

	"github.com/weir-gitops/weir/kit/helmchart"
)

// compile compiles the text of an index and returns the JSON and the table.
func compile(tb testing.TB, index string) ([]byte, *Table, error) {
	tb.Helper()
	c, err := Compile(tb.Context(), strings.NewReader(index), int64(len(index)), tb.TempDir())
	if err != nil {
		return nil, nil, err
	}
	defer c.Close()
	var content, table bytes.Buffer
	if err := c.WriteJSON(&content); err != nil {
		tb.Fatal(err)
	}
	if err := c.WriteTable(&table, "subject"); err != nil {
		tb.Fatal(err)
	}
	opened, err := OpenTable(bytes.NewReader(table.Bytes()), int64(table.Len()))
	if err != nil {
		tb.Fatal(err)
	}
	return content.Bytes(), opened, nil
}

// helms is what helm makes of an index.
func helms(tb testing.TB, index []byte) (*repo.IndexFile, error) {
	tb.Helper()
	file := filepath.Join(tb.TempDir(), "index.yaml")
	if err := os.WriteFile(file, index, 0o600); err != nil {
		tb.Fatal(err)
	}
	return repo.LoadIndexFile(file)
}

// sorted brings versions that helm takes for equal into one order.
func sorted(index *repo.IndexFile) *repo.IndexFile {
	if index.Entries == nil {
		index.Entries = map[string]repo.ChartVersions{}
	}
	for name, versions := range index.Entries {
		slices.SortStableFunc(versions, func(a, b *repo.ChartVersion) int {
			x, _ := json.Marshal(a)
			y, _ := json.Marshal(b)
			return cmp.Or(helmchart.OrderOf(b.Version).Compare(helmchart.OrderOf(a.Version)), bytes.Compare(x, y))
		})
		if len(versions) == 0 {
			index.Entries[name] = nil
		}
	}
	return index
}

const plain = `apiVersion: v1
entries:
  alpine:
  # the newest first
  - apiVersion: v2
    created: "2024-01-02T03:04:05Z"
    description: |
      A text:
        - with items

      # and more
    digest: abc
    name: alpine
    urls:
    - https://charts/alpine-0.2.0.tgz
    version: 0.2.0
  - name: alpine
    version: 0.10.0
    urls: [alpine-0.10.0.tgz]
    description: "several
      lines"
  - name: alpine
    version: v0.10.0-rc.1
    urls: [x.tgz]

  empty: []
  none:
  nginx:
      - name: nginx
        version: 1.0.0+b
        urls: [b.tgz]
        created: "2024-01-01T00:00:00Z"
      - name: nginx
        version: 1.0.0+a
        urls: [a.tgz]
        created: "2024-01-02T00:00:00Z"
      -
        name: nginx
        version: "1.0"
        urls: [short.tgz]
      - name: nginx
        version: not-one
        urls: [bad.tgz]
      - name: ../nginx
        version: 0.1.0
      - null
      - {name: nginx, version: 0.0.1}
generated: "2024-01-02T03:04:05Z"
publicKeys:
- key
annotations: {a: b}
`

func layouts() map[string]string {
	dedented := strings.ReplaceAll(plain, "\n  ", "\n")
	return map[string]string{
		"Plain":         plain,
		"Windows":       strings.ReplaceAll(plain, "\n", "\r\n"),
		"Document":      "---\n" + plain,
		"Comment":       "# made by hand\n\n" + plain,
		"Marked":        "\ufeff" + plain,
		"EndMark":       plain + "...\n",
		"Second":        plain + "---\nother: document\n",
		"QuotedKey":     strings.Replace(plain, "entries:", `"entries":`, 1),
		"EntriesNote":   strings.Replace(plain, "entries:", "entries: # charts", 1),
		"Deeper":        strings.ReplaceAll(plain, "\n  ", "\n    "),
		"Dedented":      dedented,
		"FlowJSON":      `{"apiVersion":"v1","entries":{"a":[{"name":"a","version":"1.0.0","urls":["x"]},null,{"name":"a","version":"2.0.0","extra":1}],"b":null,"c":[]}}`,
		"FlowYAML":      `{apiVersion: v1, entries: {a: [{name: a, version: 1.0.0}]}}`,
		"JSONRepeated":  `{"apiVersion":"v1","entries":{"a":[{"name":"a","version":"1.0.0"}],"a":[{"name":"a","version":"2.0.0"}]},"apiVersion":"v2"}`,
		"JSONCase":      `{"APIVERSION":"v1","Entries":{"a":[{"name":"a","version":"1.0.0"}]}}`,
		"JSONTail":      `{"apiVersion":"v1"} x`,
		"Inline":        "apiVersion: v1\nentries: {a: [{name: a, version: 1.0.0}]}\n",
		"InlineChart":   "apiVersion: v1\nentries:\n  a: [{name: a, version: 1.0.0},\n    {name: a, version: 1.1.0}]\n  b:\n  - {name: b, version: 1.0.0}\n",
		"Same":          "apiVersion: v1\nentries:\n  a:\n  - name: a\n    version: 1.0.0\n    description: &d text\n  - name: a\n    version: 1.1.0\n    description: *d\n",
		"QuoteCut":      "apiVersion: v1\nentries:\n  a:\n  - name: a\n    version: 1.0.0\n    description: \"x\n  - name: b\n    version: 2\"\n",
		"QuoteTop":      "annotations: {a: \"x\nentries:\n  foo:\n  - {name: foo, version: 1.0.0}\n\"}\napiVersion: v1\n",
		"BracketCut":    "apiVersion: v1\nentries:\n  a:\n  - {name: a,\n  version: 1.0.0}\n  - {name: a, version: 1.1.0}\n",
		"Number":        "apiVersion: v1\nentries:\n  1.10:\n  - {name: a, version: 1.0.0}\n  true:\n  - {name: b, version: 1.0.0}\n",
		"Alias":         "apiVersion: v1\nentries:\n  a:\n  - name: a\n    version: 1.0.0\n    dependencies: [{name: x}, {name: x}]\n",
		"NoEntries":     "apiVersion: v1\nentries:\n",
		"HeadOnly":      "apiVersion: v1\n",
		"ServerInfo":    "serverInfo: {contextPath: /v1}\n" + plain,
		"Twice":         plain + "entries: {}\n",
		"TwiceBlock":    plain + "entries:\n  b:\n  - {name: b, version: 1.0.0}\n",
		"ChartTwice":    "apiVersion: v1\nentries:\n  a:\n  - {name: a, version: 1.0.0}\n  a:\n  - {name: a, version: 1.1.0}\n",
		"KeyTwice":      "apiVersion: v1\nentries:\n  a:\n  - name: a\n    name: a\n    version: 1.0.0\n",
		"UnknownKey":    "apiVersion: v1\nentries:\n  a:\n  - {name: a, version: 1.0.0, nonsense: 1}\n",
		"UnknownTop":    plain + "nonsense: 1\n",
		"NoAPIVersion":  strings.TrimPrefix(plain, "apiVersion: v1\n"),
		"List":          "- a\n- b\n",
		"EntriesList":   "apiVersion: v1\nentries:\n- a\n",
		"EntriesNested": "apiVersion: v1\nentries:\n  - a\n",
		"Tabs":          "apiVersion: v1\nentries:\n\ta:\n\t- {name: a, version: 1.0.0}\n",
		"Odd":           "apiVersion: v1\nentries:\n    a:\n    - {name: a, version: 1.0.0}\n  b:\n  - {name: a, version: 1.0.0}\n",
		"EmptyThenItem": "apiVersion: v1\nentries:\n  a: []\n  - {name: a, version: 1.0.0}\n",
		"HTML":          "<html><body>Not Found</body></html>",
		"Empty":         "",
		"Blank":         "\n\n",
		"Null":          "null",
		"Directive":     "%YAML 1.1\n---\n" + plain,
		"NoColon":       "apiVersion: v1\nentries",
		"NoSpace":       "apiVersion: v1\nentries:#x\n",
		"Merge":         "apiVersion: v1\nentries:\n  <<: {a: [{name: a, version: 1.0.0}]}\n  b:\n  - {name: b, version: 1.0.0}\n",
	}
}

// same compares what Compile makes of an index with what helm does.
func same(tb testing.TB, index string) {
	tb.Helper()
	content, _, err := compile(tb, index)
	want, wantErr := helms(tb, []byte(index))
	if (err != nil) != (wantErr != nil) {
		tb.Fatalf("Compile: %v, helm: %v", err, wantErr)
	}
	if err != nil {
		if !errors.Is(err, ErrIndex) {
			tb.Errorf("%v is not ErrIndex", err)
		}
		return
	}
	got, err := helms(tb, content)
	if err != nil {
		tb.Fatalf("helm does not read what was written: %v\n%s", err, content)
	}
	if diff := gocmp.Diff(sorted(want), sorted(got)); diff != "" {
		tb.Errorf("(-helm's +compiled):\n%s", diff)
	}
}

func TestCompile(t *testing.T) {
	for name, index := range layouts() {
		t.Run(name, func(t *testing.T) { same(t, index) })
	}
}

// What is written can be read again piece by piece, and gives the same.
func TestCompileAgain(t *testing.T) {
	first, _, err := compile(t, plain)
	if err != nil {
		t.Fatal(err)
	}
	second, _, err := compile(t, string(first))
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(string(first), string(second)); diff != "" {
		t.Errorf("(-first +second):\n%s", diff)
	}
}

func TestFind(t *testing.T) {
	_, table, err := compile(t, plain)
	if err != nil {
		t.Fatal(err)
	}
	if table.Subject != "subject" {
		t.Errorf("subject %q", table.Subject)
	}
	cases := map[string]struct {
		reason, chart, wanted string
		want                  Entry
		err                   error
	}{
		"Newest":     {"Without a wish it is the newest stable version.", "alpine", "", Entry{"0.10.0", "alpine-0.10.0.tgz", "alpine"}, nil},
		"Star":       {"As with a star.", "alpine", "*", Entry{"0.10.0", "alpine-0.10.0.tgz", "alpine"}, nil},
		"Exact":      {"An exact version is taken as it is.", "alpine", "0.2.0", Entry{"0.2.0", "https://charts/alpine-0.2.0.tgz", "alpine"}, nil},
		"ExactV":     {"Also a pre-release.", "alpine", "v0.10.0-rc.1", Entry{"v0.10.0-rc.1", "x.tgz", "alpine"}, nil},
		"Prerelease": {"A constraint with one takes pre-releases.", "alpine", ">0.10.0-0 <0.10.0", Entry{"v0.10.0-rc.1", "x.tgz", "alpine"}, nil},
		"Range":      {"A range takes the newest in it.", "alpine", "<0.10", Entry{"0.2.0", "https://charts/alpine-0.2.0.tgz", "alpine"}, nil},
		"Created":    {"Of equal versions the one created last.", "nginx", "1.0.0", Entry{"1.0.0+a", "a.tgz", "nginx"}, nil},
		"Metadata":   {"Unless one is named exactly.", "nginx", "1.0.0+b", Entry{"1.0.0+b", "b.tgz", "nginx"}, nil},
		"Short":      {"Two numbers are found by name only.", "nginx", "1.0", Entry{"1.0", "short.tgz", "nginx"}, nil},
		"NoURL":      {"A version may have no URL.", "nginx", "0.0.1", Entry{"0.0.1", "", "nginx"}, nil},
		"NoChart":    {"A chart that is not there.", "redis", "", Entry{}, ErrNoChart},
		"NoVersions": {"A chart without versions.", "empty", "", Entry{}, ErrNoVersion},
		"None":       {"A chart with nothing.", "none", "", Entry{}, ErrNoVersion},
		"NoVersion":  {"A version that is not there.", "nginx", ">2", Entry{}, ErrNoVersion},
		"Bad":        {"A wish that means nothing.", "nginx", "newest!", Entry{}, helmchart.ErrVersion},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := table.Find(tc.chart, tc.wanted)
			if got != tc.want || !errors.Is(err, tc.err) {
				t.Errorf("%s\ngot %+v, %v, want %+v, %v", tc.reason, got, err, tc.want, tc.err)
			}
		})
	}
}

// A damaged table is noticed whichever byte is wrong.
func TestDamage(t *testing.T) {
	c, err := Compile(t.Context(), strings.NewReader(plain), int64(len(plain)), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var table bytes.Buffer
	if err := c.WriteTable(&table, "subject"); err != nil {
		t.Fatal(err)
	}
	good := table.Bytes()
	find := func(b []byte) error {
		opened, err := OpenTable(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return err
		}
		var errs []error
		for _, name := range []string{"alpine", "nginx"} {
			_, err := opened.Find(name, "")
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	}
	if err := find(good); err != nil {
		t.Fatal(err)
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x55
		if err := find(bad); !errors.Is(err, ErrTable) {
			t.Fatalf("byte %d of %d: %v", i, len(good), err)
		}
		if err := find(good[:i]); !errors.Is(err, ErrTable) {
			t.Fatalf("the first %d of %d bytes: %v", i, len(good), err)
		}
	}
}

// Limits hold, whatever the size of the index.
func TestLimits(t *testing.T) {
	cases := map[string]struct{ reason, index string }{
		"LargeVersion":  {"A version has a limit.", "apiVersion: v1\nentries:\n  a:\n  - name: a\n    version: 1.0.0\n    description: " + strings.Repeat("word ", maxWholeBytes/5) + "\n"},
		"LargeLine":     {"So does what is not a chart.", "apiVersion: v1\nannotations: {a: " + strings.Repeat("word ", maxWholeBytes/5) + "}\n"},
		"LargeInJSON":   {"The same goes for JSON.", `{"apiVersion":"v1","entries":{"a":[{"name":"a","version":"1.0.0","description":"` + strings.Repeat("x", maxWholeBytes) + `"}]}}`},
		"LargeKey":      {"And its keys.", `{"apiVersion":"v1","` + strings.Repeat("x", maxWholeBytes) + `":1}`},
		"ManyCharts":    {"The number of charts has one.", "apiVersion: v1\nentries:\n" + numbered(minEntries*3, "  a%d:\n")},
		"ManyVersions":  {"And that of versions.", `{"apiVersion":"v1","entries":{"a":[` + strings.Repeat(`{"name":"a","version":"1.0.0"},`, minEntries*9) + `null]}}`},
		"LargeLayout":   {"A large index has to be readable piece by piece.", "apiVersion: v1\nentries: {" + numbered(200_000, "a%d: [],") + "}\n"},
		"EndlessIndent": {"Lines of blanks are not collected.", "apiVersion: v1\nentries:\n" + strings.Repeat(" ", 3<<20)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, _, err := compile(t, tc.index); !errors.Is(err, ErrIndex) {
				t.Errorf("%s\n%v", tc.reason, err)
			}
		})
	}
}

func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func FuzzCompile(f *testing.F) {
	for _, index := range layouts() {
		f.Add(index)
	}
	f.Fuzz(func(t *testing.T, index string) {
		if len(index) > 1<<16 {
			return // a small index is as good
		}
		same(t, index)
	})
}

func FuzzTable(f *testing.F) {
	_, _, err := compile(f, plain)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(magic), "alpine", "*")
	f.Fuzz(func(t *testing.T, table []byte, name, wanted string) {
		opened, err := OpenTable(bytes.NewReader(table), int64(len(table)))
		if err == nil {
			_, _ = opened.Find(name, wanted)
		}
	})
}

// large writes an index of about that size with 20 charts and a note in each version.
func large(tb testing.TB, size int, note string) *os.File {
	tb.Helper()
	f, err := os.Create(filepath.Join(tb.TempDir(), "index.yaml"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { f.Close() })
	var b bytes.Buffer
	b.WriteString("apiVersion: v1\nentries:\n")
	const entry = `  - annotations:
      category: Database
      images: |
        - name: chart-%[1]d
          image: registry.example/chart-%[1]d:%[2]d
    apiVersion: v2
    appVersion: 1.%[2]d.0
    created: "2024-01-02T03:04:05.123456789Z"
    dependencies:
    - name: common
      repository: oci://registry.example/charts
      tags:
      - common
      version: 2.x.x
    description: A chart that is described in one line of which there are many in an index of this size.
    digest: 6d5e4ac2a7e0b6a6f1f2a4f2d2ad0fbb0a0e7c4f6fd7c4b9a1d1c0b0a0f0e0d%[2]d
    home: https://charts.example%[3]s
    keywords:
    - database
    - sql
    maintainers:
    - name: Somebody
      url: https://charts.example/people
    name: chart-%[1]d
    sources:
    - https://charts.example/src/chart-%[1]d
    urls:
    - https://charts.example/chart-%[1]d-1.%[2]d.0.tgz
    version: 1.%[2]d.0
`
	for chart := range 20 {
		fmt.Fprintf(&b, "  chart-%d:\n", chart)
		for version := 0; b.Len() < size/20; version++ {
			fmt.Fprintf(&b, entry, chart, version, note)
		}
		if _, err := b.WriteTo(f); err != nil {
			tb.Fatal(err)
		}
	}
	fmt.Fprintf(&b, "generated: %q\n", time.Unix(0, 0).Format(time.RFC3339))
	if _, err := b.WriteTo(f); err != nil {
		tb.Fatal(err)
	}
	return f
}

// BenchmarkCompile reads an index of 50 MB with 20 charts and reports the largest heap meanwhile. The process that does it may have 150 MB
// (DESIGN, "Figures to reach"). In the second case every version has a note that only the YAML parser understands.
func BenchmarkCompile(b *testing.B) {
	for name, note := range map[string]string{"Usual": "", "Parsed": " # a note"} {
		b.Run(name, func(b *testing.B) {
			f := large(b, 50_000_000, note)
			info, err := f.Stat()
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(info.Size())
			var peak uint64
			for b.Loop() {
				peak = max(peak, compileWatched(b, f, info.Size()))
			}
			b.ReportMetric(float64(peak), "peak-heap-bytes")
		})
	}
}

// compileWatched compiles an index of 20 charts and returns the largest heap in use meanwhile.
func compileWatched(b *testing.B, index io.ReaderAt, size int64) uint64 {
	b.Helper()
	runtime.GC()
	var peak uint64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { peak = watchHeap(stop) })
	c, err := Compile(b.Context(), index, size, b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	err = errors.Join(c.WriteJSON(io.Discard), c.WriteTable(io.Discard, "subject"), c.Close())
	close(stop)
	wg.Wait()
	if err != nil || c.Len() != 20 {
		b.Fatal(err)
	}
	return peak
}

// watchHeap returns the largest heap in use until stop is closed. It stops nobody from working.
func watchHeap(stop <-chan struct{}) uint64 {
	inUse := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
	var peak uint64
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		metrics.Read(inUse)
		peak = max(peak, inUse[0].Value.Uint64()+inUse[1].Value.Uint64())
		select {
		case <-stop:
			tick.Stop()
			return peak
		case <-tick.C:
		}
	}
}
