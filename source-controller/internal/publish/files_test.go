// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package publish_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/google/go-cmp/cmp"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact"
	"github.com/weir-gitops/weir/kit/artifact/archive"
	"github.com/weir-gitops/weir/kit/artifact/store"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// newFiles returns the files of an object with a link, in a storage whose clock is now.
func newFiles(t *testing.T, now *time.Time) (*publish.Files, *sourcev1.OCIRepository, string) {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(store.Options{
		Path: dir, Host: "host", Records: 2, TTL: time.Minute, Algorithm: artifact.SHA256, Now: func() time.Time { return *now },
	})
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	o := &sourcev1.OCIRepository{}
	o.Namespace, o.Name = "ns", "app"
	return &publish.Files{
		Store: s, Object: publish.Object("OCIRepository", "ns", "app"), Source: o, LinkName: "latest",
		Status: publish.Status{Artifact: &o.Status.Artifact, URL: &o.Status.URL},
	}, o, dir
}

// save stores content as file, and tells it as a run does.
func save(t *testing.T, f *publish.Files, file, content string) *meta.Artifact {
	t.Helper()
	must(t, f.Look(t.Context()))
	must(t, f.Save(t.Context(), publish.Content{
		File: file, Revision: "r-" + file, Metadata: map[string]string{"a": "b"},
		Produce: func(w io.Writer) error {
			_, err := io.WriteString(w, content)
			return err
		},
	}))
	*f.Status.Artifact, *f.Status.URL = f.Stored, f.Link
	return f.Stored
}

func TestSave(t *testing.T) {
	now := time.Now()
	f, o, _ := newFiles(t, &now)
	first := save(t, f, "1.tar.gz", "content")
	if diff := cmp.Diff(map[string]string{"a": "b"}, first.Metadata); diff != "" || first.Revision != "r-1.tar.gz" || *first.Size != 7 ||
		first.Path != "ocirepository/ns/app/1.tar.gz" || f.Store.Verify(first.Path, first.Digest) != nil {
		t.Errorf("artifact %+v\n%s", first, diff)
	}
	if o.Status.URL != "http://host/ocirepository/ns/app/latest" {
		t.Errorf("link %s", o.Status.URL)
	}
	// However old it is, the replaced one stays for its time, counted from now.
	now = now.Add(time.Hour)
	second := save(t, f, "2.tar.gz", "other")
	must(t, f.Look(t.Context()))
	if len(f.Found.Removed) > 0 || f.Store.Verify(first.Path, first.Digest) != nil {
		t.Errorf("removed %v", f.Found.Removed)
	}
	now = now.Add(time.Hour)
	must(t, f.Look(t.Context()))
	if diff := cmp.Diff([]string{first.Path}, f.Found.Removed); diff != "" || !f.Found.Usable() || f.Found.Artifact.Digest != second.Digest {
		t.Errorf("after its time (-want +got):\n%s", diff)
	}
	if err := f.Save(t.Context(), publish.Content{File: "../x"}); !errors.Is(err, store.ErrPath) {
		t.Errorf("error %v", err)
	}
}

// A link that cannot be set is told, and the one before stays.
func TestUnlinked(t *testing.T) {
	now := time.Now()
	f, _, dir := newFiles(t, &now)
	save(t, f, "1.tar.gz", "content")
	link := filepath.Join(dir, "ocirepository/ns/app/latest")
	must(t, os.Remove(link))
	must(t, os.MkdirAll(filepath.Join(link, "x"), 0o700)) // nothing is renamed over a directory
	second := save(t, f, "2.tar.gz", "other")
	if f.Unlinked == nil || f.Link != "http://host/ocirepository/ns/app/latest" || f.Stored != second {
		t.Errorf("link %s, %v", f.Link, f.Unlinked)
	}
}

// The link is told at its present address, and only with an artifact.
func TestLinkAddress(t *testing.T) {
	now := time.Now()
	f, o, _ := newFiles(t, &now)
	a := save(t, f, "1.tar.gz", "content")
	for told, want := range map[string]string{"": "", "http://old/x": "http://host/ocirepository/ns/app/latest"} {
		o.Status.URL = told
		must(t, f.Look(t.Context()))
		if f.Link != want {
			t.Errorf("link %q, want %q", f.Link, want)
		}
	}
	must(t, f.Store.Remove(a.Path))
	must(t, f.Look(t.Context()))
	if f.Link != "" || !f.Found.Lost {
		t.Errorf("link without artifact: %q", f.Link)
	}
}

