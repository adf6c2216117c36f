// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"fmt"
	"strings"
	"testing"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/testkit"
)

func (f *fixture) awaitGone(name string) {
	f.t.Helper()
	f.kustomizations.AwaitGone(f.t, name)
}

func TestDeletion(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason string
		edit   func(*kustomizev1.Kustomization)
		stays  bool
	}{
		"Prune":       {reason: "An object that prunes takes its objects with it.", edit: func(*kustomizev1.Kustomization) {}},
		"NoPrune":     {reason: "One that does not leaves them.", edit: func(ks *kustomizev1.Kustomization) { ks.Spec.Prune = false }, stays: true},
		"Orphan":      {reason: "The policy Orphan leaves them.", edit: func(ks *kustomizev1.Kustomization) { ks.Spec.DeletionPolicy = "Orphan" }, stays: true},
		"Delete":      {reason: "The policy Delete takes them even without prune.", edit: func(ks *kustomizev1.Kustomization) { ks.Spec.Prune, ks.Spec.DeletionPolicy = false, "Delete" }},
		"Termination": {reason: "The policy WaitForTermination waits until they are gone.", edit: func(ks *kustomizev1.Kustomization) { ks.Spec.DeletionPolicy = "WaitForTermination" }},
		"Suspended":   {reason: "A suspended object leaves them.", edit: func(ks *kustomizev1.Kustomization) { ks.Spec.Suspend = true }, stays: true},
	}
	f := newFixture(t)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := f.in(t)
			f.revisions = len(name)
			revision := f.push(map[string]string{"a.yaml": f.manifest("a", "1")})
			f.create("app", "", nil)
			f.awaitReady("app", revision)
			f.change(tc.edit)
			f.remove("app")
			if got := f.configMap("a") != nil; got != tc.stays {
				t.Errorf("%s\nobject is there: %v", tc.reason, got)
			}
		})
	}
}

func TestDeletionWithoutAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.cluster.ServiceAccount(t, f.namespace, "deployer", testkit.Rule("", "configmaps"))
	revision := f.push(map[string]string{"a.yaml": f.manifest("a", "1")})
	f.create("app", "", func(ks *kustomizev1.Kustomization) { ks.Spec.ServiceAccountName = "deployer" })
	f.awaitReady("app", revision)
	f.change(func(ks *kustomizev1.Kustomization) { ks.Spec.ServiceAccountName = "nobody" })
	f.remove("app")
	if f.configMap("a") == nil {
		t.Error("without the account that would delete them the objects are left behind, and the Kustomization does not hang")
	}
}

func TestSuspend(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.push(map[string]string{"a.yaml": f.manifest("a", "1")})
	f.create("app", "", nil)
	f.awaitReady("app", first)
	f.change(func(ks *kustomizev1.Kustomization) {
		ks.Spec.Suspend = true
		ks.Annotations = map[string]string{meta.ReconcileRequestAnnotation: "while suspended"}
	})
	f.await("app", "the request is confirmed", func(ks *kustomizev1.Kustomization) bool {
		return ks.Status.LastHandledReconcileAt == "while suspended" && ks.Status.ObservedGeneration == ks.Generation
	})
	second := f.push(map[string]string{"a.yaml": f.manifest("a", "2")})
	f.change(func(ks *kustomizev1.Kustomization) { ks.Annotations[meta.ReconcileRequestAnnotation] = "again" })
	f.await("app", "the second request is confirmed", func(ks *kustomizev1.Kustomization) bool { return ks.Status.LastHandledReconcileAt == "again" })
	if got := f.configMap("a").Data["value"]; got != "1" {
		t.Errorf("a suspended object was applied: %s", got)
	}
	f.change(func(ks *kustomizev1.Kustomization) { ks.Spec.Suspend = false })
	f.awaitReady("app", second)
}

func TestDependsOn(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "--requeue-dependency=1h")
	files := map[string]string{}
	for i := range 4 {
		files[fmt.Sprintf("s%d/a.yaml", i)] = f.manifest(fmt.Sprintf("s%d", i), "1")
	}
	revision := f.push(files)
	// Created back to front, so that every one but the last has to wait, with a retry so long that only a wake-up can help.
	for i := 3; i >= 0; i-- {
		f.create(fmt.Sprintf("s%d", i), fmt.Sprintf("s%d", i), func(ks *kustomizev1.Kustomization) {
			if i > 0 {
				ks.Spec.DependsOn = []meta.DependencyReference{{Name: fmt.Sprintf("s%d", i-1)}}
			}
		})
	}
	f.awaitReady("s3", revision)
	second := f.push(files)
	for i := range 4 {
		f.awaitReady(fmt.Sprintf("s%d", i), second)
	}
}

func TestSourceAppearsLater(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "--requeue-dependency=1h")
	f.create("app", "", nil)
	f.awaitReason("app", kustomizev1.ArtifactFailedReason)
	revision := f.push(map[string]string{"a.yaml": f.manifest("a", "1")})
	f.awaitReady("app", revision)
}

func waitsForHealth(ks *kustomizev1.Kustomization) bool {
	return conditions.Has(ks, kustomizev1.HealthyCondition) && conditions.IsUnknown(ks, kustomizev1.HealthyCondition)
}

