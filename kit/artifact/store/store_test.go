// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gitops/weir/kit/artifact"
	"github.com/weir-gitops/weir/kit/artifact/store"
)

func app() store.Object {
	return store.Object{Kind: "gitrepository", Namespace: "ns", Name: "app"}
}

// open returns a store in a new directory and the directory.
func open(t *testing.T, edit ...func(*store.Options)) (*store.Store, string) {
	t.Helper()
	o := store.Options{Path: t.TempDir(), Host: "host.", Algorithm: artifact.SHA256, TTL: time.Minute, Records: 2}
	for _, e := range edit {
		e(&o)
	}
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, o.Path
}

// write stores text and fails the test on an error.
func write(t *testing.T, s *store.Store, file, text string) store.File {
	t.Helper()
	f, err := s.Write(app(), file, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// tree lists the files below dir except locks and notes about the last write.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(p string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !strings.HasSuffix(p, ".lock") && !strings.HasPrefix(p, ".state/written/") {
			all = append(all, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWrite(t *testing.T) {
	s, dir := open(t)
	f := write(t, s, "a.tar.gz", "content")
	want := store.File{
		Path:    "gitrepository/ns/app/a.tar.gz",
		URL:     "http://host./gitrepository/ns/app/a.tar.gz",
		Digest:  artifact.Digest{Algorithm: artifact.SHA256, Hex: "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"},
		Size:    7,
		ModTime: f.ModTime,
	}
	if diff := cmp.Diff(want, f); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	info, err := os.Stat(filepath.Join(dir, f.Path))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	if info, err = os.Stat(filepath.Dir(filepath.Join(dir, f.Path))); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory mode %v, %v; want 0700", info.Mode(), err)
	}
}

func TestWriteFailureKeepsOldFile(t *testing.T) {
	s, dir := open(t)
	old := write(t, s, "a.tar.gz", "old")
	broken := errors.New("broken")
	_, err := s.Write(app(), "a.tar.gz", func(w io.Writer) error {
		_, _ = io.WriteString(w, strings.Repeat("new", 1<<20))
		return broken
	})
	if !errors.Is(err, broken) {
		t.Fatalf("error: %v", err)
	}
	if err := s.Verify(old.Path, old.Digest.String()); err != nil {
		t.Errorf("the old file is damaged: %v", err)
	}
	if diff := cmp.Diff([]string{old.Path}, tree(t, dir)); diff != "" {
		t.Errorf("something is left over (-want +got):\n%s", diff)
	}
}

func TestNamesAreConfined(t *testing.T) {
	s, _ := open(t)
	for _, o := range []store.Object{
		{Kind: "gitrepository", Namespace: "..", Name: "app"},
		{Kind: "gitrepository", Namespace: "ns", Name: "../../app"},
		{Kind: "", Namespace: "ns", Name: "app"},
		{Kind: ".state", Namespace: "ns", Name: "app"},
	} {
		if _, err := s.Path(o, "a"); !errors.Is(err, store.ErrPath) {
			t.Errorf("%+v: got %v, want ErrPath", o, err)
		}
		if err := s.RemoveObject(o); !errors.Is(err, store.ErrPath) {
			t.Errorf("%+v: RemoveObject: got %v, want ErrPath", o, err)
		}
	}
	if _, err := s.Path(app(), "../a"); !errors.Is(err, store.ErrPath) {
		t.Errorf("file: got %v, want ErrPath", err)
	}
	if err := s.Remove("../outside"); err == nil {
		t.Error("Remove must not leave the root")
	}
}

func TestVerify(t *testing.T) {
	cases := map[string]struct {
		reason string
		damage func(t *testing.T, path string)
		digest string
		want   error
	}{
		"Good": {reason: "What was written is fine.", damage: func(*testing.T, string) {}},
		"Flipped": {reason: "Other content of the same length is found.", damage: func(t *testing.T, p string) {
			t.Helper()
			overwrite(t, p, "CONTENT")
			// The clock of the file system may not have ticked since the file was written.
			if err := os.Chtimes(p, time.Now(), time.Now().Add(time.Second)); err != nil {
				t.Fatal(err)
			}
		}, want: artifact.ErrMismatch},
		"Appended":  {reason: "So is more content.", damage: func(t *testing.T, p string) { t.Helper(); overwrite(t, p, "content+") }, want: artifact.ErrMismatch},
		"Missing":   {reason: "A lost file is told apart.", damage: func(t *testing.T, p string) { t.Helper(); remove(t, p) }, want: fs.ErrNotExist},
		"Directory": {reason: "Only a regular file counts.", damage: func(t *testing.T, p string) { t.Helper(); remove(t, p); mkdir(t, p) }, want: fs.ErrNotExist},
		"Link": {reason: "A link does not count, wherever it leads.", damage: func(t *testing.T, p string) {
			t.Helper()
			if err := os.Rename(p, p+"2"); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(filepath.Base(p)+"2", p); err != nil {
				t.Fatal(err)
			}
		}, want: fs.ErrNotExist},
		"NoDigest":  {reason: "An unparsable digest never matches.", damage: func(*testing.T, string) {}, digest: "x", want: artifact.ErrDigest},
		"Algorithm": {reason: "Nor does an unknown algorithm.", damage: func(*testing.T, string) {}, digest: "md5:00", want: artifact.ErrAlgorithm},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			later := time.Now().Add(time.Hour)
			s, dir := open(t, func(o *store.Options) { o.Now = func() time.Time { return later } })
			f := write(t, s, "a.tar.gz", "content")
			if err := s.Verify(f.Path, f.Digest.String()); err != nil {
				t.Fatalf("before: %v", err)
			}
			tc.damage(t, filepath.Join(dir, f.Path))
			digest := tc.digest
			if digest == "" {
				digest = f.Digest.String()
			}
			if err := s.Verify(f.Path, digest); !errors.Is(err, tc.want) {
				t.Errorf("%s\ngot %v, want %v", tc.reason, err, tc.want)
			}
		})
	}
}

