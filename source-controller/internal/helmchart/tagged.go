// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/apis/meta"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/helmchart"
	"github.com/weir-gitops/weir/kit/oci"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/source-controller/internal/helmrepository"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// schemeOCI is how addresses of registries start.
const schemeOCI = "oci://"

// inRegistry makes the origin of a chart below a HelmRepository of the type oci.
func (r *Reconciler) inRegistry(o *sourcev1.HelmRepository, chart, wanted string) (*taggedChart, error) {
	if provider := o.Spec.Provider; provider != "" && provider != sourcev1.ProviderGeneric && o.Spec.SecretRef == nil {
		return nil, outcome.Stall(sourcev1.UnsupportedReason,
			fmt.Errorf("not supported yet by this version: spec.provider '%s' of HelmRepository '%s'", provider, o.Name))
	}
	if !strings.HasPrefix(o.Spec.URL, schemeOCI) {
		return nil, outcome.Stall(meta.FailedReason, fmt.Errorf("the URL of HelmRepository '%s' of type oci does not start with '%s'", o.Name, schemeOCI))
	}
	name, err := oci.ParseURL(strings.TrimRight(o.Spec.URL, "/") + "/" + chart)
	if err != nil {
		return nil, outcome.Stall(sourcev1.URLInvalidReason, err)
	}
	return &taggedChart{reconciler: r, object: o, name: name, chart: chart, wanted: wanted}, nil
}

// taggedChart is a chart in a registry.
type taggedChart struct {
	reconciler    *Reconciler
	object        *sourcev1.HelmRepository
	name          oci.Name
	chart, wanted string

	repository *oci.Repository // open
	tag        string          // locate
}

// open reads the credentials. Nothing is sent yet. A run that finds nothing new has no need of them.
func (c *taggedChart) open(ctx context.Context) error {
	if c.repository != nil {
		return nil
	}
	r, o := c.reconciler, c.object
	creds, err := r.Secrets.HelmRegistry(ctx, o.Namespace, helmrepository.Refs(o), c.name.Host())
	if err != nil {
		return outcome.Fail(sourcev1.AuthenticationFailedReason, err)
	}
	c.repository = r.Registries.Open(c.name, oci.Access{Keychain: creds.Keychain, TLS: creds.TLS, PlainHTTP: o.Spec.Insecure})
	return nil
}

// locate implements origin. An exact version is taken as it is; otherwise the tags are listed.
func (c *taggedChart) locate(ctx context.Context) (located, error) {
	version := c.wanted
	if helmchart.IsVersion(c.wanted) {
		c.tag = strings.ReplaceAll(c.wanted, "+", "_")
	} else {
		if err := c.open(ctx); err != nil {
			return located{}, err
		}
		limited, cancel := publish.Limit(ctx, c.object.GetTimeout())
		defer cancel()
		var err error
		if c.tag, err = c.choose(limited); err != nil {
			return located{}, fmt.Errorf("version '%s' of '%s': %w", c.wanted, c.name, err)
		}
		version = strings.ReplaceAll(c.tag, "_", "+")
	}
	return located{name: path.Base(c.chart), version: version}, nil
}

// choose returns the tag that is exactly what is wanted, or else the newest that satisfies it.
func (c *taggedChart) choose(ctx context.Context) (string, error) {
	tags, err := c.repository.AllTags(ctx)
	if err != nil {
		return "", err
	}
	exact := strings.ReplaceAll(c.wanted, "+", "_")
	if slices.Contains(tags, exact) {
		return exact, nil
	}
	constraint := c.wanted
	if constraint == "" {
		constraint = "*"
	}
	return oci.Range{SemVer: constraint, Chart: true}.Select(tags)
}

// pull implements origin. The manifest that the tag names is read once; what is downloaded is what it names.
func (c *taggedChart) pull(ctx context.Context, w io.Writer) (bool, error) {
	if err := c.open(ctx); err != nil {
		return false, err
	}
	limited, cancel := publish.Limit(ctx, c.object.GetTimeout())
	defer cancel()
	manifest, err := c.repository.Manifest(limited, c.tag)
	if err != nil {
		return false, err
	}
	layer, err := manifest.Layer(oci.ChartLayer)
	if err != nil {
		return false, err
	}
	return true, c.repository.Copy(limited, w, layer, c.reconciler.Limits.ArchiveBytes)
}

// close implements origin.
func (c *taggedChart) close() {
	if c.repository != nil {
		c.repository.Close()
	}
}
