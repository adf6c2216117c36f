// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/testkit"
)

// The tests here are the rows of the contract's table "Bad input → observable result" that take more than one step.

// awaitMessage waits until the Ready condition has the reason, and a message that contains the text.
func (f *fixture) awaitMessage(name, reason, text string) *kustomizev1.Kustomization {
	f.t.Helper()
	return f.await(name, name+" says "+text, func(ks *kustomizev1.Kustomization) bool {
		return conditions.GetReason(ks, meta.ReadyCondition) == reason && strings.Contains(conditions.GetMessage(ks, meta.ReadyCondition), text)
	})
}

// TestTogether is rows 2 and 3: what is applied together with its source may be looked at first. Its condition follows what there is of the
// source, but nobody is told of a fault: there is none.
func TestTogether(t *testing.T) {
	t.Parallel()
	sink := testkit.NewEventSink(t)
	f := newIdleFixture(t)
	p := f.start("--events-addr="+sink.URL, "--requeue-dependency=1h")
	f.create("app", "", nil)
	f.awaitMessage("app", kustomizev1.ArtifactFailedReason, `"fleet" not found`)
	f.publish(nil)
	f.awaitMessage("app", kustomizev1.ArtifactFailedReason, "Source artifact not found, retrying in 1h0m0s")
	revision := f.push(map[string]string{"a.yaml": f.manifest("a", "1")})
	f.awaitReady("app", revision)
	sink.Wait(t, func(e eventv1.Event) bool { return strings.HasPrefix(e.Message, "Reconciliation finished in ") })
	for _, e := range sink.Events() {
		if e.Severity == eventv1.EventSeverityError {
			t.Errorf("an alert about nothing: %+v", e)
		}
	}
	for _, e := range f.cluster.Events(t, f.namespace, "app") {
		if e.Type == corev1.EventTypeWarning {
			t.Errorf("a warning about nothing: %s", e.Message)
		}
	}
	if strings.Contains(p.Log.String(), "Reconciliation failed") {
		t.Error("the log tells of a failure")
	}
}

// TestRefusedByServer is row 1: what the schema forbids is not stored.
func TestRefusedByServer(t *testing.T) {
	t.Parallel()
	f := newIdleFixture(t)
	kubeConfig := map[string]any{"name": "x"}
	const oneOf = "exactly one of spec.kubeConfig.configMapRef or spec.kubeConfig.secretRef must be specified"
	cases := map[string]struct {
		reason string
		path   []string
		value  any
		want   string
	}{
		"Interval":      {reason: "A duration has a unit.", path: []string{"interval"}, value: "10", want: "spec.interval"},
		"RetryInterval": {reason: "So have all of them.", path: []string{"retryInterval"}, value: "1d", want: "spec.retryInterval"},
		"Timeout":       {reason: "Negative ones are none.", path: []string{"timeout"}, value: "-5s", want: "spec.timeout"},
		"SourceKind":    {reason: "A source is of a known kind.", path: []string{"sourceRef", "kind"}, value: "HelmRepository", want: "spec.sourceRef.kind"},
		"Policy":        {reason: "So is a policy.", path: []string{"deletionPolicy"}, value: "Never", want: "spec.deletionPolicy"},
		"NoPrune":       {reason: "Whether to prune has to be said.", path: []string{"prune"}, want: "spec.prune"},
		"BothConfigs":   {reason: "There is one remote cluster.", path: []string{"kubeConfig"}, value: map[string]any{"secretRef": kubeConfig, "configMapRef": kubeConfig}, want: oneOf},
		"NoConfig":      {reason: "And there is one.", path: []string{"kubeConfig"}, value: map[string]any{}, want: oneOf},
		"Namespace":     {reason: "A name has a length.", path: []string{"targetNamespace"}, value: strings.Repeat("x", 64), want: "spec.targetNamespace"},
		"Metadata":      {reason: "Notes are of a known kind.", path: []string{"buildMetadata"}, value: []any{"notes"}, want: "spec.buildMetadata"},
		"Substitute":    {reason: "So are sources of variables.", path: []string{"postBuild"}, value: map[string]any{"substituteFrom": []any{map[string]any{"kind": "Pod", "name": "x"}}}, want: "spec.postBuild.substituteFrom"},
		"Provider":      {reason: "And providers of keys.", path: []string{"decryption"}, value: map[string]any{"provider": "vault"}, want: "spec.decryption.provider"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			obj := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
				"interval": "1h", "prune": true, "sourceRef": map[string]any{"kind": "GitRepository", "name": "fleet"},
			}}}
			obj.SetGroupVersionKind(kustomizev1.GroupVersion.WithKind(kustomizev1.KustomizationKind))
			obj.SetNamespace(f.namespace)
			obj.SetName("refused")
			path := append([]string{"spec"}, tc.path...)
			if err := unstructured.SetNestedField(obj.Object, tc.value, path...); err != nil {
				t.Fatal(err)
			}
			if tc.value == nil {
				unstructured.RemoveNestedField(obj.Object, path...)
			}
			if err := f.cluster.Client.Create(t.Context(), obj, client.DryRunAll); !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s got %v", tc.reason, err)
			}
		})
	}
}