// A note is about one artifact.
func TestNote(t *testing.T) {
	now := time.Now()
	f, _, _ := newFiles(t, &now)
	type note struct{ A int }
	recall := func(n *note) bool {
		t.Helper()
		must(t, f.Look(t.Context()))
		return f.Recall("note", n)
	}
	var n note
	if recall(&n) {
		t.Error("there is nothing to recall")
	}
	first := save(t, f, "1.tar.gz", "content")
	f.Keep(t.Context(), "note", first, note{A: 1})
	if !recall(&n) || n.A != 1 {
		t.Errorf("recalled %+v", n)
	}
	save(t, f, "1.tar.gz", "other content")
	if recall(&n) {
		t.Error("it was about another artifact")
	}
	must(t, f.Store.WriteState(f.Object, "note", []byte("{")))
	if recall(&n) {
		t.Error("a damaged one is none")
	}
}

// Everything of an object goes with it. Its status says so where somebody else keeps it.
func TestRemove(t *testing.T) {
	now := time.Now()
	for finalizers, want := range map[int]int{1: 0, 2: 1} {
		f, o, dir := newFiles(t, &now)
		save(t, f, "1.tar.gz", "content")
		f.Keep(t.Context(), "note", f.Stored, 1)
		for i := range finalizers {
			o.Finalizers = append(o.Finalizers, fmt.Sprint(i))
		}
		published := 0
		f.Run.Publish = func(context.Context) error { published++; return nil }
		phases := publish.Deletion(func(f *publish.Files) *publish.Files { return f })
		if len(phases) != 1 || phases[0].Run(t.Context(), f) != nil || !f.Gone || published != want {
			t.Errorf("%d finalizers: published %d times", finalizers, published)
		}
		must(t, filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				t.Errorf("left over: %s", p)
			}
			return err
		}))
	}
}

// An archive that could not be made is a fault of storage, told without private paths, unless it is one of an ignore file.
func TestArchiveFault(t *testing.T) {
	disk := fmt.Errorf("write: %w", &fs.PathError{Op: "write", Path: "/data/.x.tmp-ABC", Err: errors.New("no space left")})
	rename := &os.LinkError{Op: "rename", Old: "/data/.x.tmp-ABC", New: "/data/x", Err: errors.New("no space left")}
	for want, err := range map[string]error{
		"ArchiveOperationFailed write: no space left": disk, "ArchiveOperationFailed rename: no space left": rename,
		"ArchiveOperationFailed x": errors.New("x"), "SourceIgnoreError " + archive.ErrRules.Error(): archive.ErrRules,
	} {
		o := outcome.Of(publish.ArchiveFault(err))
		if got := o.Reason + " " + o.Message(); got != want || o.Class != outcome.Failed {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if err := publish.ArchiveFault(nil); err != nil {
		t.Errorf("no fault: %v", err)
	}
}

func TestUnsupported(t *testing.T) {
	var none, some publish.Unsupported
	none.Provider("")
	none.Provider("generic")
	none.Add(false, "spec.x")
	if err := none.Outcome(); err != nil {
		t.Errorf("nothing is refused: %v", err)
	}
	some.Provider("aws")
	some.Add(true, "spec.verify")
	o := outcome.Of(some.Outcome())
	if o.Class != outcome.Stalled || o.Reason != sourcev1.UnsupportedReason || o.Message() != "not supported yet by this version: spec.provider 'aws', spec.verify" {
		t.Errorf("outcome %+v", o)
	}
}

func TestDriver(t *testing.T) {
	fields := func(o *sourcev1.OCIRepository) publish.Status { return publish.Status{Artifact: &o.Status.Artifact} }
	if _, err := publish.Driver(publish.Base{}, fields, reconcile.Kind[*sourcev1.OCIRepository, int]{}); err == nil {
		t.Error("nothing was given")
	}
}