func TestVerifyForgedTime(t *testing.T) {
	later := time.Now().Add(time.Minute)
	s, dir := open(t, func(o *store.Options) { o.Now = func() time.Time { return later } })
	f := write(t, s, "a.tar.gz", "content")
	if err := s.Verify(f.Path, f.Digest.String()); err != nil {
		t.Fatal(err)
	}
	p := filepath.Join(dir, f.Path)
	info, err := os.Stat(p)
	if err != nil {
		t.Fatal(err)
	}
	// Until the clock of the file system ticks, the change may not show.
	for range 1000 {
		overwrite(t, p, "CONTENT")
		if err := os.Chtimes(p, info.ModTime(), info.ModTime()); err != nil {
			t.Fatal(err)
		}
		if err := s.Verify(f.Path, f.Digest.String()); errors.Is(err, artifact.ErrMismatch) {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("a file whose time of modification was set back was not read again")
}

func TestVerifyYoungFile(t *testing.T) {
	s, dir := open(t)
	f := write(t, s, "a.tar.gz", "content")
	if err := s.Verify(f.Path, f.Digest.String()); err != nil {
		t.Fatal(err)
	}
	overwrite(t, filepath.Join(dir, f.Path), "CONTENT")
	if err := s.Verify(f.Path, f.Digest.String()); !errors.Is(err, artifact.ErrMismatch) {
		t.Errorf("a change within the clock tick of the file system must be found: got %v", err)
	}
}

func TestCollect(t *testing.T) {
	now := time.Now()
	cases := map[string]struct {
		reason string
		ages   map[string]time.Duration
		want   []string
	}{
		"CurrentStays":  {"The current artifact stays, however old.", map[string]time.Duration{"current": time.Hour}, []string{"current"}},
		"Expired":       {"What is older than the TTL goes.", map[string]time.Duration{"a": 2 * time.Minute, "current": time.Second}, []string{"current"}},
		"Young":         {"A young predecessor stays for those who download it.", map[string]time.Duration{"a": time.Second, "current": 0}, []string{"a", "current"}},
		"Records":       {"Beyond the number of records the oldest go first.", map[string]time.Duration{"a": 30 * time.Second, "b": 20 * time.Second, "c": 10 * time.Second, "current": 0}, []string{"c", "current"}},
		"OldCurrent":    {"The current one counts even if it is the oldest.", map[string]time.Duration{"a": 3 * time.Second, "b": 2 * time.Second, "current": 50 * time.Second}, []string{"b", "current"}},
		"EqualAge":      {"Files of the same age do not hide one another.", map[string]time.Duration{"a": 2 * time.Minute, "b": 2 * time.Minute, "c": 2 * time.Minute, "current": 0}, []string{"current"}},
		"NothingStored": {"An object without directory is fine.", nil, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s, dir := open(t, func(o *store.Options) { o.Now = func() time.Time { return now } })
			for file, age := range tc.ages {
				f := write(t, s, file, file)
				if err := os.Chtimes(filepath.Join(dir, f.Path), now.Add(-age), now.Add(-age)); err != nil {
					t.Fatal(err)
				}
			}
			removed, err := s.Collect(t.Context(), app(), "gitrepository/ns/app/current")
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, file := range tc.want {
				want = append(want, "gitrepository/ns/app/"+file)
			}
			if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
			if len(removed) != len(tc.ages)-len(tc.want) {
				t.Errorf("%s\nreported %v", tc.reason, removed)
			}
			for _, p := range removed {
				if _, err := os.Stat(filepath.Join(dir, p+".lock")); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("the lock of %s stays", p)
				}
			}
		})
	}
}

