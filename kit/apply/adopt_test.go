// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/ssa/jsondiff"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/weir-gitops/weir/kit/testkit"
)

// kubectlApply creates a ConfigMap the way client-side kubectl apply does.
func (r *rig) kubectlApply(t *testing.T, name string, annotations map[string]string) {
	t.Helper()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations["kubectl.kubernetes.io/last-applied-configuration"] = "{}"
	_, err := r.admin.CoreV1().ConfigMaps(r.ns).Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: annotations},
		Data:       map[string]string{"value": "old", "extra": "by hand"},
	}, metav1.CreateOptions{FieldManager: "kubectl-client-side-apply"})
	if err != nil {
		t.Fatal(err)
	}
}

func (r *rig) configMap(t *testing.T, name string) *corev1.ConfigMap {
	t.Helper()
	cm, err := r.admin.CoreV1().ConfigMaps(r.ns).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return cm
}

func TestAdopt(t *testing.T) {
	r := newRig(t)
	o := r.owner("app")
	r.kubectlApply(t, "cm-00", nil)
	before := r.configMap(t, "cm-00")
	p := r.reconcile(t, o, nil, configMaps(1, "new"))
	if p.err != nil || p.changes.Items[0].Action != Configured {
		t.Fatalf("%v %v", p.changes.Map(), p.err)
	}
	t.Logf("requests: %v", r.counter.take())
	after := r.configMap(t, "cm-00")
	if after.UID != before.UID {
		t.Error("the object was recreated")
	}
	if diff := cmp.Diff(map[string]string{"value": "new"}, after.Data); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
	if len(after.Annotations) > 0 {
		t.Errorf("annotations left: %v", after.Annotations)
	}
	if len(after.ManagedFields) != 1 || after.ManagedFields[0].Manager != testField {
		t.Errorf("managers: %v", after.ManagedFields)
	}

	// A later kubectl edit is taken over and undone as well; that of another manager stays.
	r.caughtUp(t, r.Engine, o)
	for manager, key := range map[string]string{"kubectl-edit": "edited", "operator": "operated"} {
		patch, err := json.Marshal(map[string]any{"data": map[string]string{key: "x"}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.admin.CoreV1().ConfigMaps(r.ns).
			Patch(t.Context(), "cm-00", types.MergePatchType, patch, metav1.PatchOptions{FieldManager: manager})
		if err != nil {
			t.Fatal(err)
		}
	}
	r.wake(t, o)
	if p = r.reconcile(t, o, p.inventory(), configMaps(1, "new")); p.err != nil {
		t.Fatal(p.err)
	}
	testkit.Eventually(t, "the edit is undone", func() bool {
		if p = r.reconcile(t, o, p.inventory(), configMaps(1, "new")); p.err != nil {
			t.Fatal(p.err)
		}
		return cmp.Equal(map[string]string{"value": "new", "operated": "x"}, r.configMap(t, "cm-00").Data)
	})
}

func TestMergeKeepsKubectlFields(t *testing.T) {
	r := newRig(t)
	r.kubectlApply(t, "cm-00", nil)
	o := r.owner("app")
	manifest := strings.ReplaceAll(configMaps(1, "new"), "namespace: $NS", "namespace: $NS, annotations: {kustomize.toolkit.fluxcd.io/ssa: merge}")
	p := r.reconcile(t, o, nil, manifest)
	if p.err != nil {
		t.Fatal(p.err)
	}
	after := r.configMap(t, "cm-00")
	if diff := cmp.Diff(map[string]string{"value": "new", "extra": "by hand"}, after.Data); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
	r.caughtUp(t, r.Engine, o)
	r.counter.take()
	if p = r.reconcile(t, o, p.inventory(), manifest); p.err != nil {
		t.Fatal(p.err)
	}
	if got := r.counter.take(); len(got) > 0 || r.Drifted(o) {
		t.Errorf("unchanged object with leftovers: requests %v, drifted %v", got, r.Drifted(o))
	}
}

func TestOptOuts(t *testing.T) {
	r := newRig(t)
	with := func(annotation string) string {
		return strings.ReplaceAll(configMaps(1, "new"), "namespace: $NS", "namespace: $NS, annotations: {kustomize.toolkit.fluxcd.io/"+annotation+"}")
	}
	cases := map[string]struct {
		reason   string
		live     map[string]string // nil: no live object
		manifest string
		want     Action
		data     string
	}{
		"DesiredDisabled": {"an object that opts out is not created", nil, with("reconcile: disabled"), Skipped, ""},
		"DesiredIgnore":   {"ssa: Ignore is the same", nil, with("ssa: Ignore"), Skipped, ""},
		"LiveDisabled":    {"the live object opts out", map[string]string{testGroup + "/reconcile": "DISABLED"}, configMaps(1, "new"), Skipped, "old"},
		"AbsentThenOnce":  {"ssa: IfNotPresent creates", nil, with("ssa: IfNotPresent"), Created, "new"},
		"PresentAlready":  {"ssa: IfNotPresent leaves what is there", map[string]string{"a": "b"}, with("ssa: IfNotPresent"), Skipped, "old"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			low := strings.ToLower(name)
			o := r.owner(low)
			if tc.live != nil {
				r.kubectlApply(t, low, tc.live)
			}
			manifest := strings.ReplaceAll(tc.manifest, "cm-00", low)
			p := r.reconcile(t, o, nil, manifest)
			if p.err != nil {
				t.Fatal(p.err)
			}
			if got := p.changes.Items[0].Action; got != tc.want {
				t.Errorf("%s: action %s", tc.reason, got)
			}
			if len(p.inventory()) != 1 {
				t.Errorf("%s: inventory %v", tc.reason, p.inventory())
			}
			if wantHealth := tc.want != Skipped; wantHealth != (len(p.plan.HealthEntries()) == 1) {
				t.Errorf("%s: health entries %v", tc.reason, p.plan.HealthEntries())
			}
			if tc.data == "" {
				if r.configMapExists(t, low) {
					t.Errorf("%s: it exists", tc.reason)
				}
				return
			}
			if got := r.configMap(t, low).Data["value"]; got != tc.data {
				t.Errorf("%s: data %s", tc.reason, got)
			}
			if tc.want == Created {
				r.caughtUp(t, r.Engine, o)
				r.counter.take()
				p = r.reconcile(t, o, p.inventory(), strings.ReplaceAll(manifest, "new", "newer"))
				if got := r.counter.take(); len(got) > 0 || p.changes.Items[0].Action != Skipped {
					t.Errorf("second pass: %v %v %v", p.changes.Map(), got, p.err)
				}
			}
		})
	}
}

func TestIgnore(t *testing.T) {
	r := newRig(t)
	const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: app, namespace: $NS}
spec:
  replicas: 2
  minReadySeconds: SECONDS
  selector: {matchLabels: {app: x}}
  template:
    metadata: {labels: {app: x}, creationTimestamp: null}
    spec: {containers: [{name: c, image: "i:1", ports: [{containerPort: 80}]}]}`
	ignoring := func(_ *PlanOptions, o *PrepareOptions) {
		o.Ignore = []IgnoreRule{
			{Paths: []string{"/spec/replicas"}},
			{Paths: []string{"/metadata/annotations/example.com~1x", "/spec/paused"}, Target: &jsondiff.Selector{Kind: "Deploy.*"}},
		}
	}
	o := r.owner("app")
	p := r.reconcile(t, o, nil, strings.ReplaceAll(deployment, "SECONDS", "1"), ignoring)
	if p.err != nil {
		t.Fatal(p.err)
	}
	deployments := r.admin.AppsV1().Deployments(r.ns)
	scale := func(to int) {
		t.Helper()
		patch, err := json.Marshal(map[string]any{"spec": map[string]any{"replicas": to, "paused": true}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := deployments.Patch(t.Context(), "app", types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "autoscaler"}); err != nil {
			t.Fatal(err)
		}
	}
	scale(5)
	r.wake(t, o) // a field of ours changed; that it is ignored turns out in the comparison
	p = r.reconcile(t, o, p.inventory(), strings.ReplaceAll(deployment, "SECONDS", "1"), ignoring)
	if p.err != nil || p.changes.Items[0].Action != Unchanged {
		t.Fatalf("only an ignored field changed: %v %v", p.changes.Map(), p.err)
	}
	p = r.reconcile(t, o, p.inventory(), strings.ReplaceAll(deployment, "SECONDS", "2"), ignoring)
	if p.err != nil || p.changes.Items[0].Action != Configured {
		t.Fatalf("another field changed: %v %v", p.changes.Map(), p.err)
	}
	live, err := deployments.Get(t.Context(), "app", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if *live.Spec.Replicas != 5 || live.Spec.MinReadySeconds != 2 || !live.Spec.Paused {
		t.Errorf("replicas %d, minReadySeconds %d, paused %v", *live.Spec.Replicas, live.Spec.MinReadySeconds, live.Spec.Paused)
	}

	p = r.reconcile(t, o, p.inventory(), strings.ReplaceAll(deployment, "SECONDS", "2"))
	if p.err != nil || p.changes.Items[0].Action != Configured {
		t.Fatalf("no longer ignored: %v %v", p.changes.Map(), p.err)
	}
	if live, err = deployments.Get(t.Context(), "app", metav1.GetOptions{}); err != nil || *live.Spec.Replicas != 2 {
		t.Errorf("replicas %d %v", *live.Spec.Replicas, err)
	}
}

func TestSkipIsNotToldWithoutRights(t *testing.T) {
	r := newRig(t)
	const optedOut = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: $NS, annotations: {kustomize.toolkit.fluxcd.io/ssa: IfNotPresent}}"
	if p := r.reconcile(t, r.owner("other"), nil, optedOut); p.err != nil {
		t.Fatal(p.err)
	}
	r.caughtUp(t, r.Engine, r.owner("other")) // what the watch does not show yet counts as absent, and is looked at again
	o := r.owner("app")
	plan := func(c Clients) *Plan {
		t.Helper()
		set, err := r.Prepare(o, r.objects(t, optedOut), PrepareOptions{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := r.Plan(t.Context(), c, o, set, nil, PlanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	nobody := r.impersonate(t, "nobody")
	if _, err := r.Apply(t.Context(), nobody, plan(nobody)); err == nil || !strings.Contains(err.Error(), "forbidden") {
		t.Errorf("an account without rights learns that an object of another owner exists: %v", err)
	}
	for range 2 {
		changes, err := r.Apply(t.Context(), r.clients, plan(r.clients))
		if err != nil || changes.Items[0].Action != Skipped {
			t.Errorf("not skipped: %v %v", changes.Map(), err)
		}
	}
	if !plan(r.clients).Empty() {
		t.Error("what the account was seen to be allowed to read is read again")
	}
}
