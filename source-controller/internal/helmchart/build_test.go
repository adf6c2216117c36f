// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/runtime/conditions"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/helmchart"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/kit/testkit"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// A temporary file that cannot be made is told as such, without its path. The contract's row "object directory not writable".
func TestTemporaryFileNotMade(t *testing.T) {
	s := begin(&sourcev1.HelmChart{})
	s.run.Publish = func(context.Context) error { return nil }
	s.dir = filepath.Join(t.TempDir(), "missing")
	r := &Reconciler{}
	for name, err := range map[string]error{"pull": r.pull(t.Context(), s), "pack": r.pack(s, &helmchart.Chart{})} {
		got := outcome.Of(err)
		if got.Reason != sourcev1.DirectoryCreationFailedReason || got.Message() != "open temporary file: no such file or directory" {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

// Nor is that of a dependency, which says nothing of the dependency.
func TestTemporaryFileOfDependencyNotMade(t *testing.T) {
	dir := testkit.Folder(t, testkit.Chart{Name: "a", Version: "1.0.0", Dependencies: []string{
		"{name: x, version: 1.0.0, repository: 'https://charts.example'}",
	}}.Tree("a"))
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	chart, err := helmchart.LoadDir(t.Context(), root, "a", helmchart.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	s := begin(&sourcev1.HelmChart{})
	s.dir = filepath.Join(dir, "missing")
	d := &dependencies{reconciler: &Reconciler{}, scope: s}
	_, err = helmchart.BuildDependencies(t.Context(), chart, helmchart.Dependencies{Root: root, Dir: "a", Remote: d.load})
	got := outcome.Of(publish.Fault(sourcev1.DependencyBuildErrorReason, err))
	if got.Reason != sourcev1.DirectoryCreationFailedReason || strings.Contains(got.Message(), dir) || !strings.HasSuffix(got.Message(), "open temporary file: no such file or directory") {
		t.Errorf("got %+v", got)
	}
}

// What could not be packaged was not built: an earlier failure to build is not over when now something else fails.
func TestNotPackaged(t *testing.T) {
	s := begin(&sourcev1.HelmChart{})
	defer s.release()
	s.dir, s.files.Looked = t.TempDir(), true
	conditions.MarkTrue(s.obj, sourcev1.BuildFailedCondition, "Old", "old")
	if got := outcome.Of((&Reconciler{}).pack(s, &helmchart.Chart{})); got.Reason != sourcev1.ChartPackageErrorReason {
		t.Errorf("got %+v", got)
	}
	full := outcome.Of(publish.ArchiveFault(errors.New("full")))
	setStatus(s, reconcile.Result{Outcome: full, Phase: "build", Reports: sourcev1.BuildFailedCondition})
	if !conditions.Has(s.obj, sourcev1.BuildFailedCondition) || !conditions.Has(s.obj, sourcev1.StorageOperationFailedCondition) {
		t.Errorf("conditions %+v", s.obj.Status.Conditions)
	}
}
