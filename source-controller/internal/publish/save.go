// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"syscall"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact/archive"
	"github.com/weir-gitops/weir/kit/artifact/store"
	"github.com/weir-gitops/weir/kit/outcome"
)

// Content is an artifact that is to be stored.
type Content struct {
	// File is its name.
	File string
	// Revision and Metadata go into the artifact as they are.
	Revision string
	Metadata map[string]string
	// Produce writes the content.
	Produce func(io.Writer) error
}

// save stores an artifact of o. The file of the one it replaces, which may be nil, stays for its time.
func save(ctx context.Context, s *store.Store, o store.Object, replaced *meta.Artifact, c Content) (*meta.Artifact, error) {
	file, err := s.Write(o, c.File, c.Produce)
	if err != nil {
		return nil, err
	}
	if replaced != nil && replaced.Path != file.Path {
		if err := s.Retire(replaced.Path); err != nil {
			// It is removed earlier than announced.
			logr.FromContextOrDiscard(ctx).Info("time of the replaced artifact not set", "cause", err.Error())
		}
	}
	return &meta.Artifact{
		Path:           file.Path,
		URL:            file.URL,
		Revision:       c.Revision,
		Digest:         file.Digest.String(),
		LastUpdateTime: metav1.NewTime(file.ModTime),
		Size:           new(file.Size),
		Metadata:       c.Metadata,
	}, nil
}

// relink is what an object tells as the address of its link name: the present one of the link beside its artifact, nothing without an artifact
// or if no link was told.
func relink(s *store.Store, a *meta.Artifact, told, name string) string {
	if a == nil || told == "" {
		return ""
	}
	return s.URL(path.Join(path.Dir(a.Path), name))
}

// Rules are the ignore rules of a tree, with those of spec.ignore, which may be nil, as the last.
func Rules(ctx context.Context, tree archive.Source, ignore *string) (*archive.Rules, error) {
	extra := ""
	if ignore != nil {
		extra = *ignore
	}
	return archive.TreeRules(ctx, tree, extra)
}

// ArchiveFault is the outcome of work on an archive that ended with err.
func ArchiveFault(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, archive.ErrRules):
		return outcome.Fail(sourcev1.SourceIgnoreErrorReason, err)
	}
	return outcome.Fail(sourcev1.ArchiveOperationFailedReason, WithoutPath(err))
}

// Fault is the outcome of work that ended with err, for that reason unless files of ours are to blame. That is a fault of storage, in whichever phase
// it shows. Flux: source-controller contract, "Bad input → observable result", rows "storage full" and "object directory not writable".
func Fault(reason string, err error) error {
	switch {
	case errors.Is(err, store.ErrTemporary):
		return outcome.Fail(sourcev1.DirectoryCreationFailedReason, WithoutPath(err))
	case isAny(err, syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO, syscall.EFBIG):
		return ArchiveFault(err)
	}
	// A connection may fail for want of these as well, and says nothing of files.
	if broken, ok := errors.AsType[*fs.PathError](err); ok && isAny(broken, syscall.EMFILE, syscall.ENFILE, syscall.EACCES, syscall.EPERM) {
		return ArchiveFault(err)
	}
	return outcome.Fail(reason, err)
}

func isAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}

// WithoutPath leaves the path out of the error of a file: it is private, and long.
func WithoutPath(err error) error {
	if broken, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", broken.Op, broken.Err)
	}
	if broken, ok := errors.AsType[*os.LinkError](err); ok {
		return fmt.Errorf("%s: %w", broken.Op, broken.Err)
	}
	return err
}
