// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package tags_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/weir-gitops/weir/image-automation-controller/internal/tags"
)

var app = types.NamespacedName{Namespace: "apps", Name: "web"} //nolint:gochecknoglobals // a constant

func list(names ...string) tags.List {
	var c tags.Collector
	for _, name := range names {
		c.Add(name)
	}
	return c.List()
}

func open(t *testing.T, dir string, threshold int64) *tags.Store {
	t.Helper()
	s, err := tags.Open(dir, threshold)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// content returns the tags of an object, nil if there is no set.
func content(t *testing.T, s *tags.Store) []string {
	t.Helper()
	l, ok, err := s.Get(app)
	if err != nil {
		t.Fatal(err)
	}
	info, known, err := s.Info(app)
	if err != nil || known != ok || ok && (info.Revision != l.Revision() || info.Count != l.Len()) {
		t.Fatalf("info %+v, %v, %v of %d tags", info, known, err, l.Len())
	}
	if !ok {
		return nil
	}
	return append([]string{}, slices.Collect(l.All())...)
}

// files lists the files below a directory with their modes.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		found = append(found, fmt.Sprintf("%s %o", name, info.Mode().Perm()))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestCollector(t *testing.T) {
	l := list("1.0", "b", "a", "B", "1.0", "no tag", "", strings.Repeat("x", 129))
	if diff := cmp.Diff([]string{"b", "a", "B", "1.0"}, slices.Collect(l.All())); diff != "" || l.Len() != 4 {
		t.Errorf("descending, without duplicates and what is no tag; -want, +got:\n%s", diff)
	}
	if l.Revision() != list("a", "b", "B", "1.0").Revision() || l.Revision() == list("a", "b", "B").Revision() {
		t.Error("the revision tells the set, whatever the order")
	}
	if want := "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"; list().Revision() != want || list().First(3) != nil {
		t.Error("an empty set has a revision too, and no first tags")
	}
	if diff := cmp.Diff([]string{"b", "a"}, l.First(2)); diff != "" {
		t.Error(diff)
	}
}

func TestStore(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 100)
	if got := content(t, s); got != nil {
		t.Fatalf("a new store has %q", got)
	}
	put := func(names ...string) {
		t.Helper()
		if err := s.Set(app, list(names...)); err != nil {
			t.Fatal(err)
		}
	}
	many := make([]string, 100)
	for i := range many {
		many[i] = fmt.Sprintf("v1.0.%03d", len(many)-i)
	}
	steps := []struct {
		reason string
		tags   []string
		file   string
	}{
		{"A small set is a text.", []string{"2", "1"}, "tags.txt"},
		{"A large one is compressed.", many, "tags.txt.gz"},
		{"And small again.", []string{"3"}, "tags.txt"},
		{"A set may be empty.", []string{}, "tags.txt"},
	}
	for _, step := range steps {
		put(step.tags...)
		if diff := cmp.Diff(step.tags, content(t, s)); diff != "" {
			t.Errorf("%s -want, +got:\n%s", step.reason, diff)
		}
		if diff := cmp.Diff([]string{".storage-version 600", "imagerepository/apps/web/" + step.file + " 600"}, files(t, dir)); diff != "" {
			t.Errorf("%s -want, +got:\n%s", step.reason, diff)
		}
		if diff := cmp.Diff(step.tags, content(t, open(t, dir, 100))); diff != "" {
			t.Errorf("%s After a restart -want, +got:\n%s", step.reason, diff)
		}
	}
	before := time.Unix(1, 0)
	if err := os.Chtimes(filepath.Join(dir, "imagerepository/apps/web/tags.txt"), before, before); err != nil {
		t.Fatal(err)
	}
	put()
	if info, err := os.Stat(filepath.Join(dir, "imagerepository/apps/web/tags.txt")); err != nil || !info.ModTime().Equal(before) {
		t.Errorf("the same set is not written again: %v, %v", info, err)
	}
	if err := s.Delete(app); err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(filepath.Join(dir, "imagerepository")); content(t, s) != nil || len(entries) != 0 {
		t.Errorf("something is left after deletion: %v", entries)
	}
}

