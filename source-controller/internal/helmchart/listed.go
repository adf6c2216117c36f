// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"context"
	"errors"
	"fmt"
	"io"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/source-controller/internal/helmhttp"
	"github.com/weir-gitops/weir/source-controller/internal/helmindex"
	"github.com/weir-gitops/weir/source-controller/internal/helmrepository"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// openHTTP opens a HelmRepository with an index. Nothing is sent yet.
func (r *Reconciler) openHTTP(ctx context.Context, o *sourcev1.HelmRepository) (*helmhttp.Repository, error) {
	creds, err := r.Secrets.HTTP(ctx, o.Namespace, helmrepository.Refs(o))
	if err != nil {
		return nil, outcome.Fail(sourcev1.AuthenticationFailedReason, err)
	}
	repository, err := r.HTTP.Open(o.Spec.URL, helmhttp.Access{Credentials: creds, PassCredentials: o.Spec.PassCredentials})
	if err != nil {
		return nil, outcome.Stall(sourcev1.URLInvalidReason, err)
	}
	return repository, nil
}

// listedChart is a chart that the published index of a HelmRepository lists.
type listedChart struct {
	reconciler    *Reconciler
	object        *sourcev1.HelmRepository
	chart, wanted string
	// forObject names whom the lookup is counted for; the HelmRepository if empty.
	forNamespace, forName string

	entry helmindex.Entry // locate
}

// locate implements origin. It reads the table of the index and sends nothing.
func (c *listedChart) locate(ctx context.Context) (located, error) {
	shelf := helmindex.Shelf{Store: c.reconciler.Store}
	o := c.object
	entry, ready, err := shelf.Find(ctx, helmrepository.Object(o), o.Status.Artifact, c.chart, c.wanted)
	c.reconciler.Lookups.Count(ready, orElse(c.forNamespace, o.Namespace), orElse(c.forName, o.Name))
	if err != nil {
		return located{}, err
	}
	c.entry = entry
	return located{name: entry.Name, version: entry.Version}, nil
}

func orElse(text, other string) string {
	if text != "" {
		return text
	}
	return other
}

// pull implements origin. Only now the credentials are read: a run that finds nothing new has no need of them.
func (c *listedChart) pull(ctx context.Context, w io.Writer) (bool, error) {
	repository, err := c.reconciler.openHTTP(ctx, c.object)
	if err != nil {
		return false, err
	}
	defer repository.Close()
	limited, cancel := publish.Limit(ctx, c.object.GetTimeout())
	defer cancel()
	return true, download(limited, w, repository, c.entry, c.reconciler.Limits.ArchiveBytes)
}

// close implements origin.
func (c *listedChart) close() {}

// download writes the archive of an entry of an index to w.
func download(ctx context.Context, w io.Writer, repository *helmhttp.Repository, entry helmindex.Entry, limit int64) error {
	if entry.URL == "" {
		return errors.New("the index has no URL for the chart")
	}
	if err := repository.Chart(ctx, w, entry.URL, limit); err != nil {
		return fmt.Errorf("chart '%s' version '%s': %w", entry.Name, entry.Version, err)
	}
	return nil
}
