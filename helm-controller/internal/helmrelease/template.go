// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/access"
	"github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// defaultChartVersion is what the CRD of HelmChart makes of an absent version.
const defaultChartVersion = "*"

// template keeps the HelmChart that spec.chart describes, and deletes one that it no longer does. A HelmChart that is as it should be costs no
// request. Flux: helm-controller contract, section 2.2.
func (r *Reconciler) template(ctx context.Context, s *scope) error {
	want := chartName(s.obj)
	if have := s.obj.Status.HelmChart; have != "" && have != want {
		if err := r.deleteChart(ctx, s, have); err != nil {
			return err
		}
	}
	if want == "" {
		return nil
	}
	ref := sourceRef(s.obj)
	if err := r.namespaced(s.obj, access.Reference{
		Kind: s.obj.Spec.Chart.Spec.SourceRef.Kind, Namespace: ref.Namespace, Name: s.obj.Spec.Chart.Spec.SourceRef.Name,
	}); err != nil {
		return outcome.Stall(helmv2.AccessDeniedReason, err)
	}
	live := &sourcev1.HelmChart{}
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, live)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("read %s: %w", ref, err)
	}
	if err := r.applyChart(ctx, s, live, err != nil); err != nil {
		s.run.Emit(trace(events.Error, helmv2.HelmChartSyncErrorReason, err.Error()))
		return outcome.Fail(helmv2.ArtifactFailedReason, err)
	}
	s.obj.Status.HelmChart = want
	return nil
}

// applyChart writes the HelmChart if live, which may be missing, is not what is wanted.
func (r *Reconciler) applyChart(ctx context.Context, s *scope, live *sourcev1.HelmChart, missing bool) error {
	want := chartOf(s.obj)
	mark, err := reconcile.Fingerprint(want)
	if err != nil {
		return err
	}
	if !missing && upToDate(live, want, s.last.template == mark) {
		return nil
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(want)
	if err != nil {
		return fmt.Errorf("convert HelmChart %s/%s: %w", want.Namespace, want.Name, err)
	}
	u := &unstructured.Unstructured{Object: content}
	unstructured.RemoveNestedField(u.Object, "status")
	unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")
	if err := r.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(fieldOwner), client.ForceOwnership); err != nil {
		return fmt.Errorf("apply HelmChart %s/%s: %w", want.Namespace, want.Name, err)
	}
	s.last.template = mark
	s.chart = &sourcev1.HelmChart{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, s.chart); err != nil {
		return fmt.Errorf("convert HelmChart %s/%s: %w", want.Namespace, want.Name, err)
	}
	verb, reason := "Configured", helmv2.HelmChartConfiguredReason
	if missing {
		verb, reason = "Created", helmv2.HelmChartCreatedReason
	}
	s.run.Emit(trace(events.Info, reason, fmt.Sprintf("%s HelmChart/%s/%s with SourceRef '%s/%s/%s'", verb,
		want.Namespace, want.Name, want.Spec.SourceRef.Kind, want.Namespace, want.Spec.SourceRef.Name)))
	return nil
}

// upToDate tells whether an apply would change nothing. The cache does not say which labels are ours, so that a label that is not wanted is
// only known to be somebody else's when this process has applied exactly this before.
func upToDate(live, want *sourcev1.HelmChart, appliedBefore bool) bool {
	spec := want.Spec.DeepCopy()
	spec.Suspend = live.Spec.Suspend // not ours
	if !equality.Semantic.DeepEqual(&live.Spec, spec) {
		return false
	}
	return covers(live.Labels, want.Labels, appliedBefore) && covers(live.Annotations, want.Annotations, appliedBefore)
}

func covers(live, want map[string]string, others bool) bool {
	for key, value := range want {
		if got, ok := live[key]; !ok || got != value {
			return false
		}
	}
	return others || len(live) == len(want)
}

