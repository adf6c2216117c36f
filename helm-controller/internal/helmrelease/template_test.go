// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
)

func templated(edit func(*helmv2.HelmRelease)) *helmv2.HelmRelease {
	hr := &helmv2.HelmRelease{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "app"}}
	hr.Spec.Interval.Duration = time.Hour
	hr.Spec.Chart = &helmv2.HelmChartTemplate{Spec: helmv2.HelmChartTemplateSpec{
		Chart: "podinfo", SourceRef: helmv2.CrossNamespaceObjectReference{APIVersion: "ignored/v9", Kind: sourcev1.HelmRepositoryKind, Name: "repo"},
	}}
	if edit != nil {
		edit(hr)
	}
	return hr
}

func TestChartOf(t *testing.T) {
	hr := templated(func(hr *helmv2.HelmRelease) {
		hr.Spec.Chart.Spec.SourceRef.Namespace = "sources"
		hr.Spec.Chart.Spec.Interval = &metav1.Duration{Duration: time.Minute}
		hr.Spec.Chart.Spec.Verify = &helmv2.HelmChartTemplateVerification{Provider: "cosign"}
		hr.Spec.Chart.ObjectMeta = &helmv2.HelmChartTemplateObjectMeta{
			Labels:      map[string]string{"a": "b", helmv2.NameLabel: "somebody else"},
			Annotations: map[string]string{"c": "d"},
		}
	})
	want := &sourcev1.HelmChart{
		TypeMeta: metav1.TypeMeta{APIVersion: "source.toolkit.fluxcd.io/v1", Kind: "HelmChart"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "sources", Name: "team-app",
			Labels:      map[string]string{"a": "b", helmv2.NameLabel: "app", helmv2.NamespaceLabel: "team"},
			Annotations: map[string]string{"c": "d"},
		},
		Spec: sourcev1.HelmChartSpec{
			Chart: "podinfo", Version: "*", ReconcileStrategy: "ChartVersion", Interval: metav1.Duration{Duration: time.Minute},
			SourceRef: sourcev1.LocalHelmChartSourceReference{Kind: "HelmRepository", Name: "repo"},
			Verify:    &sourcev1.HelmChartVerification{Provider: "cosign"},
		},
	}
	if diff := cmp.Diff(want, chartOf(hr)); diff != "" {
		t.Errorf("HelmChart (-want +got):\n%s", diff)
	}
}

func TestUpToDate(t *testing.T) {
	cases := map[string]struct {
		reason        string
		edit          func(*sourcev1.HelmChart)
		appliedBefore bool
		want          bool
	}{
		"Equal":            {reason: "What is as wanted is not applied.", edit: func(*sourcev1.HelmChart) {}, want: true},
		"Spec":             {reason: "Another spec is.", edit: func(c *sourcev1.HelmChart) { c.Spec.Version = "1.x" }},
		"Suspended":        {reason: "Whether it is suspended is not ours.", edit: func(c *sourcev1.HelmChart) { c.Spec.Suspend = true }, want: true},
		"LostLabel":        {reason: "A label that went away is put back.", edit: func(c *sourcev1.HelmChart) { delete(c.Labels, helmv2.NameLabel) }},
		"OtherLabel":       {reason: "A label that may once have been ours is looked at by the server.", edit: func(c *sourcev1.HelmChart) { c.Labels["x"] = "y" }},
		"OtherLabelBefore": {reason: "One that is known not to be ours is left alone.", edit: func(c *sourcev1.HelmChart) { c.Labels["x"] = "y" }, appliedBefore: true, want: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			live := chartOf(templated(nil))
			tc.edit(live)
			if got := upToDate(live, chartOf(templated(nil)), tc.appliedBefore); got != tc.want {
				t.Errorf("%s\ngot %v", tc.reason, got)
			}
		})
	}
}

func TestSourceRef(t *testing.T) {
	cases := map[string]struct {
		reason string
		obj    *helmv2.HelmRelease
		want   string
	}{
		"Template": {reason: "A template leads to the HelmChart made from it.", obj: templated(nil), want: "HelmChart/team/team-app"},
		"TemplateElsewhere": {reason: "It is in the namespace of its source.", obj: templated(func(hr *helmv2.HelmRelease) {
			hr.Spec.Chart.Spec.SourceRef.Namespace = "sources"
		}), want: "HelmChart/sources/team-app"},
		"Reference": {reason: "A reference names the source.", obj: templated(func(hr *helmv2.HelmRelease) {
			hr.Spec.Chart, hr.Spec.ChartRef = nil, &helmv2.CrossNamespaceSourceReference{Kind: "OCIRepository", Name: "oci"}
		}), want: "OCIRepository/team/oci"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := sourceRef(tc.obj).String(); got != tc.want {
				t.Errorf("%s\ngot %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
}