// TestSourceNotReady is row 4: a source that fails to fetch what is new still has what it fetched before.
func TestSourceNotReady(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	artifact := f.artifacts.Add(t, "main@sha1:old", map[string]string{"a.yaml": f.manifest("a", "1")})
	repo := &sourcev1.GitRepository{ObjectMeta: metav1.ObjectMeta{Name: "fleet"}}
	repo.Spec.URL, repo.Spec.Interval.Duration = "https://example.com/fleet", time.Hour
	sources := testkit.Kind[sourcev1.GitRepository, *sourcev1.GitRepository]{Cluster: f.cluster, Namespace: f.namespace}
	sources.Report(t, repo, func(o *sourcev1.GitRepository) {
		o.Status.Artifact = artifact
		conditions.MarkFalse(o, meta.ReadyCondition, "GitOperationFailed", "nobody answers")
		conditions.MarkStalled(o, "GitOperationFailed", "nobody answers")
	})
	f.create("app", "", nil)
	f.awaitReady("app", "main@sha1:old")
}

// TestAccounts is rows 42 and 43: an account without rights, one that does not exist, and one that does not exist but has bindings.
func TestAccounts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.cluster.ServiceAccount(t, f.namespace, "powerless")
	f.cluster.ServiceAccount(t, f.namespace, "bound", testkit.Rule("", "configmaps"))
	if err := f.cluster.Client.Delete(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "bound"}}); err != nil {
		t.Fatal(err)
	}
	revision := f.push(map[string]string{"a.yaml": f.manifest("a", "1")})
	for _, account := range []string{"powerless", "absent"} {
		f.create(account, "", func(ks *kustomizev1.Kustomization) { ks.Spec.ServiceAccountName = account })
		ks := f.awaitMessage(account, kustomizev1.ReconciliationFailedReason, "dry-run failed (Forbidden)")
		message := conditions.GetMessage(ks, meta.ReadyCondition)
		if !strings.Contains(message, "cannot patch resource") || !strings.Contains(message, "system:serviceaccount:"+f.namespace+":"+account) {
			t.Errorf("%s: the message has to say who may not do what: %s", account, message)
		}
		if f.configMap("a") != nil {
			t.Errorf("%s has no rights, and yet applied something", account)
		}
		f.remove(account)
	}
	f.create("bound", "", func(ks *kustomizev1.Kustomization) { ks.Spec.ServiceAccountName = "bound" })
	f.awaitReady("bound", revision)
}

