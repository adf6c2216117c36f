// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"strings"

	"github.com/fluxcd/pkg/apis/meta"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact/fetch"
	"github.com/weir-gitops/weir/kit/artifact/store"
	"github.com/weir-gitops/weir/kit/helmchart"
	"github.com/weir-gitops/weir/kit/outcome"
)

// fromTree makes the origin of a chart in a source tree.
func (r *Reconciler) fromTree(ctx context.Context, s *scope, o *sourcev1.GitRepository) error {
	if err := r.checkArtifact(s, sourcev1.GitRepositoryKind, o.Name, o.Status.Artifact); err != nil {
		return err
	}
	a := *o.Status.Artifact
	a.URL = storageURL + a.Path
	tree, err := r.Trees.Acquire(ctx, a, func() {})
	switch {
	case errors.Is(err, fetch.ErrNotFound):
		return outcome.Wait(r.Retry, sourcev1.NoSourceArtifactReason, textNoArtifact, sourcev1.GitRepositoryKind, o.Name)
	case errors.Is(err, fetch.ErrPending):
		return outcome.Wait(r.Retry, meta.ProgressingReason, "artifact of GitRepository '%s' is being unpacked", o.Name)
	case err != nil:
		return outcome.Fail(sourcev1.ReadOperationFailedReason, fmt.Errorf("unpack artifact of GitRepository '%s': %w", o.Name, err))
	}
	root, err := os.OpenRoot(tree.Dir())
	if err != nil {
		tree.Release()
		return outcome.Fail(sourcev1.ReadOperationFailedReason, err)
	}
	s.from = &treeChart{tree: tree, root: root, path: helmchart.Confine(s.obj.Spec.Chart), limits: r.Limits}
	return nil
}

// treeChart is a chart in a source tree: a directory or an archive.
type treeChart struct {
	tree   *fetch.Tree
	root   *os.Root
	path   string
	limits helmchart.Limits

	isDir bool // locate
}

// locate implements origin.
func (c *treeChart) locate(ctx context.Context) (located, error) {
	entry, ok := c.tree.Files().Lookup(c.path)
	if !ok {
		return located{}, fmt.Errorf("%w: no chart at path '%s'", errReference, c.path)
	}
	c.isDir = entry.Dir
	if c.isDir {
		metadata, err := helmchart.ReadDirMetadata(c.root, c.path, c.limits)
		if err != nil {
			return located{}, fmt.Errorf("%w: chart at path '%s': %w", errReference, c.path, err)
		}
		return located{name: metadata.Name, version: metadata.Version}, nil
	}
	f, err := c.root.Open(c.path)
	if err != nil {
		return located{}, err
	}
	defer f.Close()
	metadata, err := helmchart.ReadMetadata(ctx, f, c.limits)
	if err != nil {
		return located{}, fmt.Errorf("%w: chart at path '%s': %w", errReference, c.path, err)
	}
	return located{name: metadata.Name, version: metadata.Version}, nil
}

// pull implements origin.
func (c *treeChart) pull(_ context.Context, w io.Writer) (_ bool, err error) {
	if c.isDir {
		return false, nil
	}
	f, err := c.root.Open(c.path)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = io.Copy(w, f)
	return true, err
}

// close implements origin.
func (c *treeChart) close() {
	_ = c.root.Close() // it was only read
	c.tree.Release()
}

// read returns a regular file of the tree, wherever the chart is in it.
func (c *treeChart) read(name string) ([]byte, error) {
	return helmchart.ReadFile(c.root, helmchart.Confine(name), fileLimit(c.limits))
}

// fileLimit is the bound of one file.
func fileLimit(l helmchart.Limits) int64 {
	if l.FileBytes > 0 {
		return l.FileBytes
	}
	return helmchart.DefaultFileBytes
}

// storageURL stands for the storage of this process in the addresses that LocalStorage serves.
const storageURL = "http://storage/"

// LocalStorage answers the requests of an artifact cache from the storage of this process, without a network.
type LocalStorage struct {
	Store *store.Store
}

// RoundTrip implements http.RoundTripper.
func (l LocalStorage) RoundTrip(req *http.Request) (*http.Response, error) {
	res := &http.Response{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Request: req, StatusCode: http.StatusOK, Body: http.NoBody}
	f, err := l.Store.Open(strings.TrimPrefix(path.Clean(req.URL.Path), "/"))
	if errors.Is(err, os.ErrNotExist) {
		res.StatusCode = http.StatusNotFound
		return res, nil
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	res.Body, res.ContentLength = f, info.Size()
	return res, nil
}