func TestHealth(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	deployment := `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: ` + f.namespace + `},
spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}}}`
	first := f.push(map[string]string{"web.yaml": deployment, "a.yaml": f.manifest("a", "1")})
	f.create("app", "", func(ks *kustomizev1.Kustomization) { ks.Spec.Wait = true })
	waits := func(revision string) {
		t.Helper()
		f.await("app", "it waits for "+revision, func(ks *kustomizev1.Kustomization) bool {
			return waitsForHealth(ks) && ks.Status.LastAttemptedRevision == revision && conditions.IsReconciling(ks)
		})
	}
	waits(first)
	// A newer revision ends the wait for the older one at once.
	second := f.push(map[string]string{"web.yaml": deployment, "a.yaml": f.manifest("a", "2")})
	waits(second)
	f.eventually("the newer revision is applied", func() bool { return f.configMap("a").Data["value"] == "2" })
	f.roll("web")
	ks := f.awaitReady("app", second)
	if !conditions.IsTrue(ks, kustomizev1.HealthyCondition) {
		t.Errorf("Healthy must be True: %+v", ks.Status.Conditions)
	}
}

// TestRestart stops the controller while it waits for health, and starts another: the wait goes on and nothing is applied again.
func TestRestart(t *testing.T) {
	t.Parallel()
	f := newIdleFixture(t)
	p := f.start()
	deployment := `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: ` + f.namespace + `},
spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}}}`
	revision := f.push(map[string]string{"web.yaml": deployment, "a.yaml": f.manifest("a", "1")})
	f.create("app", "", func(ks *kustomizev1.Kustomization) { ks.Spec.Wait = true })
	waiting := f.await("app", "it waits", func(ks *kustomizev1.Kustomization) bool {
		return waitsForHealth(ks)
	})
	before := f.configMap("a").ResourceVersion
	p.Stop()
	f.start()
	f.roll("web")
	ks := f.awaitReady("app", revision)
	if got := f.configMap("a").ResourceVersion; got != before {
		t.Error("an object that is as it should be was written again after the restart")
	}
	if len(ids(ks)) != len(ids(waiting)) {
		t.Errorf("inventory changed by the restart: %v, was %v", ids(ks), ids(waiting))
	}
}

// TestWatchedConfig changes variables in a ConfigMap that carries the watch label: the objects that take them follow at once.
func TestWatchedConfig(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.push(map[string]string{"a.yaml": f.manifest("a", "${size}")})
	f.create("app", "", func(ks *kustomizev1.Kustomization) {
		ks.Spec.PostBuild = &kustomizev1.PostBuild{SubstituteFrom: []kustomizev1.SubstituteReference{{Kind: "ConfigMap", Name: "vars"}}}
	})
	f.awaitReason("app", kustomizev1.BuildFailedReason)
	vars := testkit.ConfigMap(f.namespace, "vars", map[string]string{"size": "small"})
	vars.Labels = map[string]string{"reconcile.fluxcd.io/watch": "Enabled"}
	f.cluster.Create(t, vars)
	f.eventually("the object appears with its variables", func() bool { a := f.configMap("a"); return a != nil && a.Data["value"] == "small" })
	vars.Data["size"] = "large"
	if err := f.cluster.Client.Update(t.Context(), vars); err != nil {
		t.Fatal(err)
	}
	f.eventually("the change follows", func() bool { return f.configMap("a").Data["value"] == "large" })
}

// TestEvents looks at what the notification address is told, and that the API server is not told twice.
func TestEvents(t *testing.T) {
	t.Parallel()
	sink := testkit.NewEventSink(t)
	f := newFixture(t, "--events-addr="+sink.URL)
	revision := f.push(map[string]string{"a.yaml": f.manifest("a", "1")})
	f.create("app", "", nil)
	f.awaitReady("app", revision)
	applied := sink.Wait(t, func(e eventv1.Event) bool {
		return e.InvolvedObject.Name == "app" && e.Message == "ConfigMap/"+f.namespace+"/a created"
	})
	if applied.Severity != eventv1.EventSeverityInfo || applied.Reason != meta.ProgressingReason || applied.Metadata[kustomizev1.RevisionMetadataKey] != revision {
		t.Errorf("event of the change: %+v", applied)
	}
	done := sink.Wait(t, func(e eventv1.Event) bool { return strings.HasPrefix(e.Message, "Reconciliation finished in ") })
	if done.Reason != kustomizev1.ReconciliationSucceededReason || done.Metadata[kustomizev1.CommitStatusMetadataKey] != "update" ||
		!strings.HasSuffix(done.Message, ", next run in 1h0m0s") || done.ReportingController != "kustomize-controller" {
		t.Errorf("event of success: %+v", done)
	}
	f.push(map[string]string{"a.yaml": "a: b: c"})
	failure := sink.Wait(t, func(e eventv1.Event) bool { return e.Severity == eventv1.EventSeverityError })
	if failure.Reason != kustomizev1.BuildFailedReason || !strings.Contains(failure.Message, "a.yaml") {
		t.Errorf("event of failure: %+v", failure)
	}
}
