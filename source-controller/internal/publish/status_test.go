// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package publish_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact/store"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

func TestObserved(t *testing.T) {
	fields := func(o *sourcev1.OCIRepository) publish.Status { return publish.Status{Artifact: &o.Status.Artifact} }
	driver, _ := publish.Driver(publish.Base{Secrets: &auth.Reader{}}, fields, reconcile.Kind[*sourcev1.OCIRepository, int]{})
	with := &sourcev1.OCIRepository{}
	conditions.MarkTrue(with, meta.ReadyCondition, "x", "x")
	bad := errors.New("x")
	cases := map[string]struct {
		reason string
		obj    *sourcev1.OCIRepository
		result reconcile.Result
		want   bool
	}{
		"Success":       {"A good run observed the generation.", with, reconcile.Result{}, true},
		"Stalled":       {"So did one that needs a person.", with, reconcile.Result{Outcome: outcome.Of(outcome.Stall("x", bad))}, true},
		"Failed":        {"One that is retried did not.", with, reconcile.Result{Outcome: outcome.Of(outcome.Fail("x", bad))}, false},
		"Waiting":       {"Nor did one that waits.", with, reconcile.Result{Outcome: outcome.Of(outcome.Wait(0, "x", "x"))}, false},
		"Suspended":     {"A suspended one did if there is anything to say.", with, reconcile.Result{Suspended: true}, true},
		"SuspendedBare": {"Not without conditions.", &sourcev1.OCIRepository{}, reconcile.Result{Suspended: true}, false},
		"Deleting":      {"A deleted object does not care.", with, reconcile.Result{Deleting: true}, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := driver.Kind.Observed(tc.obj, tc.result); got != tc.want {
				t.Errorf("%s\ngot %t", tc.reason, got)
			}
		})
	}
}

// A full disk is a fault of storage in whichever phase it shows, and told without paths. The contract's row "storage full".
func TestStorageFull(t *testing.T) {
	o := &sourcev1.HelmRepository{}
	conditions.MarkTrue(o, sourcev1.ArtifactInStorageCondition, "x", "x")
	f := &publish.Files{Source: o, Looked: true, Found: publish.Found{Artifact: &meta.Artifact{}}, Status: publish.Status{
		Common: reconcile.Common{ObservedGeneration: &o.Status.ObservedGeneration}, Artifact: &o.Status.Artifact,
	}}
	full := fmt.Errorf("read index: %w", &fs.PathError{Op: "write", Path: "/data/.state/x", Err: syscall.ENOSPC})
	err := publish.Fault(meta.FailedReason, full)
	publish.SetStatus(f, reconcile.Result{Outcome: outcome.Of(err), Phase: "download", Reports: sourcev1.FetchFailedCondition}, publish.Facts{
		Order:     []string{sourcev1.StorageOperationFailedCondition, sourcev1.FetchFailedCondition, sourcev1.ArtifactInStorageCondition},
		InStorage: func(*meta.Artifact) (reason, message string) { return "Succeeded", "stored" },
	})
	told := conditions.Get(o, sourcev1.StorageOperationFailedCondition)
	if told == nil || told.Reason != sourcev1.ArchiveOperationFailedReason || told.Message != "write: no space left on device" {
		t.Errorf("got %+v", told)
	}
	if conditions.Has(o, sourcev1.FetchFailedCondition) || !conditions.IsTrue(o, sourcev1.ArtifactInStorageCondition) || conditions.IsReady(o) {
		t.Errorf("got %+v", o.Status.Conditions)
	}
}

// Who is to blame for what goes wrong on the way. The contract's rows "storage full" and "object directory not writable".
func TestFault(t *testing.T) {
	_, notMade := store.Anonymous(filepath.Join(t.TempDir(), "missing"))
	file := func(err error) error {
		return fmt.Errorf("dependency 'x': %w", &fs.PathError{Op: "open", Path: "/data/.state/x", Err: err})
	}
	for name, tc := range map[string]struct {
		reason string
		err    error
		want   string
	}{
		"Temporary": {"A temporary file that is not made.", fmt.Errorf("dependency 'x': %w", notMade), "DirectoryCreationFailed dependency 'x': open temporary file: no such file or directory"},
		"Full":      {"A disk that is full.", file(syscall.ENOSPC), "ArchiveOperationFailed open: no space left on device"},
		"TooMany":   {"Too many open files.", file(syscall.EMFILE), "ArchiveOperationFailed open: too many open files"},
		"Denied":    {"A file that must not be opened.", file(syscall.EACCES), "ArchiveOperationFailed open: permission denied"},
		"Network":   {"A connection for want of the same is no matter of storage.", os.NewSyscallError("socket", syscall.EMFILE), "Failed socket: too many open files"},
		"Missing":   {"Any other fault keeps its reason.", fs.ErrNotExist, "Failed file does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := outcome.Of(publish.Fault(meta.FailedReason, tc.err)); got.Reason+" "+got.Message() != tc.want || got.Class != outcome.Failed {
				t.Errorf("%s\ngot %+v, want %s", tc.reason, got, tc.want)
			}
		})
	}
}

// Nor is a temporary file that cannot be made, for whatever reason, the fault of what would be in it.
func TestTemporaryFileNotMade(t *testing.T) {
	for _, reports := range []string{sourcev1.FetchFailedCondition, sourcev1.BuildFailedCondition} {
		o := &sourcev1.HelmChart{}
		f := &publish.Files{Source: o, Looked: true, Status: publish.Status{
			Common: reconcile.Common{ObservedGeneration: &o.Status.ObservedGeneration}, Artifact: &o.Status.Artifact,
		}}
		err := publish.Fault(sourcev1.DirectoryCreationFailedReason, syscall.EMFILE)
		publish.SetStatus(f, reconcile.Result{Outcome: outcome.Of(err), Reports: reports}, publish.Facts{
			Order: []string{sourcev1.StorageOperationFailedCondition, sourcev1.FetchFailedCondition, sourcev1.BuildFailedCondition},
		})
		if conditions.GetReason(o, sourcev1.StorageOperationFailedCondition) != sourcev1.DirectoryCreationFailedReason || conditions.Has(o, reports) {
			t.Errorf("%s: %+v", reports, o.Status.Conditions)
		}
	}
}

// A condition about signatures counts for no kind that has none of its own, and stays.
func TestVerifiedElsewhere(t *testing.T) {
	o := &sourcev1.OCIRepository{}
	conditions.MarkFalse(o, sourcev1.SourceVerifiedCondition, "Theirs", "x")
	f := &publish.Files{Source: o, Looked: true, Found: publish.Found{Artifact: &meta.Artifact{}}, Status: publish.Status{
		Common: reconcile.Common{ObservedGeneration: &o.Status.ObservedGeneration}, Artifact: &o.Status.Artifact,
	}}
	publish.SetStatus(f, reconcile.Result{}, publish.Facts{
		Order:     []string{sourcev1.ArtifactInStorageCondition},
		InStorage: func(*meta.Artifact) (reason, message string) { return "Succeeded", "stored" },
	})
	if !conditions.IsReady(o) || !conditions.IsFalse(o, sourcev1.SourceVerifiedCondition) {
		t.Errorf("%+v", o.Status.Conditions)
	}
}
