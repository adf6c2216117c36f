// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/access"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/source"
)

// source finds the artifact that holds the chart. One that failed to fetch something newer will do: the last good chart stays in force.
// Flux: helm-controller contract, sections 6.1 and 6.2.
func (r *Reconciler) source(ctx context.Context, s *scope) error {
	ref := sourceRef(s.obj)
	if err := r.namespaced(s.obj, ref); err != nil {
		return outcome.Stall(helmv2.AccessDeniedReason, err)
	}
	obj, err := r.lookup(ctx, s, ref)
	if err != nil {
		return outcome.Fail(helmv2.ArtifactFailedReason, fmt.Errorf("could not get Source object: %w", err))
	}
	if cause := notServing(obj); cause != "" {
		return outcome.Wait(r.Jitter(r.RequeueDependency), helmv2.SourceNotReadyReason, "%s '%s/%s' is not ready: %s", ref.Kind, ref.Namespace, ref.Name, cause)
	}
	s.artifact = *obj.GetArtifact()
	return nil
}

// lookup reads the source; a HelmChart that this run has written is taken from the answer, which the cache may not have yet.
func (r *Reconciler) lookup(ctx context.Context, s *scope, ref access.Reference) (sourceObject, error) {
	if s.chart != nil {
		return s.chart, nil
	}
	found, err := source.Lookup(ctx, r.Sources, ref)
	if apierrors.IsNotFound(err) {
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	obj, ok := found.(sourceObject)
	if !ok {
		return nil, fmt.Errorf("source kind %q has no conditions", ref.Kind)
	}
	return obj, nil
}

// sourceObject is a source whose state can be judged.
type sourceObject interface {
	source.Object
	conditions.Getter
}

// notServing says why the artifact of a source cannot be taken, empty if it can. Flux: helm-controller contract, section 6.2.
func notServing(obj sourceObject) string {
	switch {
	case obj.GetGeneration() != observedGeneration(obj):
		return "latest generation of object has not been reconciled"
	case conditions.IsStalled(obj):
		return cmp.Or(notReadyMessage(obj), conditions.GetMessage(obj, meta.StalledCondition))
	case obj.GetArtifact() == nil:
		return cmp.Or(notReadyMessage(obj), "does not have an artifact")
	}
	return ""
}

func notReadyMessage(obj conditions.Getter) string {
	if conditions.IsFalse(obj, meta.ReadyCondition) {
		return conditions.GetMessage(obj, meta.ReadyCondition)
	}
	return ""
}

func observedGeneration(obj sourceObject) int64 {
	switch o := obj.(type) {
	case *sourcev1.HelmChart:
		return o.Status.ObservedGeneration
	case *sourcev1.OCIRepository:
		return o.Status.ObservedGeneration
	}
	return obj.GetGeneration()
}

// namespaced refuses references to other namespaces where the flag says so.
func (r *Reconciler) namespaced(obj *helmv2.HelmRelease, to access.Reference) error {
	if access.Namespaced(r.Access, obj.Namespace, to) == nil {
		return nil
	}
	return fmt.Errorf("cross-namespace references are not allowed: cannot access %s %s/%s", to.Kind, to.Namespace, to.Name)
}

// sourceRef names the object whose artifact is the chart.
func sourceRef(obj *helmv2.HelmRelease) access.Reference {
	if ref := obj.Spec.ChartRef; ref != nil {
		return access.Reference{Kind: ref.Kind, Namespace: cmp.Or(ref.Namespace, obj.Namespace), Name: ref.Name}
	}
	if obj.Spec.Chart == nil {
		return access.Reference{}
	}
	return access.Reference{
		Kind:      sourcev1.HelmChartKind,
		Namespace: cmp.Or(obj.Spec.Chart.Spec.SourceRef.Namespace, obj.Namespace),
		Name:      obj.Namespace + "-" + obj.Name,
	}
}

// errBothOrNeither is the text of the API server's own rule, which lets no such object in.
var errBothOrNeither = errors.New("either chart or chartRef must be set")
