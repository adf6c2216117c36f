// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"fmt"
	"strings"
	"testing"
	"time"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/testkit"
)

// helmChart reads a HelmChart of the namespace, nil when it is not there.
func (f *fixture) helmChart(name string) *sourcev1.HelmChart {
	f.t.Helper()
	obj := &sourcev1.HelmChart{}
	err := f.cluster.Client.Get(f.t.Context(), client.ObjectKey{Namespace: f.namespace, Name: name}, obj)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return obj
}

func TestTemplate(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "--requeue-dependency=1h")
	made := f.namespace + "-app"
	f.create("app", func(hr *helmv2.HelmRelease) { hr.Spec.ChartRef, hr.Spec.Chart = nil, templateSpec() })
	hr := f.awaitReason("app", helmv2.SourceNotReadyReason)
	want := fmt.Sprintf("HelmChart '%s/%s' is not ready: latest generation of object has not been reconciled", f.namespace, made)
	if got := conditions.GetMessage(hr, meta.ReadyCondition); got != want || hr.Status.HelmChart != f.namespace+"/"+made {
		t.Errorf("message %q, want %q; HelmChart %s", got, want, hr.Status.HelmChart)
	}
	// A chart that is missing in the repository is reported in the words of the HelmChart.
	obj := f.helmChart(made)
	base := obj.DeepCopy()
	obj.Status.ObservedGeneration = obj.Generation
	conditions.MarkFalse(obj, meta.ReadyCondition, sourcev1.InvalidChartReferenceReason, "no chart version found for demo-9.x")
	if err := f.cluster.Client.Status().Patch(t.Context(), obj, client.MergeFrom(base)); err != nil {
		t.Fatal(err)
	}
	f.await("app", "it says what the HelmChart says", func(hr *helmv2.HelmRelease) bool {
		return strings.HasSuffix(conditions.GetMessage(hr, meta.ReadyCondition), "is not ready: no chart version found for demo-9.x")
	})
	f.show(made, f.artifacts.AddBytes(chart("1.0.0", nil).Package(t), "1.0.0"))
	f.awaitRevision("app", 1)
	// Nothing is written while the HelmChart is as it should be.
	version := f.helmChart(made).ResourceVersion
	f.request("again")
	f.confirmed("again")
	if got := f.helmChart(made); got.ResourceVersion != version {
		t.Error("an unchanged HelmChart was written")
	}
	f.change(func(hr *helmv2.HelmRelease) { hr.Spec.Chart.Spec.Version = "1.x" })
	f.eventually("the HelmChart follows", func() bool { return f.helmChart(made).Spec.Version == "1.x" })
	f.show(made, f.artifacts.AddBytes(chart("1.0.0", nil).Package(t), "1.0.0"))
	f.await("app", "it is ready again", func(hr *helmv2.HelmRelease) bool {
		return conditions.IsReady(hr) && hr.Status.ObservedGeneration == hr.Generation
	})
	// One that somebody deletes is made again at once.
	if err := f.cluster.Client.Delete(t.Context(), f.helmChart(made)); err != nil {
		t.Fatal(err)
	}
	f.eventually("the HelmChart is made again", func() bool { return f.helmChart(made) != nil })
	// A switch to chartRef deletes it, and leaves the release alone.
	f.publish(chart("1.0.0", nil))
	f.change(func(hr *helmv2.HelmRelease) {
		hr.Spec.Chart, hr.Spec.ChartRef = nil, &helmv2.CrossNamespaceSourceReference{Kind: sourcev1.HelmChartKind, Name: "demo"}
	})
	f.awaitRevision("app", 1)
	f.eventually("the HelmChart is gone", func() bool { return f.helmChart(made) == nil })
	if got := f.get().Status.HelmChart; got != "" {
		t.Errorf("status still names HelmChart %s", got)
	}
	f.change(func(hr *helmv2.HelmRelease) { hr.Spec.ChartRef, hr.Spec.Chart = nil, templateSpec() })
	f.eventually("the HelmChart is back", func() bool { return f.helmChart(made) != nil })
	f.remove()
	if f.helmChart(made) != nil {
		t.Error("a deleted HelmRelease takes its HelmChart with it")
	}
}

