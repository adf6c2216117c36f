// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gitops/weir/kit/artifact"
	"github.com/weir-gitops/weir/kit/artifact/store"
)

// leftovers makes what an interrupted process may leave unfinished for app.
func leftovers(t *testing.T, dir string) {
	t.Helper()
	for _, p := range []string{
		"gitrepository/ns/app/.a.tar.gz.tmp-X", ".state/index/gitrepository/ns/app/.data.tmp-Y", ".state/layer/gitrepository/ns/app/.layer.tmp-Z/sub/file",
	} {
		mkdir(t, filepath.Dir(filepath.Join(dir, p)))
		overwrite(t, filepath.Join(dir, p), "x")
	}
}

func TestOpenSweeps(t *testing.T) {
	dir := t.TempDir()
	keep := []string{
		".state/index/gitrepository/ns/app/data",
		".state/mirror/gitrepository/ns/app/objects/pack/.x.tmp-1",
		"gitrepository/ns/app/a.tar.gz",
	}
	for _, p := range keep {
		mkdir(t, filepath.Dir(filepath.Join(dir, p)))
		overwrite(t, filepath.Join(dir, p), "x")
	}
	leftovers(t, dir)
	s, err := store.Open(store.Options{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if diff := cmp.Diff(keep, tree(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A link, which cannot be locked, is told by its age.
func TestSweepLinks(t *testing.T) {
	now := time.Now()
	s, dir := open(t, func(o *store.Options) { o.Now = func() time.Time { return now } })
	f := write(t, s, "a.tar.gz", "x")
	link := filepath.Join(dir, filepath.Dir(f.Path), ".latest.tmp-X")
	if err := os.Symlink("a.tar.gz", link); err != nil {
		t.Fatal(err)
	}
	for _, there := range []bool{true, false} {
		if _, err := s.Collect(t.Context(), app(), f.Path); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Lstat(link); (err == nil) != there {
			t.Errorf("at %s: %v, want it there: %t", now, err, there)
		}
		now = now.Add(time.Hour)
	}
}

// A process that takes over finds what the one before it left behind, without being started again.
func TestCollectSweeps(t *testing.T) {
	s, dir := open(t)
	f := write(t, s, "a.tar.gz", "x")
	leftovers(t, dir)
	private := filepath.Join(dir, ".state/index/gitrepository/ns/app/rebuild.lock")
	overwrite(t, private, "")
	if removed, err := s.Collect(t.Context(), app(), f.Path); err != nil || len(removed) != 0 {
		t.Errorf("%q, %v", removed, err)
	}
	if diff := cmp.Diff([]string{f.Path}, tree(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := os.Stat(private); err != nil {
		t.Errorf("the lock of somebody else: %v", err)
	}
	remove(t, private)
	remove(t, filepath.Join(dir, f.Path))
	remove(t, filepath.Join(dir, f.Path+".lock"))
	remove(t, filepath.Dir(filepath.Join(dir, f.Path)))
	leftovers(t, dir)
	if _, err := s.Collect(t.Context(), app(), ""); err != nil || len(tree(t, dir)) != 0 {
		t.Errorf("without artifacts: %q, %v", tree(t, dir), err)
	}
}

// One leftover that cannot be removed keeps nothing else from being collected, and is told.
func TestCollectGoesOn(t *testing.T) {
	s, dir := open(t)
	old := write(t, s, "a.tar.gz", "x")
	current := write(t, s, "c.tar.gz", "x")
	write(t, s, "b.tar.gz", "x")
	past := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(dir, old.Path), past, past); err != nil {
		t.Fatal(err)
	}
	blocked := filepath.Join(dir, ".state/layer/gitrepository/ns/app") // where a directory belongs
	mkdir(t, filepath.Dir(blocked))
	overwrite(t, blocked, "")
	removed, err := s.Collect(t.Context(), app(), current.Path)
	if diff := cmp.Diff([]string{old.Path}, removed); diff != "" || !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("%v, (-want +got):\n%s", err, diff)
	}
}

// What another process is writing stays, however long it takes.
func TestSweepSparesTheLiving(t *testing.T) {
	s, dir := open(t)
	scratch, err := s.Scratch(app(), "layer")
	if err != nil {
		t.Fatal(err)
	}
	if err := scratch.Root.WriteFile("file", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = s.Write(app(), "a.tar.gz", func(w io.Writer) error {
		if _, err := io.WriteString(w, "content"); err != nil {
			return err
		}
		before := tree(t, dir)
		other, err := store.Open(store.Options{Path: dir, Now: func() time.Time { return time.Now().Add(time.Hour) }})
		if err != nil {
			return err
		}
		defer other.Close()
		_, err = other.Collect(t.Context(), app(), "")
		if diff := cmp.Diff(before, tree(t, dir)); diff != "" || len(before) != 2 {
			t.Errorf("(-before +after):\n%s", diff)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := scratch.Root.Stat("file"); err != nil {
		t.Error(err)
	}
	if err := errors.Join(scratch.Close(), scratch.Close()); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"gitrepository/ns/app/a.tar.gz"}, tree(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// However often somebody sweeps, nothing that is being written gets lost. What makes a file tries ten names; no more than six sweeps, four that wait for
// their turn and two under way, can come in between.
func TestSweepRaces(t *testing.T) {
	s, dir := open(t)
	turns := make(chan struct{}, 4)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range turns {
				other, err := store.Open(store.Options{Path: dir})
				if err != nil {
					t.Errorf("sweep: %v", err)
					return
				}
				_ = other.Close()
			}
		})
	}
	sweep := func() {
		for range cap(turns) {
			select {
			case turns <- struct{}{}:
			default:
			}
		}
	}
	for i := range 200 {
		sweep()
		if err := s.WriteState(app(), "note", []byte{byte(i)}); err != nil {
			t.Errorf("write: %v", err)
		}
		sweep()
		scratch, err := s.Scratch(app(), "layer")
		if err != nil {
			t.Errorf("scratch: %v", err)
			continue
		}
		if err := errors.Join(scratch.Root.WriteFile("file", nil, 0o600), scratch.Close()); err != nil {
			t.Errorf("scratch: %v", err)
		}
		private, err := s.StateDir(app(), "chart")
		if err != nil {
			t.Fatal(err)
		}
		sweep()
		file, err := store.Anonymous(private)
		if err != nil {
			t.Errorf("anonymous file: %v", err)
			continue
		}
		_, err = file.WriteString("x")
		if err := errors.Join(err, file.Close()); err != nil {
			t.Errorf("anonymous file: %v", err)
		}
	}
	close(turns)
	wg.Wait()
	if left := tree(t, dir); len(left) != 1 {
		t.Errorf("left: %q", left)
	}
}

// What a process that was killed had open is free at once.
func TestSweepAfterKill(t *testing.T) {
	if os.Getenv("STORE_TEST_KILL") != "" {
		killedWriter(t, os.Getenv("STORE_TEST_KILL"))
		return
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSweepAfterKill$")
	cmd.Env = append(os.Environ(), "STORE_TEST_KILL="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, len(halfWay))); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(store.Options{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if left := tree(t, dir); len(left) != 2 {
		t.Errorf("while it lives: %q", left)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it says that it was killed
	if _, err := s.Collect(t.Context(), app(), ""); err != nil {
		t.Error(err)
	}
	if left := tree(t, dir); len(left) != 0 {
		t.Errorf("after its end: %q", left)
	}
}

// halfWay is what killedWriter says when it can be killed.
const halfWay = "half way"

// killedWriter leaves a file and a directory unfinished and waits for its end. It reads what nobody writes: a process in which nothing can happen any
// more is ended by Go, unless it is linked with C.
func killedWriter(t *testing.T, dir string) {
	t.Helper()
	s, err := store.Open(store.Options{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	scratch, err := s.Scratch(app(), "layer")
	if err != nil {
		t.Fatal(err)
	}
	if err := scratch.Root.WriteFile("file", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _ = s.Write(app(), "a.tar.gz", func(io.Writer) error {
		fmt.Print(halfWay)
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	})
}

// A disk that is full is told as such, in the same words each time, and the old file stays.
func TestWriteDiskFull(t *testing.T) {
	if dir := os.Getenv("STORE_TEST_FULL"); dir != "" {
		fullDisk(t, dir)
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWriteDiskFull$", "-test.v")
	cmd.Env = append(os.Environ(), "STORE_TEST_FULL="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Errorf("%v\n%s", err, out)
	}
}

// fullDisk lets no file of this process grow beyond 64 KiB, which it notices in the same way as the end of the disk.
func fullDisk(t *testing.T, dir string) {
	t.Helper()
	s, err := store.Open(store.Options{Path: dir, Host: "host", Algorithm: artifact.SHA256})
	if err != nil {
		t.Fatal(err)
	}
	old := write(t, s, "a.tar.gz", "old")
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 64 << 10, Max: 64 << 10}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err = s.Write(app(), "a.tar.gz", func(w io.Writer) error {
			_, err := w.Write(make([]byte, 1<<20))
			return err
		})
		if !errors.Is(err, syscall.EFBIG) || err.Error() != "write gitrepository/ns/app/a.tar.gz: file too large" {
			t.Errorf("got %v", err)
		}
		if err := s.WriteState(app(), "note", make([]byte, 1<<20)); !errors.Is(err, syscall.EFBIG) || strings.Contains(err.Error(), ".tmp-") {
			t.Errorf("got %v", err)
		}
	}
	anonymous, err := store.Anonymous(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer anonymous.Close()
	if _, err := anonymous.Write(make([]byte, 1<<20)); !errors.Is(err, syscall.EFBIG) || err.Error() != "write temporary file: file too large" {
		t.Errorf("got %v", err)
	}
	if err := s.Verify(old.Path, old.Digest.String()); err != nil {
		t.Errorf("the old file: %v", err)
	}
	if diff := cmp.Diff([]string{old.Path}, tree(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
