// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package publish_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact"
	"github.com/weir-gitops/weir/kit/artifact/store"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

func TestLook(t *testing.T) {
	o := store.Object{Kind: "gitrepository", Namespace: "ns", Name: "app"}
	cases := map[string]struct {
		reason  string
		damage  func(t *testing.T, file string, a *meta.Artifact)
		there   bool
		lost    bool
		altered error
		removed bool
	}{
		"Good":    {reason: "What is there is there, at its present address.", damage: func(_ *testing.T, _ string, a *meta.Artifact) { a.URL = "http://old/x" }, there: true},
		"Missing": {reason: "What is gone is lost.", damage: func(t *testing.T, file string, _ *meta.Artifact) { t.Helper(); must(t, os.Remove(file)) }, lost: true, removed: true},
		"Altered": {reason: "What was altered is lost and removed.", damage: func(t *testing.T, file string, _ *meta.Artifact) {
			t.Helper()
			must(t, os.WriteFile(file, []byte("other"), 0o600))
		}, lost: true, altered: artifact.ErrMismatch, removed: true},
		"NoDigest": {reason: "Without a digest nothing can be trusted.", damage: func(_ *testing.T, _ string, a *meta.Artifact) { a.Digest = "" }, lost: true, altered: artifact.ErrDigest, removed: true},
		"Foreign": {reason: "A path of another object is not ours, whatever is there.", damage: func(_ *testing.T, _ string, a *meta.Artifact) {
			a.Path = strings.Replace(a.Path, "/app/", "/other/", 1)
		}, lost: true},
		"Traversal": {reason: "Nor is one that leads away.", damage: func(_ *testing.T, _ string, a *meta.Artifact) { a.Path = "../../etc/passwd" }, lost: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s, err := store.Open(store.Options{Path: dir, Host: "host", Records: 2, TTL: 1 << 40})
			must(t, err)
			defer s.Close()
			file, err := s.Write(o, "a.tar.gz", func(w io.Writer) error {
				_, err := io.WriteString(w, "content")
				return err
			})
			must(t, err)
			a := &meta.Artifact{Path: file.Path, URL: file.URL, Digest: "sha256:" + file.Digest.Hex}
			tc.damage(t, filepath.Join(dir, file.Path), a)

			found, err := look(t, s, o, a)
			must(t, err)
			if (found.Artifact != nil) != tc.there || found.Lost != tc.lost || !errors.Is(found.Altered, tc.altered) {
				t.Errorf("%s\n%+v", tc.reason, found)
			}
			if tc.there && found.Artifact.URL != "http://host/"+file.Path {
				t.Errorf("%s\naddress %s", tc.reason, found.Artifact.URL)
			}
			if _, err := os.Stat(filepath.Join(dir, file.Path)); os.IsNotExist(err) != tc.removed {
				t.Errorf("%s\nthe file: %v", tc.reason, err)
			}
		})
	}
}

func TestLookKeepsOnErrors(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(store.Options{Path: dir, Host: "host", Records: 2, TTL: 1 << 40, Algorithm: artifact.SHA256})
	must(t, err)
	defer s.Close()
	a := published(t, s, "content")
	own := filepath.Dir(filepath.Join(dir, a.Path))
	must(t, os.RemoveAll(own))
	must(t, os.WriteFile(own, nil, 0o600)) // fails as a broken disk does: neither there nor missing
	found, err := look(t, s, object(), a)
	if err == nil || found.Artifact == nil || found.Artifact.Digest != a.Digest || found.Lost {
		t.Errorf("a file that cannot be read now is not lost: %+v, %v", found, err)
	}
}

func TestLookAdopts(t *testing.T) {
	s, err := store.Open(store.Options{Path: t.TempDir(), Host: "host", Records: 2, TTL: 1 << 40, Algorithm: artifact.SHA256})
	must(t, err)
	defer s.Close()
	a := published(t, s, "content")
	later := published(t, s, "later content")
	found, err := look(t, s, object(), a)
	must(t, err)
	if !found.Adopted || found.Altered != nil || found.Lost || found.Artifact == nil || found.Artifact.Digest != later.Digest {
		t.Errorf("what we wrote and did not get to publish is ours: %+v", found)
	}
}

// An old file that cannot be removed fails no run, and is told to operators who ask: it may stay for ever.
func TestLookLeaves(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(store.Options{Path: dir, Host: "host", Records: 2, TTL: 1 << 40, Algorithm: artifact.SHA256})
	must(t, err)
	defer s.Close()
	a := published(t, s, "content")
	blocked := filepath.Join(dir, ".state/layer/gitrepository/ns/app") // where a directory belongs
	must(t, os.MkdirAll(filepath.Dir(blocked), 0o700))
	must(t, os.WriteFile(blocked, nil, 0o600))
	var told []string
	log := funcr.New(func(_, args string) { told = append(told, args) }, funcr.Options{Verbosity: 1})
	files := &publish.Files{Store: s, Object: object(), Status: publish.Status{Artifact: &a}}
	must(t, files.Look(logr.NewContext(t.Context(), log)))
	if !files.Found.Usable() || files.Found.Left == nil || len(told) != 1 || !strings.Contains(told[0], "not a directory") || !strings.Contains(told[0], `"level"=1`) {
		t.Errorf("found %+v, told %v", files.Found, told)
	}
	must(t, os.Remove(blocked))
	must(t, files.Look(logr.NewContext(t.Context(), log)))
	if files.Found.Left != nil || len(told) != 1 {
		t.Errorf("later: found %+v, told %v", files.Found, told)
	}
}

// look does what a run begins with.
func look(t *testing.T, s *store.Store, o store.Object, a *meta.Artifact) (publish.Found, error) {
	t.Helper()
	files := &publish.Files{Store: s, Object: o, Status: publish.Status{Artifact: &a}}
	err := files.Look(t.Context())
	if err != nil && outcome.Of(err).Reason != sourcev1.StatOperationFailedReason {
		t.Errorf("outcome %+v", outcome.Of(err))
	}
	return files.Found, err
}

func object() store.Object { return store.Object{Kind: "gitrepository", Namespace: "ns", Name: "app"} }

func published(t *testing.T, s *store.Store, content string) *meta.Artifact {
	t.Helper()
	file, err := s.Write(object(), "a.tar.gz", func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	})
	must(t, err)
	return &meta.Artifact{Path: file.Path, URL: file.URL, Digest: file.Digest.String()}
}

func TestLookAtNothing(t *testing.T) {
	s, err := store.Open(store.Options{Path: t.TempDir()})
	must(t, err)
	defer s.Close()
	found, err := look(t, s, store.Object{Kind: "k", Namespace: "ns", Name: "n"}, nil)
	if err != nil || found.Artifact != nil || found.Lost {
		t.Errorf("%+v, %v", found, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
