// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"

	"github.com/fluxcd/pkg/apis/meta"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/helmchart"
	"github.com/weir-gitops/weir/kit/oci"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/source-controller/internal/helmhttp"
	"github.com/weir-gitops/weir/source-controller/internal/helmindex"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

var (
	// errReference says that the source has no such chart, or no such version of it.
	errReference = errors.New("invalid chart reference")
	// nameExpression is what the name of a chart in a repository looks like. Flux: source-controller contract, "Build from HelmRepository".
	nameExpression = regexp.MustCompile(`^([-a-z0-9]+/?\.?)+$`)
)

// source reads the object that the chart comes from, and makes sure that it has what it says.
func (r *Reconciler) source(ctx context.Context, s *scope) error {
	key := client.ObjectKey{Namespace: s.obj.Namespace, Name: s.obj.Spec.SourceRef.Name}
	switch kind := s.obj.Spec.SourceRef.Kind; kind {
	case sourcev1.HelmRepositoryKind:
		repository := &sourcev1.HelmRepository{}
		if err := r.readSource(ctx, key, repository); err != nil {
			return err
		}
		return r.fromRepository(s, repository)
	case sourcev1.GitRepositoryKind:
		repository := &sourcev1.GitRepository{}
		if err := r.readSource(ctx, key, repository); err != nil {
			return err
		}
		return r.fromTree(ctx, s, repository)
	default:
		return outcome.Stall(sourcev1.UnsupportedSourceKindReason, fmt.Errorf("unsupported source kind '%s'", kind))
	}
}

func (r *Reconciler) readSource(ctx context.Context, key client.ObjectKey, obj client.Object) error {
	err := r.Client.Get(ctx, key, obj)
	if apierrors.IsNotFound(err) {
		err = fmt.Errorf("source '%s' not found", key)
	}
	if err != nil {
		return outcome.Fail(sourcev1.SourceUnavailableReason, err)
	}
	return nil
}

// fromRepository makes the origin of a chart in a Helm repository.
func (r *Reconciler) fromRepository(s *scope, o *sourcev1.HelmRepository) error {
	if !nameExpression.MatchString(s.obj.Spec.Chart) {
		return outcome.Stall(sourcev1.InvalidChartReferenceReason, fmt.Errorf("%w: invalid chart name '%s'", errReference, s.obj.Spec.Chart))
	}
	if o.Spec.Type == sourcev1.HelmRepositoryTypeOCI {
		chart, err := r.inRegistry(o, s.obj.Spec.Chart, s.obj.Spec.Version)
		if err != nil {
			return err
		}
		s.from, s.read = chart, true
		return nil
	}
	if err := r.checkArtifact(s, sourcev1.HelmRepositoryKind, o.Name, o.Status.Artifact); err != nil {
		return err
	}
	s.from = &listedChart{reconciler: r, object: o, chart: s.obj.Spec.Chart, wanted: s.obj.Spec.Version}
	return nil
}

// checkArtifact waits for the artifact of a source, on this instance.
func (r *Reconciler) checkArtifact(s *scope, kind, name string, a *meta.Artifact) error {
	if a != nil {
		_, err := r.Store.Root().Stat(a.Path)
		switch {
		case err == nil:
			s.revision, s.read = a.Revision, true
			return nil
		case !errors.Is(err, fs.ErrNotExist):
			return outcome.Fail(sourcev1.ReadOperationFailedReason, fmt.Errorf("read artifact of %s '%s': %w", kind, name, err))
		}
	}
	return outcome.Wait(r.Retry, sourcev1.NoSourceArtifactReason, textNoArtifact, kind, name)
}

// locate finds the chart and the version.
func (r *Reconciler) locate(ctx context.Context, s *scope) error {
	chart, err := s.from.locate(ctx)
	if err != nil {
		return fault(err)
	}
	s.chart = chart
	return nil
}

// fault translates what went wrong with a source, unless that was done already.
func fault(err error) error {
	if outcome.Of(err).Class != outcome.Unforeseen {
		return err
	}
	for _, reference := range []error{errReference, helmindex.ErrNoChart, helmindex.ErrNoVersion, helmchart.ErrVersion} {
		if errors.Is(err, reference) {
			return outcome.Stall(sourcev1.InvalidChartReferenceReason, err)
		}
	}
	if isRefused(err) {
		return outcome.Fail(sourcev1.AuthenticationFailedReason, err)
	}
	return publish.Fault(sourcev1.ChartPullErrorReason, err)
}

// isRefused reports whether a server wants other credentials or certificates. Quirk Q10 of the contract: the condition has the precise reason.
func isRefused(err error) bool {
	return errors.Is(err, helmhttp.ErrUnauthorized) || errors.Is(err, oci.ErrUnauthorized) || helmhttp.IsTrust(err)
}
