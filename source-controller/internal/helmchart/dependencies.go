// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/helmchart"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/source-controller/internal/helmhttp"
	"github.com/weir-gitops/weir/source-controller/internal/helmindex"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// anonymousTimeout bounds what is asked of a repository that no HelmRepository describes.
// Flux: source-controller contract, "Build from GitRepository / Bucket".
const anonymousTimeout = time.Minute

// addDependencies completes a chart from the source tree and from the repositories that it names.
func (r *Reconciler) addDependencies(ctx context.Context, s *scope, chart *helmchart.Chart, tree *treeChart) error {
	var known sourcev1.HelmRepositoryList
	if err := r.Client.List(ctx, &known, client.InNamespace(s.obj.Namespace)); err != nil {
		return outcome.Fail(sourcev1.DependencyBuildErrorReason, fmt.Errorf("list HelmRepositories: %w", err))
	}
	d := &dependencies{reconciler: r, scope: s, known: known.Items, indexes: map[string]*index{}}
	defer d.close()
	added, err := helmchart.BuildDependencies(ctx, chart, helmchart.Dependencies{Root: tree.root, Dir: tree.path, Limits: r.Limits, Remote: d.load})
	if err != nil {
		return publish.Fault(sourcev1.DependencyBuildErrorReason, err)
	}
	s.resolved = added
	return nil
}

// dependencies fetches the dependencies of one chart.
type dependencies struct {
	reconciler *Reconciler
	scope      *scope
	known      []sourcev1.HelmRepository

	mu      sync.Mutex
	indexes map[string]*index
}

// index is one that is not published, read once for all dependencies from there.
type index struct {
	once  sync.Once
	file  *os.File
	table *helmindex.Table
	err   error
}

// close removes the temporary files.
func (d *dependencies) close() {
	for _, i := range d.indexes {
		if i.file != nil {
			_ = i.file.Close() // its content is no longer needed
		}
	}
}

// load fetches a dependency.
func (d *dependencies) load(ctx context.Context, dependency *helmchart.Dependency) (*helmchart.Chart, error) {
	archive, err := d.scope.scratch()
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	if err := d.pull(ctx, dependency, archive); err != nil {
		return nil, err
	}
	if _, err := archive.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return helmchart.LoadArchive(ctx, archive, d.reconciler.Limits)
}

// pull writes the archive of a dependency to w.
func (d *dependencies) pull(ctx context.Context, dependency *helmchart.Dependency, w io.Writer) error {
	repository := d.describe(dependency.Repository)
	if strings.HasPrefix(dependency.Repository, schemeOCI) {
		return d.pullTagged(ctx, repository, dependency, w)
	}
	if repository.Status.Artifact != nil {
		return d.pullListed(ctx, repository, dependency, w)
	}
	return d.pullUnlisted(ctx, repository, dependency, w)
}

// describe returns the HelmRepository of that URL, or one that stands for an anonymous one.
func (d *dependencies) describe(address string) *sourcev1.HelmRepository {
	wanted := normalize(address)
	for i := range d.known {
		if normalize(d.known[i].Spec.URL) == wanted {
			return &d.known[i]
		}
	}
	o := &sourcev1.HelmRepository{}
	o.Namespace, o.Spec.URL = d.scope.obj.Namespace, address
	return o
}

// normalize brings the URLs of repositories into the form in which they are compared. Flux: source-controller contract, "Normal form".
func normalize(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	if u.Scheme != "oci" {
		u = u.JoinPath("/")
	}
	u.Host = strings.ToLower(u.Host)
	return u.String()
}

// pullTagged fetches a dependency from a registry.
func (d *dependencies) pullTagged(ctx context.Context, o *sourcev1.HelmRepository, dependency *helmchart.Dependency, w io.Writer) error {
	c, err := d.reconciler.inRegistry(o, dependency.Name, dependency.Version)
	if err != nil {
		return err
	}
	return fetchFrom(ctx, c, w)
}

// pullListed fetches a dependency from a HelmRepository whose index is published.
func (d *dependencies) pullListed(ctx context.Context, o *sourcev1.HelmRepository, dependency *helmchart.Dependency, w io.Writer) error {
	c := &listedChart{
		reconciler: d.reconciler, object: o, chart: dependency.Name, wanted: dependency.Version,
		forNamespace: d.scope.obj.Namespace, forName: d.scope.obj.Name,
	}
	return fetchFrom(ctx, c, w)
}

func fetchFrom(ctx context.Context, from origin, w io.Writer) error {
	defer from.close()
	if _, err := from.locate(ctx); err != nil {
		return err
	}
	_, err := from.pull(ctx, w)
	return err
}

// pullUnlisted fetches a dependency from a repository whose index has to be downloaded first.
func (d *dependencies) pullUnlisted(ctx context.Context, o *sourcev1.HelmRepository, dependency *helmchart.Dependency, w io.Writer) error {
	repository, err := d.reconciler.openHTTP(ctx, o)
	if err != nil {
		return err
	}
	defer repository.Close()
	limited, cancel := publish.Limit(ctx, anonymousTimeout)
	defer cancel()
	table, err := d.index(limited, repository, normalize(o.Spec.URL))
	if err != nil {
		return err
	}
	entry, err := table.Find(dependency.Name, dependency.Version)
	if err != nil {
		return err
	}
	return download(limited, w, repository, entry, d.reconciler.Limits.ArchiveBytes)
}

// index returns the table of a repository's index.
func (d *dependencies) index(ctx context.Context, repository *helmhttp.Repository, key string) (*helmindex.Table, error) {
	d.mu.Lock()
	i, ok := d.indexes[key]
	if !ok {
		i = &index{}
		d.indexes[key] = i
	}
	d.mu.Unlock()
	i.once.Do(func() { i.err = d.fill(ctx, repository, i) })
	return i.table, i.err
}

// fill downloads an index.
func (d *dependencies) fill(ctx context.Context, repository *helmhttp.Repository, i *index) (err error) {
	raw, err := d.scope.scratch()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, raw.Close()) }()
	if _, _, err := repository.Index(ctx, raw, helmhttp.Validators{}, d.reconciler.MaxIndexBytes); err != nil {
		return err
	}
	size, err := raw.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	compiled, err := helmindex.Compile(ctx, raw, size, d.scope.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, compiled.Close()) }()
	if i.file, err = d.scope.scratch(); err != nil {
		return err
	}
	if err := compiled.WriteTable(i.file, ""); err != nil {
		return err
	}
	if size, err = i.file.Seek(0, io.SeekCurrent); err != nil {
		return err
	}
	i.table, err = helmindex.OpenTable(i.file, size)
	return err
}
