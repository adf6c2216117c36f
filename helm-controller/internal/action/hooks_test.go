// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package action_test

import (
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	helmrelease "helm.sh/helm/v3/pkg/release"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/action"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
)

func TestHooks(t *testing.T) {
	const before, after = `"helm.sh/hook": "pre-install,pre-upgrade"`, `"helm.sh/hook": "post-install", "helm.sh/hook-delete-policy": "hook-succeeded"`
	files := func() map[string]string {
		return map[string]string{
			"templates/before.yaml": job("before", before), "templates/after.yaml": job("after", after),
			"templates/cm.yaml": configMap("a", "", "x: z"),
		}
	}
	for _, strategy := range []helmv2.WaitStrategyName{helmv2.WaitStrategyPoller, helmv2.WaitStrategyLegacy} {
		t.Run(string(strategy), func(t *testing.T) {
			r := newRig(t)
			place, done := r.installing(strategy, files())
			r.finish("before", true)
			r.finish("after", true)
			res := r.result(done)
			r.must(res.err)
			if place.free != 0 || place.released < 2 {
				t.Errorf("place %+v", place)
			}
			r.eventually("a hook is deleted that succeeded", func() bool {
				u := r.get("batch/v1", "Job", "after")
				return u == nil || u.GetDeletionTimestamp() != nil
			})
			if u := r.get("batch/v1", "Job", "before"); u == nil || u.GetLabels()[helmv2.NameLabel] != "app" {
				t.Errorf("hook %v", u)
			}

			// The earlier hook has to go first: nobody is there to remove its finalizers but the garbage collector.
			r.must(r.live.Delete(t.Context(), r.get("batch/v1", "Job", "before"), client.PropagationPolicy(metav1.DeletePropagationBackground)))
			done = background(func() (action.Outcome, error) { return r.upgrade(newChart("1.0.1", files()), nil) })
			r.finish("before", false)
			res = r.result(done)
			wantError(t, res.err, "pre-upgrade hooks failed: ")
			if res.Newest.Info.Status != helmrelease.StatusFailed {
				t.Errorf("status %s", res.Newest.Info.Status)
			}
		})
	}
	t.Run("Disabled", func(t *testing.T) {
		r := newRig(t)
		r.obj.Spec.Install = &helmv2.Install{DisableHooks: true}
		_, err := r.install(newChart("1.0.0", files()), nil)
		r.must(err)
	})
	t.Run("FailingPostUpgrade", func(t *testing.T) {
		r := newRig(t)
		chartOf := func(version string) *chart.Chart {
			return newChart(version, map[string]string{"templates/h.yaml": job("h", `"helm.sh/hook": post-upgrade`), "templates/cm.yaml": configMap("a", "", "x: "+`"{{ .Release.Revision }}"`)})
		}
		_, err := r.install(chartOf("1.0.0"), nil)
		r.must(err)
		done := background(func() (action.Outcome, error) { return r.upgrade(chartOf("1.0.1"), nil) })
		r.finish("h", false)
		res := r.result(done)
		wantError(t, res.err, "post-upgrade hooks failed: ", "Job/"+r.ns+"/h status: 'Failed'")
		if res.Newest.Info.Status != helmrelease.StatusFailed || r.data("a", "x") != "2" {
			t.Errorf("%s, applied %s", res.Newest.Info.Status, r.data("a", "x"))
		}
	})
	t.Run("FailingPreInstall", func(t *testing.T) {
		r := newRig(t)
		done := background(func() (action.Outcome, error) { return r.install(newChart("1.0.0", files()), nil) })
		r.finish("before", false)
		res := r.result(done)
		wantError(t, res.err, "failed pre-install: ", "Job/"+r.ns+"/before status: 'Failed'")
		if r.get("v1", "ConfigMap", "a") != nil {
			t.Error("applied after a hook failed")
		}
	})
}

func TestReleaseTests(t *testing.T) {
	r := newRig(t)
	r.obj.Spec.Test = &helmv2.Test{Enable: true, Filters: []helmv2.Filter{{Name: "skipped", Exclude: true}}}
	files := map[string]string{
		"templates/t.yaml": job("t", `"helm.sh/hook": test`), "templates/s.yaml": job("skipped", `"helm.sh/hook": test`),
	}
	_, err := r.install(newChart("1.0.0", files), nil)
	r.must(err)
	for _, ok := range []bool{true, false} {
		done := background(func() (action.Outcome, error) { return r.runner.Test(t.Context(), r.target(release.ActionTest)) })
		r.finish("t", ok)
		res := r.result(done)
		if ok {
			r.must(res.err)
		} else {
			wantError(t, res.err, "Job/"+r.ns+"/t status: 'Failed'")
		}
		if len(res.Newest.Hooks) != 2 {
			t.Errorf("hooks %+v", res.Newest.Hooks)
		}
		r.must(r.live.Delete(t.Context(), r.get("batch/v1", "Job", "t"), client.PropagationPolicy(metav1.DeletePropagationBackground)))
	}
	if r.get("batch/v1", "Job", "skipped") != nil {
		t.Error("an excluded test ran")
	}
}