func TestDependsOn(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "--requeue-dependency=1h")
	f.publish(chart("1.0.0", nil))
	for i := 3; i >= 0; i-- {
		f.create(fmt.Sprintf("s%d", i), func(hr *helmv2.HelmRelease) {
			if i > 0 {
				hr.Spec.DependsOn = []meta.DependencyReference{{Name: fmt.Sprintf("s%d", i-1)}}
			}
		})
		if i > 0 {
			hr := f.awaitReason(fmt.Sprintf("s%d", i), helmv2.DependencyNotReadyReason)
			if hr.Status.ObservedGeneration == hr.Generation {
				t.Error("a wait is no verdict on the generation")
			}
		}
	}
	f.awaitRevision("s3", 1)
	// A missing one is named, and a loop does not end.
	f.create("lost", func(hr *helmv2.HelmRelease) { hr.Spec.DependsOn = []meta.DependencyReference{{Name: "nowhere"}} })
	hr := f.awaitReason("lost", helmv2.DependencyNotReadyReason)
	if got := conditions.GetMessage(hr, meta.ReadyCondition); !strings.HasPrefix(got, fmt.Sprintf("unable to get '%s/nowhere' dependency: ", f.namespace)) {
		t.Errorf("message: %s", got)
	}
	for _, names := range [][2]string{{"hen", "egg"}, {"egg", "hen"}} {
		f.create(names[0], func(hr *helmv2.HelmRelease) { hr.Spec.DependsOn = []meta.DependencyReference{{Name: names[1]}} })
	}
	f.awaitReason("hen", helmv2.DependencyNotReadyReason)
	f.awaitReason("egg", helmv2.DependencyNotReadyReason)
}

func TestSuspend(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.publish(chart("1.0.0", nil))
	f.create("app", nil)
	f.awaitRevision("app", 1)
	f.change(func(hr *helmv2.HelmRelease) {
		hr.Spec.Suspend, hr.Spec.Values = true, with(map[string]any{"value": "two"})
		hr.Annotations = map[string]string{meta.ReconcileRequestAnnotation: "suspended"}
	})
	hr := f.confirmed("suspended")
	if !conditions.IsReady(hr) || hr.Status.ObservedGeneration != hr.Generation {
		t.Errorf("a suspended object stays as it was: %+v", hr.Status)
	}
	f.checkRevisions("app", "1 deployed")
	f.change(func(hr *helmv2.HelmRelease) { hr.Spec.Suspend = false })
	f.awaitRevision("app", 2)
	f.change(func(hr *helmv2.HelmRelease) { hr.Spec.Suspend = true })
	f.remove()
	f.checkRevisions("app", "1 superseded", "2 deployed")
}

func TestValuesWatch(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.publish(chart("1.0.0", nil))
	values := testkit.ConfigMap(f.namespace, "values", map[string]string{"values.yaml": "value: first"})
	values.Labels = map[string]string{"reconcile.fluxcd.io/watch": "Enabled"}
	f.cluster.Create(t, values)
	f.create("app", func(hr *helmv2.HelmRelease) {
		hr.Spec.ValuesFrom = []meta.ValuesReference{{Kind: "ConfigMap", Name: "values"}, {Kind: "Secret", Name: "none", Optional: true}}
	})
	f.awaitRevision("app", 1)
	base := values.DeepCopy()
	values.Data["values.yaml"] = "value: second"
	if err := f.cluster.Client.Patch(t.Context(), values, client.MergeFrom(base)); err != nil {
		t.Fatal(err)
	}
	f.awaitRevision("app", 2)
	if got := f.configMap("app-config").Data["value"]; got != "second" {
		t.Errorf("value is %s", got)
	}
}

// TestAnnotations holds what annotations ask for. Contract, section 7.7.
func TestAnnotations(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.publish(chart("1.0.0", nil))
	f.create("app", nil)
	f.awaitRevision("app", 1)
	f.request("forced", meta.ForceRequestAnnotation)
	f.awaitRevision("app", 2)
	hr := f.confirmed("forced")
	if hr.Status.LastHandledForceAt != "forced" {
		t.Errorf("status: %+v", hr.Status)
	}
	f.change(func(hr *helmv2.HelmRelease) { hr.Spec.Values = with(map[string]any{"broken": true}) })
	f.awaitStalled(helmv2.RetriesExceededReason)
	f.request("plain")
	f.confirmed("plain")
	f.checkRevisions("app", "1 superseded", "2 deployed", "3 failed")
	f.request("reset", helmv2.ResetRequestAnnotation)
	f.confirmed("reset")
	hr = f.awaitStalled(helmv2.RetriesExceededReason)
	f.checkRevisions("app", "1 superseded", "2 deployed", "3 failed", "4 failed")
	if hr.Status.UpgradeFailures != 1 || hr.Status.LastHandledResetAt != "reset" {
		t.Errorf("a reset gives another attempt: %+v", hr.Status)
	}
	f.request("forced again", meta.ForceRequestAnnotation)
	f.confirmed("forced again")
	f.checkRevisions("app", "1 superseded", "2 deployed", "3 failed", "4 failed", "5 failed")
}

