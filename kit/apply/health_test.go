// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/weir-gitops/weir/kit/testkit"
)

const workload = `apiVersion: apps/v1
kind: $KIND
metadata: {name: app, namespace: $NS}
spec:
  replicas: 1
  selector: {matchLabels: {app: x}}
  template:
    metadata: {labels: {app: x}, annotations: {rev: "REV"}}
    spec: {containers: [{name: c, image: "i:1"}]}`

func deployment(rev string) string {
	return strings.NewReplacer("$KIND", "Deployment", "REV", rev).Replace(workload)
}

// setStatus plays the controller of an object.
func (r *rig) setStatus(t *testing.T, gvr schema.GroupVersionResource, name string, status map[string]any) {
	t.Helper()
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.dynamic.Resource(gvr).Namespace(r.ns).
		Patch(t.Context(), name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "kube-controller-manager"}, "status")
	if err != nil {
		t.Fatal(err)
	}
}

func deployments() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
}

func deployed(generation int) map[string]any {
	return map[string]any{
		"observedGeneration": generation, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1,
		"conditions": []any{
			map[string]any{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
			map[string]any{"type": "Available", "status": "True"},
		},
	}
}

func (r *rig) health(t *testing.T, o Owner, set HealthSet) Health {
	t.Helper()
	h, err := r.Health(t.Context(), r.clients, o, set)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestHealthOfWorkload(t *testing.T) {
	r := newRig(t)
	o := r.owner("app")
	manifests := func(rev string) string { return deployment(rev) + "\n---\n" + configMaps(3, rev) }
	p := r.reconcile(t, o, nil, manifests("1"))
	if p.err != nil {
		t.Fatal(p.err)
	}
	set := HealthSet{Entries: p.plan.HealthEntries(), FailFast: true}
	h := r.health(t, o, set)
	if diff := cmp.Diff("timeout waiting for: [Deployment/"+r.ns+"/app status: 'InProgress']", errText(h.Err(true))); diff != "" || h.Current != 3 {
		t.Errorf("health after creation (-want +got):\n%s%+v", diff, h)
	}
	r.setStatus(t, deployments(), "app", deployed(1))
	r.wake(t, o)
	if h = r.health(t, o, set); !h.AllCurrent() {
		t.Fatalf("health after the rollout: %+v", h)
	}

	// A change: what the watch still shows of the old generation must not pass for healthy.
	r.counter.take()
	p = r.reconcile(t, o, p.inventory(), manifests("2"))
	if p.err != nil {
		t.Fatal(p.err)
	}
	if h = r.health(t, o, set); h.AllCurrent() {
		t.Fatal("healthy before the change was rolled out")
	}
	r.setStatus(t, deployments(), "app", deployed(2))
	r.wake(t, o)
	if h = r.health(t, o, set); !h.AllCurrent() {
		t.Fatalf("health after the second rollout: %+v", h)
	}
	if diff := cmp.Diff(map[string]int{"dry-run": 4, "apply": 4}, r.counter.take()); diff != "" {
		t.Errorf("requests of a change with health (-want +got):\n%s", diff)
	}
	if r.Drifted(o) {
		t.Error("a status counts as drift")
	}

	// The third rollout fails.
	if p = r.reconcile(t, o, p.inventory(), manifests("3")); p.err != nil {
		t.Fatal(p.err)
	}
	r.health(t, o, set)
	status := deployed(3)
	status["conditions"] = []any{map[string]any{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}}
	r.setStatus(t, deployments(), "app", status)
	r.wake(t, o)
	h = r.health(t, o, set)
	if !h.Terminal(true) {
		t.Fatalf("a failed rollout is not terminal: %+v", h)
	}
	if diff := cmp.Diff("failed early due to stalled resources: [Deployment/"+r.ns+"/app status: 'Failed']", errText(h.Err(false))); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	r.setStatus(t, deployments(), "app", deployed(3))
	r.wake(t, o) // it heals without a new revision
}

func TestHealthChecksOfOthers(t *testing.T) {
	r := newRig(t)
	o := r.owner("app")
	missing := NewEntry(schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, r.ns, "app")
	secret := NewEntry(schema.GroupVersionKind{Version: "v1", Kind: "Secret"}, r.ns, "s")
	unknown := NewEntry(schema.GroupVersionKind{Group: "none.example.com", Version: "v1", Kind: "Thing"}, r.ns, "x")
	set := HealthSet{Entries: []Entry{missing, secret}}
	h := r.health(t, o, set)
	want := "timeout waiting for: [Deployment/$NS/app status: 'NotFound', Secret/$NS/s status: 'NotFound']"
	if diff := cmp.Diff(strings.ReplaceAll(want, "$NS", r.ns), errText(h.Err(true))); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	if h.Terminal(true) || h.Err(false) != nil {
		t.Error("NotFound counts as failed")
	}
	other := r.reconcile(t, r.owner("other"), nil, deployment("1"))
	if other.err != nil {
		t.Fatal(other.err)
	}
	r.setStatus(t, deployments(), "app", deployed(1))
	_, err := r.admin.CoreV1().Secrets(r.ns).Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r.wake(t, o)
	if h = r.health(t, o, set); !h.AllCurrent() || h.Recheck != 0 {
		t.Errorf("health: %+v", h)
	}

	h = r.health(t, o, HealthSet{Entries: []Entry{unknown}})
	want = "timeout waiting for: [Thing/$NS/x status: 'Unknown': no matches for kind \"Thing\" in group \"none.example.com\"]"
	if diff := cmp.Diff(strings.ReplaceAll(want, "$NS", r.ns), errText(h.Err(true))); diff != "" || h.Recheck == 0 {
		t.Errorf("unknown kind (-want +got):\n%s%v", diff, h.Recheck)
	}

	// A tenant must not learn about what its account cannot read.
	h, err = r.Health(t.Context(), r.impersonate(t, "tenant"), r.owner("tenant"), set)
	if err != nil || h.Current > 0 || !strings.Contains(errText(h.Err(true)), "cannot get resource") {
		t.Errorf("health for an account without rights: %+v %v", h, err)
	}
}

// allow gives an account all rights in the namespace of the rig, or takes them away.
func (r *rig) allow(t *testing.T, account string, yes bool) {
	t.Helper()
	bindings := r.admin.RbacV1().RoleBindings(r.ns)
	if !yes {
		if err := bindings.Delete(t.Context(), account, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		return
	}
	_, err := bindings.Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: account},
		RoleRef:    rbacv1.RoleRef{Kind: "ClusterRole", Name: "cluster-admin", APIGroup: rbacv1.GroupName},
		Subjects:   []rbacv1.Subject{{Kind: "User", Name: "system:serviceaccount:" + r.ns + ":" + account, APIGroup: rbacv1.GroupName}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

func TestHealthAfterRightsAreLost(t *testing.T) {
	r := newRig(t)
	if p := r.reconcile(t, r.owner("other"), nil, configMaps(1, "x")); p.err != nil {
		t.Fatal(p.err)
	}
	tenant, o := r.impersonate(t, "tenant"), r.owner("tenant")
	set := HealthSet{Entries: []Entry{NewEntry(schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}, r.ns, "cm-00")}}
	current := func(want int) func() bool {
		return func() bool {
			h, err := r.Health(t.Context(), tenant, o, set)
			if err != nil {
				t.Fatal(err)
			}
			return h.Current == want && (h.Recheck == 0 || want == 0)
		}
	}
	r.allow(t, "tenant", true)
	testkit.Eventually(t, "the account may look, and a watch answers", current(1))
	r.allow(t, "tenant", false)
	testkit.Eventually(t, "a new wait tells nothing without rights", current(0))
}

func TestSpotsEndWithTheWatchOfTheKind(t *testing.T) {
	r := newRig(t)
	o := r.owner("app")
	p := r.reconcile(t, o, nil, deployment("1"))
	if p.err != nil {
		t.Fatal(p.err)
	}
	set := HealthSet{Entries: p.plan.HealthEntries()}
	k, err := parseEntries(set.Entries)
	if err != nil {
		t.Fatal(err)
	}
	r.health(t, o, set)
	// As if the list of full objects had taken too long.
	a := r.ledger.open(o)
	a.mu.Lock()
	a.spots[k[0].id] = true
	a.mu.Unlock()
	target, err := r.clients.anyTarget(k[0].gvk())
	if err != nil {
		t.Fatal(err)
	}
	r.hub.Spot(o.key(), target, k[0].id, nil)
	testkit.Eventually(t, "the single watch ends", func() bool {
		r.health(t, o, set)
		_, open := r.hub.SpotStatus(o.key(), k[0].id)
		return !open && !a.spotted(k[0].id)
	})
}

func TestHealthOfJobs(t *testing.T) {
	r := newRig(t)
	o := r.owner("app")
	const job = `apiVersion: batch/v1
kind: Job
metadata: {name: NAME, namespace: $NS}
spec:
  ttlSecondsAfterFinished: 1
  template: {spec: {restartPolicy: Never, containers: [{name: c, image: "i:1"}]}}`
	manifests := strings.ReplaceAll(job, "NAME", "one") + "\n---\n" +
		strings.ReplaceAll(strings.ReplaceAll(job, "NAME", "two"), "  ttlSecondsAfterFinished: 1\n", "")
	p := r.reconcile(t, o, nil, manifests)
	if p.err != nil {
		t.Fatal(p.err)
	}
	set := HealthSet{Entries: p.plan.HealthEntries(), TTLJobs: p.plan.set.TTLJobs()}
	if h := r.health(t, o, set); len(h.Pending) != 2 {
		t.Fatalf("health of running jobs: %+v", h)
	}
	r.caughtUp(t, r.Engine, o)
	// The TTL controller removes the finished one.
	err := r.admin.BatchV1().Jobs(r.ns).Delete(t.Context(), "one", metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationBackground)})
	if err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the vanished job counts as success", func() bool { return r.health(t, o, set).Current == 1 })
	r.quiet(t) // and it is not put back before the next regular pass
	r.setStatus(t, schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}, "two", map[string]any{
		"startTime": "2026-01-01T00:00:00Z", "failed": 1,
		"conditions": []any{
			map[string]any{"type": "FailureTarget", "status": "True"},
			map[string]any{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"},
		},
	})
	r.wake(t, o)
	h := r.health(t, o, set)
	if diff := cmp.Diff("failed early due to stalled resources: [Job/"+r.ns+"/two status: 'Failed']", errText(h.Err(false))); diff != "" || !h.Terminal(false) {
		t.Errorf("text (-want +got):\n%s%+v", diff, h)
	}
}

func TestHealthOfPods(t *testing.T) {
	r := newRig(t)
	o := r.owner("app")
	p := r.reconcile(t, o, nil, strings.ReplaceAll(workload, "$KIND", "StatefulSet"))
	if p.err != nil {
		t.Fatal(p.err)
	}
	set := HealthSet{Entries: p.plan.HealthEntries(), FailFast: true}
	if h := r.health(t, o, set); len(h.Pending) != 1 || h.Recheck == 0 {
		t.Fatalf("health: %+v", h)
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "app-0", Labels: map[string]string{"app": "x"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i:1"}}, ServiceAccountName: "default"},
	}
	sa := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	if _, err := r.admin.CoreV1().ServiceAccounts(r.ns).Create(t.Context(), sa, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.admin.CoreV1().Pods(r.ns).Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	r.setStatus(t, schema.GroupVersionResource{Version: "v1", Resource: "pods"}, "app-0", map[string]any{
		"phase":      "Running",
		"conditions": []any{map[string]any{"type": "Ready", "status": "False"}},
		"containerStatuses": []any{map[string]any{
			"name": "c", "image": "i:1", "imageID": "", "restartCount": 3, "ready": false,
			"state": map[string]any{"waiting": map[string]any{"reason": "CrashLoopBackOff"}},
		}},
	})
	h := r.health(t, o, set)
	if diff := cmp.Diff("failed early due to stalled resources: [StatefulSet/"+r.ns+"/app status: 'Failed']", errText(h.Err(false))); diff != "" {
		t.Errorf("text (-want +got):\n%s%+v", diff, h)
	}
}

func TestHealthExpressions(t *testing.T) {
	r := newRig(t)
	o := r.owner("app")
	exprs, err := CompileExpressions([]kustomize.CustomHealthCheck{{
		APIVersion: r.ns + ".example.com/v9",
		HealthCheckExpressions: kustomize.HealthCheckExpressions{
			Current: "spec.phase == 'ready'", Failed: "spec.phase == 'broken'",
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	manifests := func(phase string) string {
		return crd("Widget", "Namespaced") + "\n---\n" +
			"apiVersion: $NS.example.com/v1\nkind: Widget\nmetadata: {name: w, namespace: $NS}\nspec: {phase: " + phase + "}"
	}
	p, _ := r.settle(t, o, nil, manifests("starting"))
	if p.err != nil {
		t.Fatal(p.err)
	}
	set := HealthSet{Entries: p.plan.HealthEntries(), Exprs: exprs, FailFast: true}
	var h Health
	testkit.Eventually(t, "the definition is current", func() bool {
		h = r.health(t, o, set)
		return h.Current == 1
	})
	if diff := cmp.Diff("timeout waiting for: [Widget/"+r.ns+"/w status: 'InProgress']", errText(h.Err(true))); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	for phase, want := range map[string]string{"broken": "failed early due to stalled resources: [Widget/" + r.ns + "/w status: 'Failed']", "ready": ""} {
		p, _ = r.settle(t, o, p.inventory(), manifests(phase))
		if p.err != nil {
			t.Fatal(p.err)
		}
		testkit.Eventually(t, phase, func() bool {
			h = r.health(t, o, set)
			return h.Terminal(true) && errText(h.Err(false)) == want
		})
	}
}

func TestCompileExpressions(t *testing.T) {
	check := func(apiVersion, kind, current string) kustomize.CustomHealthCheck {
		return kustomize.CustomHealthCheck{
			APIVersion: apiVersion, Kind: kind,
			HealthCheckExpressions: kustomize.HealthCheckExpressions{Current: current},
		}
	}
	cases := map[string]struct {
		reason string
		checks []kustomize.CustomHealthCheck
		bad    bool
	}{
		"None":      {"nothing to compile is fine", nil, false},
		"Both":      {"a group and a kind of it may be given", []kustomize.CustomHealthCheck{check("a/v1", "", "true"), check("a/v1", "B", "true")}, false},
		"Duplicate": {"the version does not tell kinds apart", []kustomize.CustomHealthCheck{check("a/v1", "B", "true"), check("a/v2", "B", "true")}, true},
		"Syntax":    {"an expression has to parse", []kustomize.CustomHealthCheck{check("a/v1", "B", "status.(")}, true},
		"Limited":   {"an expression has the limits of all others", []kustomize.CustomHealthCheck{check("a/v1", "B", "[1].all(a, [1].all(b, [1].all(c, true)))")}, true},
		"Missing":   {"current is required", []kustomize.CustomHealthCheck{check("a/v1", "B", "")}, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := CompileExpressions(tc.checks); (err != nil) != tc.bad {
				t.Errorf("%s: %v", tc.reason, err)
			}
		})
	}
	exprs, err := CompileExpressions([]kustomize.CustomHealthCheck{check("a/v1", "", "true"), check("a/v1", "B", "false")})
	if err != nil {
		t.Fatal(err)
	}
	if exprs.find(schema.GroupKind{Group: "a", Kind: "B"}).Rule() == exprs.find(schema.GroupKind{Group: "a", Kind: "C"}).Rule() {
		t.Error("the entry for the kind does not beat the one for the group")
	}
	if exprs.find(schema.GroupKind{Group: "b", Kind: "B"}) != nil {
		t.Error("another group has rules")
	}
}

// TestJudge holds the order of the rules of an entry: the generation, then inProgress, failed and current.
func TestJudge(t *testing.T) {
	const inProgress, failed, current = "spec.state == 'busy'", "spec.state in ['busy', 'broken']", "spec.state != 'new'"
	cases := map[string]struct {
		reason, state string
		status        map[string]any
		want          status.Status
		fails         bool
	}{
		"InProgress": {reason: "inProgress goes first.", state: "busy", want: status.InProgressStatus},
		"Failed":     {reason: "Then failed.", state: "broken", want: status.FailedStatus},
		"Current":    {reason: "Then current.", state: "up", want: status.CurrentStatus},
		"None":       {reason: "While nothing holds it is in progress.", state: "new", want: status.InProgressStatus},
		"Behind":     {reason: "A status about an earlier generation says nothing.", state: "up", status: map[string]any{"observedGeneration": int64(1)}, want: status.InProgressStatus},
		"Observed":   {reason: "One about this generation does.", state: "up", status: map[string]any{"observedGeneration": int64(2)}, want: status.CurrentStatus},
		"NoNumber":   {reason: "What is no number is not looked at.", state: "up", status: map[string]any{"observedGeneration": "one"}, want: status.CurrentStatus},
		"Error":      {reason: "An expression that fails is an error of the object.", state: "", fails: true},
	}
	exprs, err := CompileExpressions([]kustomize.CustomHealthCheck{{
		APIVersion:             "a/v1",
		HealthCheckExpressions: kustomize.HealthCheckExpressions{InProgress: inProgress, Failed: failed, Current: current},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			u := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"generation": int64(2)}, "spec": map[string]any{}, "status": tc.status}}
			if tc.state != "" {
				u.Object["spec"] = map[string]any{"state": tc.state}
			}
			got, err := exprs.find(schema.GroupKind{Group: "a", Kind: "B"}).Evaluate(t.Context(), u)
			if (err != nil) != tc.fails || err == nil && got.Status != tc.want {
				t.Errorf("%s got %+v, %v, want %s", tc.reason, got, err, tc.want)
			}
		})
	}
}

func TestHealthAfterRestart(t *testing.T) {
	r := newRig(t)
	o := r.owner("app")
	p := r.reconcile(t, o, nil, deployment("1")+"\n---\n"+configMaps(1, "x"))
	if p.err != nil {
		t.Fatal(p.err)
	}
	set := HealthSet{Entries: p.plan.HealthEntries()}
	restarted := r.start(t) // knows nothing, and nothing was planned yet
	check := func() Health {
		t.Helper()
		h, err := restarted.Health(t.Context(), r.clients, o, set)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	if h := check(); h.Current != 1 || len(h.Pending) != 1 {
		t.Fatalf("health: %+v", h)
	}
	r.setStatus(t, deployments(), "app", deployed(1))
	r.wake(t, o)
	if h := check(); !h.AllCurrent() {
		t.Fatalf("health after the rollout: %+v", h)
	}
}
