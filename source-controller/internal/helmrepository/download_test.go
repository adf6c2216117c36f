// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrepository

import (
	"context"
	"path/filepath"
	"testing"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact/store"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/kit/testkit"
	"github.com/weir-gitops/weir/source-controller/internal/helmhttp"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// A temporary file that cannot be made is told as such, without its path. The contract's row "object directory not writable".
func TestDownloadWithoutFile(t *testing.T) {
	r := &Reconciler{Base: publish.Base{Secrets: &auth.Reader{Client: &testkit.Cache{}}}, HTTP: helmhttp.NewClient()}
	o := &sourcev1.HelmRepository{}
	o.Spec.URL = "http://host.invalid/"
	s := r.start(o, reconcile.Run{})
	defer s.release()
	s.dir = filepath.Join(t.TempDir(), "missing")
	got := outcome.Of(r.download(t.Context(), s))
	if got.Reason != sourcev1.DirectoryCreationFailedReason || got.Message() != "open temporary file: no such file or directory" {
		t.Errorf("got %+v", got)
	}
}

// The same goes for the one that an index is read into.
func TestCompileWithoutFile(t *testing.T) {
	r := &Reconciler{}
	s := r.start(&sourcev1.HelmRepository{}, reconcile.Run{Publish: func(context.Context) error { return nil }})
	defer s.release()
	dir := t.TempDir()
	var err error
	if s.raw, err = store.Anonymous(dir); err != nil {
		t.Fatal(err)
	}
	s.dir = filepath.Join(dir, "missing")
	got := outcome.Of(r.compile(t.Context(), s))
	if got.Reason != sourcev1.DirectoryCreationFailedReason || got.Message() != "keep index: open temporary file: no such file or directory" {
		t.Errorf("got %+v", got)
	}
}