// TestSuspendedDependency is row 54: a suspended dependency that is Ready will do, unless it is fed by the same source and has not applied the
// revision.
func TestSuspendedDependency(t *testing.T) {
	t.Parallel()
	f := newIdleFixture(t)
	p := f.start()
	dependsOnBase := func(ks *kustomizev1.Kustomization) {
		ks.Spec.DependsOn = []meta.DependencyReference{{Name: "base"}}
	}
	files := map[string]string{"base/a.yaml": f.manifest("base", "1"), "app/a.yaml": f.manifest("app", "1"), "other/a.yaml": f.manifest("other", "1")}
	first := f.push(files)
	f.create("base", "base", nil)
	f.awaitReady("base", first)
	suspend := func(to bool) {
		f.kustomizations.Change(t, "base", func(ks *kustomizev1.Kustomization) { ks.Spec.Suspend = to })
		f.await("base", "its new spec is seen", func(ks *kustomizev1.Kustomization) bool { return ks.Status.ObservedGeneration == ks.Generation })
	}
	suspend(true)
	if !strings.Contains(p.Log.String(), "Reconciliation is suspended for this object") {
		t.Error("the log does not say that nothing is done for a suspended object")
	}
	f.create("app", "app", dependsOnBase)
	f.awaitReady("app", first)

	second := f.push(files)
	ks := f.awaitMessage("app", kustomizev1.DependencyNotReadyReason, "dependency '"+f.namespace+"/base' revision is not up to date")
	if ks.Status.LastAppliedRevision != first {
		t.Errorf("applied %s before what it depends on", ks.Status.LastAppliedRevision)
	}
	other := &sourcev1.GitRepository{ObjectMeta: metav1.ObjectMeta{Name: "other"}}
	other.Spec.URL, other.Spec.Interval.Duration = "https://example.com/other", time.Hour
	sources := testkit.Kind[sourcev1.GitRepository, *sourcev1.GitRepository]{Cluster: f.cluster, Namespace: f.namespace}
	artifact := f.artifacts.Add(t, "main@sha1:other", files)
	sources.Report(t, other, func(o *sourcev1.GitRepository) { o.Status.Artifact = artifact })
	f.create("elsewhere", "other", func(ks *kustomizev1.Kustomization) {
		dependsOnBase(ks)
		ks.Spec.SourceRef.Name = "other"
	})
	f.awaitReady("elsewhere", "main@sha1:other")
	suspend(false)
	f.awaitReady("app", second)
}

// TestDependencyExpressionFails is row 56: a field that is not there yet may come.
func TestDependencyExpressionFails(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	revision := f.push(map[string]string{"base/a.yaml": f.manifest("base", "1"), "app/a.yaml": f.manifest("app", "1")})
	f.create("base", "base", nil)
	f.create("app", "app", func(ks *kustomizev1.Kustomization) {
		ks.Spec.DependsOn = []meta.DependencyReference{{Name: "base", ReadyExpr: "dep.metadata.annotations.open == 'yes'"}}
	})
	ks := f.awaitMessage("app", kustomizev1.DependencyNotReadyReason, "failed to evaluate the CEL expression")
	if conditions.IsStalled(ks) {
		t.Error("it must not stall")
	}
	f.kustomizations.Change(t, "base", func(ks *kustomizev1.Kustomization) {
		ks.Annotations = map[string]string{"open": "yes", meta.ReconcileRequestAnnotation: "now"}
	})
	f.kustomizations.Change(t, "app", func(ks *kustomizev1.Kustomization) {
		ks.Annotations = map[string]string{meta.ReconcileRequestAnnotation: "now"}
	})
	f.awaitReady("app", revision)
}

// roundTripper is a function that sends requests.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestDeletedWhileRunning is row 63: the run ends, and then everything that it applied goes.
func TestDeletedWhileRunning(t *testing.T) {
	t.Parallel()
	f := newIdleFixture(t)
	reached, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	f.config = rest.CopyConfig(f.config)
	f.config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/configmaps/b") && r.URL.Query().Get("dryRun") == "" {
				once.Do(func() { close(reached) })
				select {
				case <-release:
				case <-r.Context().Done():
				}
			}
			return next.RoundTrip(r)
		})
	})
	f.start()
	f.push(map[string]string{"a.yaml": f.manifest("a", "1"), "b.yaml": f.manifest("b", "1")})
	f.create("app", "", nil)
	select {
	case <-reached:
	case <-time.After(testkit.Patience):
		t.Fatal("nothing is applied")
	}
	if err := f.cluster.Client.Delete(t.Context(), f.get("app")); err != nil {
		t.Fatal(err)
	}
	if f.get("app").DeletionTimestamp.IsZero() {
		t.Error("the finalizer has to keep it while it is at work")
	}
	close(release)
	f.awaitGone("app")
	if f.configMap("a") != nil || f.configMap("b") != nil {
		t.Error("what the run applied was left behind")
	}
}