// What a process that was killed, a disk or somebody else left behind.
func TestLeftovers(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte("z\ny\n"))
	_ = z.Close()
	good := map[string]string{".storage-version": "weir-tags-v1\n", "imagerepository/apps/web/tags.txt": "b\na\n"}
	cases := map[string]struct {
		reason string
		files  map[string]string
		want   []string
		kept   []string
	}{
		"Good":         {"A complete set.", nil, []string{"b", "a"}, nil},
		"Incomplete":   {"A file that was not finished counts for nothing.", map[string]string{"imagerepository/apps/web/.tags-tags.txt": "x"}, []string{"b", "a"}, nil},
		"Both":         {"Of two files the newer one counts.", map[string]string{"imagerepository/apps/web/tags.txt.gz": zipped.String()}, []string{"z", "y"}, nil},
		"Malformed":    {"A text that is no set is none.", map[string]string{"imagerepository/apps/web/tags.txt": "a b\n"}, nil, nil},
		"Unordered":    {"Nor is one out of order.", map[string]string{"imagerepository/apps/web/tags.txt": "a\nb\n"}, nil, nil},
		"Zeros":        {"Nor is one the disk lost.", map[string]string{"imagerepository/apps/web/tags.txt": "\x00\x00\x00"}, nil, nil},
		"Truncated":    {"Nor is half a compressed one.", map[string]string{"imagerepository/apps/web/tags.txt.gz": zipped.String()[:15]}, nil, nil},
		"NotZipped":    {"Nor one that is not compressed.", map[string]string{"imagerepository/apps/web/tags.txt.gz": "a"}, nil, nil},
		"OtherVersion": {"Files of another version are removed.", map[string]string{".storage-version": "flux-v1"}, nil, nil},
		"Badger":       {"And those of a database.", map[string]string{".storage-version": "", "000001.vlog": "x", "MANIFEST": "x", "mine/file": "x"}, nil, []string{"mine/file"}},
		"Wiping":       {"Removal goes on where it was cut off.", map[string]string{".storage-wipe-in-progress": ""}, nil, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, set := range []map[string]string{good, tc.files} {
				for name, text := range set {
					path := filepath.Join(dir, name)
					if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
						t.Fatal(err)
					}
					if set["MANIFEST"] == "" && filepath.Ext(path) == ".txt" && len(tc.files) > 0 && strings.Contains(name, "web") {
						old := time.Now().Add(-time.Minute)
						_ = os.Chtimes(path, old, old)
					}
				}
			}
			s := open(t, dir, 100)
			if diff := cmp.Diff(tc.want, content(t, s)); diff != "" {
				t.Errorf("%s -want, +got:\n%s", tc.reason, diff)
			}
			for _, name := range tc.kept {
				if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
					t.Errorf("%s is not ours to remove: %v", name, err)
				}
			}
			if err := s.Set(app, list("n")); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"n"}, content(t, open(t, dir, 100))); diff != "" {
				t.Errorf("%s A new set -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestLostWhileRunning(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 100)
	if err := s.Set(app, list("1")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "imagerepository")); err != nil {
		t.Fatal(err)
	}
	if got := content(t, s); got != nil {
		t.Errorf("files that somebody removed are gone: %q", got)
	}
	if err := s.Set(app, list("1")); err != nil || len(content(t, s)) != 1 {
		t.Errorf("and written again: %v", err)
	}
}

func TestNotWritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := tags.Open(filepath.Join(file, "below"), 100); err == nil {
		t.Error("a directory that cannot be made must be an error")
	}
}

func TestGarbage(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 100)
	other := types.NamespacedName{Namespace: "gone", Name: "old"}
	for _, key := range []types.NamespacedName{app, other} {
		if err := s.Set(key, list("1")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "imagerepository", "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	g := &tags.Garbage{Store: s, Exists: func(_ context.Context, key types.NamespacedName) (bool, error) { return key == app, nil }}
	if err := g.Collect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{".storage-version 600", "imagerepository/apps/web/tags.txt 600"}, files(t, dir)); diff != "" {
		t.Errorf("-want, +got:\n%s", diff)
	}
	if entries, _ := os.ReadDir(filepath.Join(dir, "imagerepository")); len(entries) != 1 {
		t.Errorf("folders of namespaces: %v", entries)
	}
}

// A reader sees the set before or the set after, whatever the moment.
func TestAtomic(t *testing.T) {
	s := open(t, t.TempDir(), 20)
	small, large := list("1"), list("a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8")
	if err := s.Set(app, small); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		for range 50 {
			for _, l := range []tags.List{large, small} {
				if err := s.Set(app, l); err != nil {
					done <- err
					return
				}
			}
		}
		done <- nil
	}()
	for {
		l, ok, err := s.Get(app)
		if err != nil || !ok || l.Len() != 1 && l.Len() != 8 {
			t.Fatalf("read %d tags, %v, %v", l.Len(), ok, err)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return
		default:
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("b\na\n")
	f.Add("")
	f.Add("a\n\nb")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := tags.Parse(text)
		if err != nil {
			return
		}
		all := slices.Collect(l.All())
		if len(all) != l.Len() || !slices.IsSortedFunc(all, func(a, b string) int { return strings.Compare(b, a) }) {
			t.Fatalf("%d tags, %q", l.Len(), all)
		}
		if again := list(all...); again.Revision() != l.Revision() {
			t.Fatalf("%q is not the set it was read as", text)
		}
	})
}

// FuzzStored reads files that hold anything.
func FuzzStored(f *testing.F) {
	f.Add([]byte("b\na\n"), false)
	f.Add([]byte{0x1f, 0x8b, 8, 0}, true)
	f.Fuzz(func(t *testing.T, text []byte, zipped bool) {
		dir := t.TempDir()
		s := open(t, dir, 100)
		if err := s.Set(app, list("1")); err != nil {
			t.Fatal(err)
		}
		name := "tags.txt"
		if zipped {
			name = "tags.txt.gz"
			_ = os.Remove(filepath.Join(dir, "imagerepository/apps/web/tags.txt"))
		}
		if err := os.WriteFile(filepath.Join(dir, "imagerepository/apps/web", name), text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Get(app); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzCollector(f *testing.F) {
	f.Add("1.0 a b a")
	f.Fuzz(func(t *testing.T, text string) {
		var c tags.Collector
		for tag := range strings.SplitSeq(text, " ") {
			c.Add(tag)
		}
		l := c.List()
		again, err := tags.Parse(strings.Join(slices.Collect(l.All()), "\n"))
		if err != nil || again.Len() != l.Len() {
			t.Fatalf("%v: %d tags, %d before", err, again.Len(), l.Len())
		}
	})
}

func BenchmarkCollector(b *testing.B) {
	names := make([]string, 10_000)
	for i := range names {
		names[i] = fmt.Sprintf("main-%07x-%d", i*7919, 1700000000+i)
	}
	b.ReportAllocs()
	for b.Loop() {
		if list(names...).Len() != len(names) {
			b.Fatal("lost some")
		}
	}
}