func TestMissingRollbackTarget(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.publish(chart("1.0.0", nil))
	f.create("app", func(hr *helmv2.HelmRelease) {
		hr.Spec.Values = with(map[string]any{"broken": true})
		hr.Spec.Upgrade = &helmv2.Upgrade{Remediation: &helmv2.UpgradeRemediation{Retries: 2}}
	})
	f.awaitStalled(helmv2.RetriesExceededReason)
	f.change(func(hr *helmv2.HelmRelease) { hr.Spec.Values = with(map[string]any{"broken": true, "value": "two"}) })
	hr := f.awaitStalled(helmv2.MissingRollbackTargetReason)
	if got := conditions.GetMessage(hr, meta.StalledCondition); got != "Failed to perform remediation: missing target release for rollback: cannot remediate failed release" {
		t.Errorf("message: %s", got)
	}
}

// testPod is a test hook.
func testPod(name string) string {
	return `apiVersion: v1
kind: Pod
metadata: {name: {{ .Release.Name }}-` + name + `, annotations: {helm.sh/hook: test}}
spec: {restartPolicy: Never, containers: [{name: test, image: test}]}
`
}

// finish does what the kubelet would do: it brings the Pod to its end.
func (f *fixture) finish(name string, phase corev1.PodPhase) {
	f.t.Helper()
	pod := &corev1.Pod{}
	f.eventually("the Pod "+name+" is there", func() bool {
		// One that has finished is of an earlier run, and about to go.
		return f.cluster.Client.Get(f.t.Context(), client.ObjectKey{Namespace: f.namespace, Name: name}, pod) == nil && pod.Status.Phase == corev1.PodPending
	})
	base := pod.DeepCopy()
	pod.Status.Phase = phase
	if err := f.cluster.Client.Status().Patch(f.t.Context(), pod, client.MergeFrom(base)); err != nil {
		f.t.Fatal(err)
	}
}

func TestTests(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.publish(chart("1.0.0", map[string]string{"templates/test.yaml": testPod("test")}))
	f.create("app", func(hr *helmv2.HelmRelease) { hr.Spec.Test = &helmv2.Test{Enable: true} })
	f.await("app", "it runs the tests", func(hr *helmv2.HelmRelease) bool {
		return strings.HasPrefix(conditions.GetMessage(hr, meta.ReconcilingCondition), "Running 'test' action") && hr.Status.History.Latest() != nil
	})
	f.finish("app-test", corev1.PodSucceeded)
	hr := f.awaitRevision("app", 1)
	if !conditions.IsTrue(hr, helmv2.TestSuccessCondition) || conditions.GetReason(hr, meta.ReadyCondition) != helmv2.TestSucceededReason {
		t.Errorf("conditions: %+v", hr.Status.Conditions)
	}
	if hooks := hr.Status.History.Latest().TestHooks; hooks == nil || (*hooks)["app-test"].Phase != "Succeeded" {
		t.Errorf("snapshot: %+v", hr.Status.History.Latest())
	}
	f.request("again")
	f.confirmed("again")
	f.checkRevisions("app", "1 deployed")
	f.change(func(hr *helmv2.HelmRelease) { hr.Spec.Values = with(map[string]any{"value": "two"}) })
	f.finish("app-test", corev1.PodFailed)
	hr = f.awaitStalled(helmv2.RetriesExceededReason)
	if !conditions.IsFalse(hr, helmv2.TestSuccessCondition) || conditions.GetReason(hr, meta.ReadyCondition) != helmv2.TestFailedReason || hr.Status.UpgradeFailures != 1 {
		t.Errorf("status: %+v", hr.Status)
	}
	f.events.Wait(t, func(e eventv1.Event) bool { return e.Reason == helmv2.TestFailedReason && e.Severity == "error" })
}