// deleteChart deletes a HelmChart that the object made before.
func (r *Reconciler) deleteChart(ctx context.Context, s *scope, name string) error {
	namespace, name, _ := strings.Cut(name, "/")
	if err := r.namespaced(s.obj, access.Reference{Kind: sourcev1.HelmChartKind, Namespace: namespace, Name: name}); err != nil {
		return outcome.Stall(helmv2.AccessDeniedReason, err)
	}
	chart := &sourcev1.HelmChart{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	err := r.Client.Delete(ctx, chart)
	if client.IgnoreNotFound(err) != nil {
		err = fmt.Errorf("delete HelmChart %s/%s: %w", namespace, name, err)
		s.run.Emit(trace(events.Error, helmv2.HelmChartSyncErrorReason, err.Error()))
		return outcome.Fail(helmv2.ArtifactFailedReason, err)
	}
	s.obj.Status.HelmChart, s.last.template = "", ""
	if err == nil {
		s.run.Emit(trace(events.Info, helmv2.HelmChartDeletedReason, fmt.Sprintf("Deleted HelmChart/%s/%s", namespace, name)))
	}
	return nil
}

// dropChart deletes the HelmChart of an object that is going, whatever it is that status says: a process that ended between making the
// HelmChart and writing the status leaves none behind.
func (r *Reconciler) dropChart(ctx context.Context, s *scope) error {
	name := cmp.Or(s.obj.Status.HelmChart, chartName(s.obj))
	if name == "" {
		return nil
	}
	namespace, chart, _ := strings.Cut(name, "/")
	if err := r.namespaced(s.obj, access.Reference{Kind: sourcev1.HelmChartKind, Namespace: namespace, Name: chart}); err != nil {
		ctrl.LoggerFrom(ctx).Info("HelmChart stays behind", "chart", name, "cause", err.Error())
		return nil
	}
	if s.obj.Status.HelmChart == "" {
		live := &sourcev1.HelmChart{}
		err := r.Live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: chart}, live) // the cache may not have it yet
		if apierrors.IsNotFound(err) || err == nil && !madeFor(live, s.obj) {
			return nil
		}
	}
	return r.deleteChart(ctx, s, name)
}

func madeFor(chart *sourcev1.HelmChart, obj *helmv2.HelmRelease) bool {
	return chart.Labels[helmv2.NameLabel] == obj.Name && chart.Labels[helmv2.NamespaceLabel] == obj.Namespace
}

// chartName is <namespace>/<name> of the HelmChart that the object asks for, empty when it asks for none.
func chartName(obj *helmv2.HelmRelease) string {
	if obj.Spec.Chart == nil {
		return ""
	}
	ref := sourceRef(obj)
	return ref.Namespace + "/" + ref.Name
}

// chartOf is the HelmChart that the object asks for, with the defaults of its CRD.
func chartOf(obj *helmv2.HelmRelease) *sourcev1.HelmChart {
	template, ref := obj.Spec.Chart, sourceRef(obj)
	chart := &sourcev1.HelmChart{
		TypeMeta:   metav1.TypeMeta{APIVersion: sourcev1.GroupVersion.String(), Kind: sourcev1.HelmChartKind},
		ObjectMeta: metav1.ObjectMeta{Namespace: ref.Namespace, Name: ref.Name, Labels: map[string]string{}},
		Spec: sourcev1.HelmChartSpec{
			Chart:                    template.Spec.Chart,
			Version:                  cmp.Or(template.Spec.Version, defaultChartVersion),
			SourceRef:                sourcev1.LocalHelmChartSourceReference{Kind: template.Spec.SourceRef.Kind, Name: template.Spec.SourceRef.Name},
			Interval:                 obj.Spec.Interval,
			ReconcileStrategy:        cmp.Or(template.Spec.ReconcileStrategy, sourcev1.ReconcileStrategyChartVersion),
			ValuesFiles:              template.Spec.ValuesFiles,
			IgnoreMissingValuesFiles: template.Spec.IgnoreMissingValuesFiles,
		},
	}
	if template.Spec.Interval != nil {
		chart.Spec.Interval = *template.Spec.Interval
	}
	if v := template.Spec.Verify; v != nil {
		chart.Spec.Verify = &sourcev1.HelmChartVerification{Provider: v.Provider, SecretRef: v.SecretRef}
	}
	if m := template.ObjectMeta; m != nil {
		maps.Copy(chart.Labels, m.Labels)
		chart.Annotations = maps.Clone(m.Annotations)
	}
	chart.Labels[helmv2.NameLabel], chart.Labels[helmv2.NamespaceLabel] = obj.Name, obj.Namespace
	return chart
}
