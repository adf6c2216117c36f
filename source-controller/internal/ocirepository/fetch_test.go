// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package ocirepository

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/fluxcd/pkg/apis/meta"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact/store"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/oci"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/kit/testkit"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// newRun returns a reconciler with a store in dir and the scope of a run that has come as far as fetch.
func newRun(t *testing.T, dir string, registry *testkit.Registry) (*Reconciler, *scope) {
	t.Helper()
	s, err := store.Open(store.Options{Path: dir, Host: "host", Records: 2, Algorithm: "sha256"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	r := &Reconciler{Base: publish.Base{Store: s, Secrets: &auth.Reader{Client: &testkit.Cache{}}}, Registries: oci.NewClient(oci.Options{})}
	t.Cleanup(r.Registries.Close)
	o := &sourcev1.OCIRepository{}
	o.Namespace, o.Name = "ns", "app"
	o.Spec.URL = registry.URL + "/app"
	run := r.start(o, reconcile.Run{Publish: func(context.Context) error { return nil }})
	for _, phase := range []func(context.Context, *scope) error{r.accept, r.storage, r.resolve, r.prepare} {
		if err := phase(t.Context(), run); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(run.release)
	return r, run
}

// A disk that does not take the layer is a fault of storage, not of the registry.
func TestFetchToBrokenDisk(t *testing.T) {
	registry := testkit.NewRegistry(t, testkit.RegistryOptions{})
	registry.PushFiles(t, "app", "latest", map[string]string{"a": "1"})
	dir := t.TempDir()
	r, s := newRun(t, dir, registry)
	s.obj.Spec.LayerSelector = &sourcev1.OCILayerSelector{Operation: sourcev1.OCILayerCopy}
	if err := s.root.Mkdir(layerFile, 0o700); err != nil { // in the way, as a full disk is
		t.Fatal(err)
	}
	if err := r.fetch(t.Context(), s); err != nil || !s.fetched {
		t.Fatalf("the layer was fetched: %v", err)
	}
	err := outcome.Of(r.archive(t.Context(), s))
	if err.Class != outcome.Failed || err.Reason != sourcev1.ArchiveOperationFailedReason || s.files.Stored != nil {
		t.Errorf("got %+v", err)
	}
}

// The private directory is empty before use and goes after it, and so does what an earlier run left.
func TestPrivateDirectory(t *testing.T) {
	registry := testkit.NewRegistry(t, testkit.RegistryOptions{})
	registry.PushFiles(t, "app", "latest", map[string]string{"a": "1"})
	dir := t.TempDir()
	private := filepath.Join(dir, ".state", "layer", "ocirepository", "ns", "app")
	left := filepath.Join(private, ".layer.tmp-LEFT")
	if err := errors.Join(os.MkdirAll(left, 0o700), os.WriteFile(filepath.Join(left, "evil.yaml"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	r, s := newRun(t, dir, registry)
	if err := errors.Join(r.fetch(t.Context(), s), r.archive(t.Context(), s)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.root.Stat("evil.yaml"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an old file is there: %v", err)
	}
	s.release()
	if entries, err := os.ReadDir(private); err != nil || len(entries) > 0 {
		t.Errorf("there stays %v, %v", entries, err)
	}
}

// Of several faults the first in the order of the contract is told: the credentials, then the URL.
func TestConnectOrder(t *testing.T) {
	r := &Reconciler{Base: publish.Base{Secrets: &auth.Reader{Client: &testkit.Cache{}}}}
	o := &sourcev1.OCIRepository{}
	o.Spec.URL, o.Spec.SecretRef = "oci://host/app:v1", &meta.LocalObjectReference{Name: "none"}
	if got := outcome.Of(r.connect(t.Context(), begin(o))); got.Class != outcome.Failed || got.Reason != sourcev1.AuthenticationFailedReason {
		t.Errorf("got %+v", got)
	}
	o.Spec.SecretRef = nil
	if got := outcome.Of(r.connect(t.Context(), begin(o))); got.Class != outcome.Stalled || got.Reason != sourcev1.URLInvalidReason {
		t.Errorf("got %+v", got)
	}
}
