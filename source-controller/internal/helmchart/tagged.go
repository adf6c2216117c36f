// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/fluxcd/pkg/apis/meta"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/helmchart"
	"github.com/weir-gitops/weir/kit/oci"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/source-controller/internal/helmrepository"
)

// schemeOCI is how addresses of registries start.
const schemeOCI = "oci://"

// openRegistry opens the repository of a chart below a HelmRepository of the type oci. Nothing is sent yet.
func (r *Reconciler) openRegistry(ctx context.Context, o *sourcev1.HelmRepository, chart string) (*oci.Repository, error) {
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
	creds, err := r.Secrets.HelmRegistry(ctx, o.Namespace, helmrepository.Refs(o), name.Host())
	if err != nil {
		return nil, outcome.Fail(sourcev1.AuthenticationFailedReason, err)
	}
	return r.Registries.Open(name, oci.Access{Keychain: creds.Keychain, TLS: creds.TLS, PlainHTTP: o.Spec.Insecure}), nil
}

// taggedChart is a chart in a registry.
type taggedChart struct {
	repository    *oci.Repository
	chart, wanted string
	timeout       time.Duration
	limits        helmchart.Limits

	tag string // locate
}

// locate implements origin. An exact version is taken as it is; otherwise the tags are listed.
func (c *taggedChart) locate(ctx context.Context) (located, error) {
	version := c.wanted
	if helmchart.IsVersion(c.wanted) {
		c.tag = strings.ReplaceAll(c.wanted, "+", "_")
	} else {
		limited, cancel := bounded(ctx, c.timeout)
		defer cancel()
		var err error
		if c.tag, err = c.choose(limited); err != nil {
			return located{}, fmt.Errorf("version '%s' of '%s': %w", c.wanted, c.repository.Name(), err)
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
	limited, cancel := bounded(ctx, c.timeout)
	defer cancel()
	manifest, err := c.repository.Manifest(limited, c.tag)
	if err != nil {
		return false, err
	}
	layer, err := manifest.Layer(oci.ChartLayer)
	if err != nil {
		return false, err
	}
	return true, c.repository.Copy(limited, w, layer, c.limits.ArchiveBytes)
}

// close implements origin.
func (c *taggedChart) close() { c.repository.Close() }

// isRegistryRefusal reports whether a registry wants other credentials.
func isRegistryRefusal(err error) bool { return errors.Is(err, oci.ErrUnauthorized) }