func TestDrift(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.publish(chart("1.0.0", nil))
	f.create("app", func(hr *helmv2.HelmRelease) {
		hr.Spec.DriftDetection = &helmv2.DriftDetection{Mode: helmv2.DriftDetectionEnabled}
	})
	f.await("app", "no drift is found", func(hr *helmv2.HelmRelease) bool { return conditions.IsFalse(hr, helmv2.DriftedCondition) })
	edit := func(value string) {
		t.Helper()
		cm := f.configMap("app-config")
		base := cm.DeepCopy()
		cm.Data["value"] = value
		if err := f.cluster.Client.Patch(t.Context(), cm, client.MergeFrom(base)); err != nil {
			t.Fatal(err)
		}
	}
	edit("by hand")
	f.eventually("the edit is put back", func() bool { return f.configMap("app-config").Data["value"] == "one" })
	f.events.Wait(t, func(e eventv1.Event) bool {
		return e.Reason == helmv2.DriftDetectedReason && strings.Contains(e.Message, "ConfigMap/"+f.namespace+"/app-config changed (0 additions, 1 changes, 0 removals)")
	})
	f.events.Wait(t, func(e eventv1.Event) bool {
		return e.Reason == helmv2.DriftCorrectedReason && strings.Contains(e.Message, "ConfigMap/"+f.namespace+"/app-config configured")
	})
	if err := f.cluster.Client.Delete(t.Context(), f.configMap("app-config")); err != nil {
		t.Fatal(err)
	}
	f.eventually("the object is made again", func() bool { return f.configMap("app-config") != nil })
	f.await("app", "all is well", func(hr *helmv2.HelmRelease) bool {
		return conditions.IsReady(hr) && conditions.IsFalse(hr, helmv2.DriftedCondition)
	})
	f.checkRevisions("app", "1 deployed")
	f.change(func(hr *helmv2.HelmRelease) { hr.Spec.DriftDetection.Mode = helmv2.DriftDetectionWarn })
	f.await("app", "the change is seen", func(hr *helmv2.HelmRelease) bool { return hr.Status.ObservedGeneration == hr.Generation })
	edit("again")
	f.await("app", "the drift is shown", func(hr *helmv2.HelmRelease) bool { return conditions.IsTrue(hr, helmv2.DriftedCondition) })
	if got := f.configMap("app-config").Data["value"]; got != "again" {
		t.Error("a warning corrects nothing")
	}
	f.change(func(hr *helmv2.HelmRelease) { hr.Spec.DriftDetection = nil })
	f.await("app", "the condition is gone", func(hr *helmv2.HelmRelease) bool { return conditions.Get(hr, helmv2.DriftedCondition) == nil })
}

func TestImpersonation(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.publish(chart("1.0.0", nil))
	f.cluster.ServiceAccount(t, f.namespace, "deployer", testkit.Rule("", "secrets"))
	f.create("app", func(hr *helmv2.HelmRelease) { hr.Spec.ServiceAccountName = "deployer" })
	hr := f.awaitStalled(helmv2.RetriesExceededReason)
	if got := conditions.GetMessage(hr, meta.ReadyCondition); !strings.Contains(got, "forbidden") {
		t.Errorf("message: %s", got)
	}
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "deployer"}, Rules: []rbacv1.PolicyRule{testkit.Rule("", "secrets", "configmaps")}}
	if err := f.cluster.Client.Update(t.Context(), role); err != nil {
		t.Fatal(err)
	}
	f.eventually("the rights have arrived and it is installed", func() bool {
		f.request(fmt.Sprint(len(f.revisions("app")), f.get().ResourceVersion), helmv2.ResetRequestAnnotation)
		return conditions.IsReady(f.get())
	})
	// Without its account nothing can be uninstalled, and the object must not hang.
	if err := f.cluster.Client.Delete(t.Context(), &corev1.ServiceAccount{ObjectMeta: role.ObjectMeta}); err != nil {
		t.Fatal(err)
	}
	f.remove()
	if f.configMap("app-config") == nil {
		t.Error("the release stays behind")
	}
}

// TestUninstallBlocked holds the row of section 19 about a finalizer that keeps an object of the release.
func TestUninstallBlocked(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.publish(chart("1.0.0", map[string]string{"templates/held.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: held, finalizers: [example.com/hold]}\n"}))
	f.create("app", func(hr *helmv2.HelmRelease) {
		hr.Spec.Uninstall = &helmv2.Uninstall{Timeout: &metav1.Duration{Duration: 300 * time.Millisecond}}
	})
	f.awaitRevision("app", 1)
	if err := f.cluster.Client.Delete(t.Context(), f.get()); err != nil {
		t.Fatal(err)
	}
	f.await("app", "it is tried again", func(hr *helmv2.HelmRelease) bool { return hr.Status.Failures > 1 })
	f.awaitReason("app", helmv2.UninstallFailedReason)
	f.checkRevisions("app", "1 uninstalling")
	held := f.configMap("held")
	base := held.DeepCopy()
	held.Finalizers = nil
	if err := f.cluster.Client.Patch(t.Context(), held, client.MergeFrom(base)); err != nil {
		t.Fatal(err)
	}
	f.awaitGone("app")
	f.checkRevisions("app")
}
