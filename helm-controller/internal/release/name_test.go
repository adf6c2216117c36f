// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package release_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
)

func TestName(t *testing.T) {
	cases := map[string]struct{ reason, object, target, name, full, want string }{
		"Object": {reason: "The name of the object is the default.", object: "podinfo", full: "podinfo", want: "podinfo"},
		"Target": {reason: "A target namespace comes in front.", object: "podinfo", target: "prod", full: "prod-podinfo", want: "prod-podinfo"},
		"Given":  {reason: "A given name is taken as it is.", object: "podinfo", target: "prod", name: "web", full: "web", want: "web"},
		"Long": {
			reason: "The vector of 2.4.", object: "a-nice-object-name", target: "a-very-lengthy-target-namespace-with",
			full: "a-very-lengthy-target-namespace-with-a-nice-object-name", want: "a-very-lengthy-target-namespace-with-a-n-97af5d7f41f3",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			obj := &helmv2.HelmRelease{
				ObjectMeta: metav1.ObjectMeta{Name: tc.object},
				Spec:       helmv2.HelmReleaseSpec{TargetNamespace: tc.target, ReleaseName: tc.name},
			}
			if full, got := release.FullReleaseName(obj), release.Name(obj); full != tc.full || got != tc.want {
				t.Errorf("%s\nnames %q, %q, want %q, %q", tc.reason, full, got, tc.full, tc.want)
			}
		})
	}
}

func TestTargetChanged(t *testing.T) {
	cases := map[string]struct {
		reason string
		change func(*helmv2.HelmRelease)
		chart  string
		want   string
	}{
		"Same":    {reason: "Nothing changed."},
		"Storage": {reason: "Another storage namespace.", change: func(o *helmv2.HelmRelease) { o.Spec.StorageNamespace = "s" }, want: "storage namespace"},
		"Target": {
			reason: "Another target namespace; the name that follows from it comes later in the order.",
			change: func(o *helmv2.HelmRelease) { o.Spec.TargetNamespace = "t" }, want: "target namespace",
		},
		"Name":  {reason: "Another name.", change: func(o *helmv2.HelmRelease) { o.Spec.ReleaseName = "other" }, want: "release name"},
		"Chart": {reason: "Another chart.", chart: "nginx", want: "chart name"},
		"ChartInPlace": {
			reason: "Another chart that is to be upgraded to.", chart: "nginx",
			change: func(o *helmv2.HelmRelease) {
				o.Spec.Upgrade = &helmv2.Upgrade{ChartNameChangeStrategy: helmv2.ChartNameChangeInPlaceUpdate}
			},
		},
		"NoHistory": {
			reason: "Without a history there is nothing to compare.", chart: "nginx",
			change: func(o *helmv2.HelmRelease) { o.Status.History = nil },
		},
		"NoStorage": {
			reason: "Without a storage namespace in the status neither.", chart: "nginx",
			change: func(o *helmv2.HelmRelease) { o.Status.StorageNamespace = "" },
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			obj := &helmv2.HelmRelease{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "podinfo"}}
			obj.Status.StorageNamespace = "apps"
			obj.Status.History = helmv2.Snapshots{{Name: "podinfo", Namespace: "apps", ChartName: "podinfo"}}
			if tc.change != nil {
				tc.change(obj)
			}
			chart := "podinfo"
			if tc.chart != "" {
				chart = tc.chart
			}
			got := ""
			if change := release.TargetChanged(obj, chart); change != nil {
				got = change.What
				if change.Namespace != "apps" || change.Old != obj.Status.History[0] {
					t.Errorf("%s\nTargetChanged: %+v is not the old release", tc.reason, change)
				}
			}
			if got != tc.want {
				t.Errorf("%s\nTargetChanged: %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}
