// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"context"
	"io"
	"path"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/weir-gitops/weir/kit/artifact/store"
)

// Content is an artifact that is to be stored.
type Content struct {
	Object store.Object
	// File is its name.
	File string
	// Revision and Metadata go into the artifact as they are.
	Revision string
	Metadata map[string]string
	// Produce writes the content.
	Produce func(io.Writer) error
}

// Save stores an artifact. The file of the one it replaces, which may be nil, stays for its time.
func Save(ctx context.Context, s *store.Store, replaced *meta.Artifact, c Content) (*meta.Artifact, error) {
	file, err := s.Write(c.Object, c.File, c.Produce)
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

// Relink is what an object tells as the address of its link name: the present one of the link beside its artifact, nothing without an artifact
// or if no link was told.
func Relink(s *store.Store, a *meta.Artifact, told, name string) string {
	if a == nil || told == "" {
		return ""
	}
	return s.URL(path.Join(path.Dir(a.Path), name))
}