// TestFailedObject is row 59: an object that has failed ends the wait for health at once.
func TestFailedObject(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	revision := f.push(map[string]string{"web.yaml": `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: ` + f.namespace + `},
spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}}}`})
	f.create("app", "", func(ks *kustomizev1.Kustomization) { ks.Spec.Wait = true })
	f.await("app", "it waits", waitsForHealth)
	web := &appsv1.Deployment{}
	if err := f.cluster.Client.Get(t.Context(), client.ObjectKey{Namespace: f.namespace, Name: "web"}, web); err != nil {
		t.Fatal(err)
	}
	base := web.DeepCopy()
	web.Status = appsv1.DeploymentStatus{
		ObservedGeneration: web.Generation,
		Conditions:         []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded"}},
	}
	if err := f.cluster.Client.Status().Patch(t.Context(), web, client.MergeFrom(base)); err != nil {
		t.Fatal(err)
	}
	ks := f.awaitMessage("app", kustomizev1.HealthCheckFailedReason, "failed early due to stalled resources: [Deployment/"+f.namespace+"/web status: 'Failed']")
	if !strings.HasPrefix(conditions.GetMessage(ks, meta.ReadyCondition), "health check failed after ") || !conditions.IsFalse(ks, kustomizev1.HealthyCondition) ||
		ks.Status.LastAttemptedRevision != revision || ks.Status.LastAppliedRevision != "" || len(ids(ks)) != 1 {
		t.Errorf("status %+v", ks.Status)
	}
}

// TestNoDirectory is a disk that the controller cannot unpack to.
func TestNoDirectory(t *testing.T) {
	t.Parallel()
	f := newIdleFixture(t)
	dir := filepath.Join(t.TempDir(), "artifacts")
	f.start("--artifact-cache-path=" + dir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	revision := f.push(map[string]string{"a.yaml": f.manifest("a", "1")})
	f.create("app", "", nil)
	f.awaitMessage("app", kustomizev1.DirCreationFailedReason, "tmp dir error: ")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f.kustomizations.Request(t, "app")
	f.awaitReady("app", revision)
}

// TestForeignInventory is row 64: an id in the status that nobody can read is said, and nothing is applied or deleted on a guess.
func TestForeignInventory(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.push(map[string]string{"a.yaml": f.manifest("a", "1")})
	f.create("app", "", nil)
	ks := f.awaitReady("app", first)
	f.kustomizations.Report(t, ks, func(ks *kustomizev1.Kustomization) {
		ks.Status.Inventory.Entries = append(ks.Status.Inventory.Entries, kustomizev1.ResourceRef{ID: "nonsense", Version: "v1"})
	})
	// What answers a later change of the object has seen the earlier one, too.
	token := f.kustomizations.Request(t, "app")
	f.await("app", "the controller has seen the id", func(ks *kustomizev1.Kustomization) bool { return ks.Status.LastHandledReconcileAt == token })
	f.push(map[string]string{"a.yaml": f.manifest("a", "2")})
	f.awaitMessage("app", kustomizev1.ReconciliationFailedReason, "nonsense")
	if got := f.configMap("a"); got == nil || got.Data["value"] != "1" {
		t.Errorf("a is %v", got)
	}
}

// TestVariablesMissing is row 25: the object that asks for the variables is named, the revision counts as attempted, and an object that opts out
// needs none.
func TestVariablesMissing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	from := func(ks *kustomizev1.Kustomization) {
		ks.Spec.PostBuild = &kustomizev1.PostBuild{SubstituteFrom: []kustomizev1.SubstituteReference{{Kind: "ConfigMap", Name: "absent"}}}
	}
	out := strings.Replace(f.manifest("out", "${x}"), "metadata:\n", "metadata:\n  annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}\n", 1)
	revision := f.push(map[string]string{"in/a.yaml": f.manifest("in", "1"), "in/out.yaml": out, "out/out.yaml": out})
	f.create("app", "in", from)
	ks := f.awaitMessage("app", kustomizev1.BuildFailedReason, "post build failed for 'ConfigMap.v1.[noGrp]/in': substitute from 'ConfigMap/absent' error: ")
	if ks.Status.LastAttemptedRevision != revision || len(ks.Status.History) > 0 || f.configMap("in") != nil {
		t.Errorf("status %+v", ks.Status)
	}
	f.create("out", "out", from)
	f.awaitReady("out", revision)
	if got := f.configMap("out"); got.Data["value"] != "${x}" {
		t.Errorf("out is %v", got.Data)
	}
}