func TestRemoveObject(t *testing.T) {
	s, dir := open(t)
	write(t, s, "a", "a")
	if err := s.WriteState(app(), "index", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveObject(app()); err != nil {
		t.Fatal(err)
	}
	if left := tree(t, dir); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
	if err := s.RemoveObject(app()); err != nil {
		t.Errorf("removing what is not there: %v", err)
	}
}

func TestState(t *testing.T) {
	s, dir := open(t)
	if _, err := s.ReadState(app(), "index", 10); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before: got %v, want ErrNotExist", err)
	}
	if err := s.WriteState(app(), "index", []byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	if b, err := s.ReadState(app(), "index", 10); err != nil || string(b) != "0123456789" {
		t.Errorf("got %q, %v", b, err)
	}
	if _, err := s.ReadState(app(), "index", 9); err == nil {
		t.Error("the limit must hold")
	}
	p, err := s.StateDir(app(), "mirror")
	if err != nil || p != filepath.Join(dir, ".state/mirror/gitrepository/ns/app") {
		t.Errorf("StateDir: %q, %v", p, err)
	}
}

func TestWriteFailureLeavesNoLock(t *testing.T) {
	s, dir := open(t)
	if _, err := s.Write(app(), "a.tar.gz", func(io.Writer) error { return io.ErrUnexpectedEOF }); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "gitrepository/ns/app")); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestCollectOrphans(t *testing.T) {
	s, dir := open(t, func(o *store.Options) { o.Now = func() time.Time { return time.Now().Add(time.Hour) } })
	f := write(t, s, "a.tar.gz", "x")
	for _, name := range []string{"gone.tar.gz.lock", ".gone.tar.gz.tmp-X"} {
		overwrite(t, filepath.Join(dir, "gitrepository/ns/app", name), "")
	}
	removed, err := s.Collect(t.Context(), app(), f.Path)
	if err != nil || len(removed) != 0 {
		t.Errorf("%q, %v", removed, err)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "gitrepository/ns/app"))
	if err != nil || len(entries) != 2 || entries[0].Name() != "a.tar.gz" || entries[1].Name() != "a.tar.gz.lock" {
		t.Errorf("left: %v, %v", entries, err)
	}
}

func TestRetire(t *testing.T) {
	now := time.Now()
	s, dir := open(t, func(o *store.Options) { o.Now, o.TTL, o.Records = func() time.Time { return now }, time.Minute, 5 })
	f := write(t, s, "a.tar.gz", "x")
	old := now.Add(-time.Hour)
	if err := errors.Join(os.Chtimes(filepath.Join(dir, f.Path), old, old), s.Retire(f.Path), s.Retire(f.Path+"x")); err != nil {
		t.Fatal(err)
	}
	if removed, err := s.Collect(t.Context(), app(), ""); err != nil || len(removed) != 0 {
		t.Errorf("just replaced: %q, %v", removed, err)
	}
	now = now.Add(2 * time.Minute)
	if removed, err := s.Collect(t.Context(), app(), ""); err != nil || len(removed) != 1 {
		t.Errorf("after its time: %q, %v", removed, err)
	}
}

func TestWritten(t *testing.T) {
	s, dir := open(t)
	first := write(t, s, "a.tar.gz", "x")
	if got, err := s.Written(app(), first.Path); err != nil || got.Digest != first.Digest || got.Size != first.Size {
		t.Errorf("%+v, %v", got, err)
	}
	write(t, s, "b.tar.gz", "y")
	if _, err := s.Written(app(), first.Path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("only the last is known: %v", err)
	}
	second := write(t, s, "b.tar.gz", "z")
	overwrite(t, filepath.Join(dir, second.Path), "w")
	if _, err := s.Written(app(), second.Path); !errors.Is(err, artifact.ErrMismatch) {
		t.Errorf("an altered file is not ours: %v", err)
	}
}

func TestOpenNeedsDirectory(t *testing.T) {
	if _, err := store.Open(store.Options{Path: filepath.Join(t.TempDir(), "missing")}); err == nil {
		t.Error("a missing root must be an error")
	}
	file := filepath.Join(t.TempDir(), "file")
	overwrite(t, file, "")
	if _, err := store.Open(store.Options{Path: file}); err == nil {
		t.Error("a root that is no directory must be an error")
	}
}

func TestHost(t *testing.T) {
	cases := map[string]struct{ advertised, listen, want string }{
		"Advertised": {"source-controller.flux-system.svc.cluster.local.", ":9090", "source-controller.flux-system.svc.cluster.local."},
		"Empty":      {"", ":9090", "localhost:9090"},
		"Any":        {"", "0.0.0.0:9090", "pod-1:9090"},
		"Address":    {"", "10.0.0.1:9090", "10.0.0.1:9090"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := store.Host(tc.advertised, tc.listen, "pod-1")
			if err != nil || got != tc.want {
				t.Errorf("got %q, %v; want %q", got, err, tc.want)
			}
		})
	}
	if _, err := store.Host("", "nonsense", ""); err == nil {
		t.Error("an address without port must be an error")
	}
}

func TestURL(t *testing.T) {
	for host, want := range map[string]string{
		"host.":         "http://host./a/b",
		"https://host/": "https://host/a/b",
	} {
		s, _ := open(t, func(o *store.Options) { o.Host = host })
		if got := s.URL("a/b"); got != want {
			t.Errorf("host %q: got %q, want %q", host, got, want)
		}
	}
}

func overwrite(t *testing.T, p, text string) {
	t.Helper()
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, p string) {
	t.Helper()
	if err := os.Remove(p); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, p string) {
	t.Helper()
	if err := os.MkdirAll(p, 0o700); err != nil {
		t.Fatal(err)
	}
}
