// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/weir-gitops/weir/kit/testkit"
)

func (r *rig) configMapExists(t *testing.T, name string) bool {
	t.Helper()
	_, err := r.admin.CoreV1().ConfigMaps(r.ns).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	return err == nil
}

func TestRename(t *testing.T) {
	r := newRig(t)
	o := r.owner("app")
	p := r.reconcile(t, o, nil, configMaps(2, "x"))
	if p.err != nil {
		t.Fatal(p.err)
	}
	r.caughtUp(t, r.Engine, o) // what the watch does not show yet costs a look before it is deleted
	renamed := strings.ReplaceAll(configMaps(2, "x"), "cm-01", "cm-new")
	set, err := r.Prepare(o, r.objects(t, renamed), PrepareOptions{})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := r.Plan(t.Context(), r.clients, o, set, p.inventory(), PlanOptions{Prune: true})
	if err != nil {
		t.Fatal(err)
	}
	if !plan.NeedsIntent() || len(plan.Intent()) != 3 {
		t.Errorf("intent = %v, want the old inventory and the new object", plan.Intent())
	}
	r.counter.take()
	p = r.reconcile(t, o, p.inventory(), renamed)
	if p.err != nil {
		t.Fatal(p.err)
	}
	if diff := cmp.Diff(map[string]int{"dry-run": 1, "apply": 1, "delete": 1}, r.counter.take()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("ConfigMap/"+r.ns+"/cm-01 deleted", p.pruned.Lines()); diff != "" {
		t.Errorf("pruned (-want +got):\n%s", diff)
	}
	if !r.configMapExists(t, "cm-new") || r.configMapExists(t, "cm-01") {
		t.Error("the old object is still there, or the new one is not")
	}
	r.caughtUp(t, r.Engine, o)
	r.quiet(t)
}

func TestMoveBetweenOwners(t *testing.T) {
	r := newRig(t)
	from, to := r.owner("from"), r.owner("to")
	p := r.reconcile(t, from, nil, configMaps(1, "x"))
	if p.err != nil {
		t.Fatal(p.err)
	}
	q := r.reconcile(t, to, nil, configMaps(1, "x"))
	if q.err != nil || q.changes.Items[0].Action != Configured {
		t.Fatalf("second owner: %v %v", q.changes.Map(), q.err)
	}
	r.caughtUp(t, r.Engine, to)
	r.quiet(t) // the first owner is not woken to fight about it
	p = r.reconcile(t, from, p.inventory(), "")
	if p.err != nil {
		t.Fatal(p.err)
	}
	if diff := cmp.Diff("ConfigMap/"+r.ns+"/cm-00 skipped", p.pruned.Lines()); diff != "" {
		t.Errorf("pruned (-want +got):\n%s", diff)
	}
	if !r.configMapExists(t, "cm-00") {
		t.Error("the first owner deleted what the second took over")
	}
}

func TestPruneOptOuts(t *testing.T) {
	r := newRig(t)
	cases := map[string]struct {
		reason string
		live   map[string]string
		want   Action
	}{
		"None":     {"an ordinary object is deleted", nil, Deleted},
		"Prune":    {"prune: disabled on the live object keeps it", map[string]string{testGroup + "/prune": "Disabled"}, Skipped},
		"Disabled": {"reconcile: disabled on the live object keeps it", map[string]string{testGroup + "/reconcile": "disabled"}, Skipped},
		"Ignore":   {"ssa: Ignore on the live object keeps it", map[string]string{testGroup + "/ssa": "ignore"}, Skipped},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := r.owner(strings.ToLower(name))
			manifest := strings.ReplaceAll(configMaps(1, "x"), "cm-00", strings.ToLower(name))
			p := r.reconcile(t, o, nil, manifest)
			if p.err != nil {
				t.Fatal(p.err)
			}
			cms := r.admin.CoreV1().ConfigMaps(r.ns)
			live, err := cms.Get(t.Context(), strings.ToLower(name), metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			live.Annotations = tc.live
			if _, err := cms.Update(t.Context(), live, metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
			// Straight away: the watch may or may not have seen the annotation yet.
			p = r.reconcile(t, o, p.inventory(), "")
			if p.err != nil {
				t.Fatal(p.err)
			}
			if got := p.pruned.Items[0].Action; got != tc.want {
				t.Errorf("%s: %s", tc.reason, got)
			}
			if len(p.inventory()) > 0 {
				t.Errorf("%s: still in the inventory", tc.reason)
			}
		})
	}
}

func TestPruneRefused(t *testing.T) {
	r := newRig(t)
	o := r.owner("app")
	p := r.reconcile(t, o, nil, configMaps(3, "x"))
	if p.err != nil {
		t.Fatal(p.err)
	}
	r.caughtUp(t, r.Engine, o) // the account may not look; only the watch tells that the objects are ours
	// An account that may delete one of the three.
	_, err := r.admin.RbacV1().Roles(r.ns).Create(t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "some"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: []string{"cm-01"}, Verbs: []string{"delete"}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.admin.RbacV1().RoleBindings(r.ns).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "some"},
		RoleRef:    rbacv1.RoleRef{Kind: "Role", Name: "some", APIGroup: rbacv1.GroupName},
		Subjects:   []rbacv1.Subject{{Kind: "User", Name: "system:serviceaccount:" + r.ns + ":pruner", APIGroup: rbacv1.GroupName}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pruner := r.impersonate(t, "pruner")
	set, err := r.Prepare(o, nil, PrepareOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var plan *Plan
	var changes Changes
	testkit.Eventually(t, "RBAC knows the role", func() bool {
		if plan, err = r.Plan(t.Context(), pruner, o, set, p.inventory(), PlanOptions{Prune: true}); err != nil {
			t.Fatal(err)
		}
		changes, err = r.Prune(t.Context(), pruner, plan)
		return changes.Map()["ConfigMap/"+r.ns+"/cm-01"] == Deleted
	})
	failed, ok := errors.AsType[*PruneError](err)
	if !ok || len(failed.Survivors) != 2 {
		t.Fatalf("error = %v", err)
	}
	if !strings.HasPrefix(err.Error(), "delete failed, errors: ConfigMap/"+r.ns+"/cm-02 delete failed: configmaps \"cm-02\" is forbidden") {
		t.Errorf("text = %v", err)
	}
	if diff := cmp.Diff(failed.Survivors, plan.Inventory()); diff != "" {
		t.Errorf("inventory is not what survived (-want +got):\n%s", diff)
	}
}

func TestForgetsWhatWasNeverCreated(t *testing.T) {
	r := newRig(t)
	o, nobody := r.owner("app"), r.impersonate(t, "nobody")
	if p := r.reconcile(t, r.owner("other"), nil, configMaps(1, "x")); p.err != nil {
		t.Fatal(p.err)
	}
	// cm-00 belongs to somebody else, cm-01 does not exist: the account must not be able to tell.
	set, err := r.Prepare(o, r.objects(t, configMaps(2, "x")), PrepareOptions{})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := r.Plan(t.Context(), nobody, o, set, nil, PlanOptions{Prune: true})
	if err != nil || plan.Work() != 2 {
		t.Fatalf("work = %d, %v", plan.Work(), err)
	}
	if _, err := r.Apply(t.Context(), nobody, plan); err == nil {
		t.Fatal("applied without rights")
	}
	changes, err := r.PruneAll(t.Context(), nobody, o, plan.Intent())
	want := map[string]Action{"ConfigMap/" + r.ns + "/cm-00": Skipped, "ConfigMap/" + r.ns + "/cm-01": Skipped}
	if diff := cmp.Diff(want, changes.Map()); diff != "" || err != nil {
		t.Errorf("pruned (-want +got):\n%s%v", diff, err)
	}
	if !r.configMapExists(t, "cm-00") {
		t.Error("the object of another owner is gone")
	}
}

func TestNameWithUnderscores(t *testing.T) {
	r := newRig(t)
	o := r.owner("app")
	const role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: a__b, namespace: $NS}\nrules: []"
	p := r.reconcile(t, o, nil, role)
	if p.err != nil {
		t.Fatal(p.err)
	}
	p = r.reconcile(t, o, p.inventory(), role)
	if p.err != nil || len(p.pruned.Items) > 0 || !p.plan.Empty() {
		t.Errorf("an unchanged Role is pruned: %v %v", p.pruned.Map(), p.err)
	}
}

func TestTerminated(t *testing.T) {
	r := newRig(t)
	o := r.owner("app")
	p := r.reconcile(t, o, nil, configMaps(2, "x"))
	if p.err != nil {
		t.Fatal(p.err)
	}
	cms := r.admin.CoreV1().ConfigMaps(r.ns)
	live, err := cms.Get(t.Context(), "cm-00", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	live.Finalizers = []string{"example.com/slow"}
	if _, err := cms.Update(t.Context(), live, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.PruneAll(t.Context(), r.clients, o, p.inventory()); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "only the object with a finalizer remains", func() bool {
		left, err := r.Terminated(t.Context(), r.clients, o, p.inventory())
		if err != nil {
			t.Fatal(err)
		}
		return len(left) == 1 && left[0].Subject() == "ConfigMap/"+r.ns+"/cm-00"
	})
	if live, err = cms.Get(t.Context(), "cm-00", metav1.GetOptions{}); err != nil {
		t.Fatal(err)
	}
	live.Finalizers = nil
	if _, err := cms.Update(t.Context(), live, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	r.wake(t, o)
	left, err := r.Terminated(t.Context(), r.clients, o, p.inventory())
	if err != nil || len(left) > 0 {
		t.Errorf("remaining after the wake: %v %v", left, err)
	}
}

func TestKillBetweenSteps(t *testing.T) {
	r := newRig(t)
	o := r.owner("app")
	set, err := r.Prepare(o, r.objects(t, configMaps(3, "x")), PrepareOptions{})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := r.Plan(t.Context(), r.clients, o, set, nil, PlanOptions{Prune: true})
	if err != nil {
		t.Fatal(err)
	}
	intent := plan.Intent()
	if _, err := r.Apply(t.Context(), r.clients, plan); err != nil {
		t.Fatal(err)
	}
	// Killed here; by the next start the source has dropped an object.
	restarted := r.start(t)
	p := r.reconcileWith(t, restarted, o, intent, configMaps(2, "x"))
	if p.err != nil {
		t.Fatal(p.err)
	}
	if r.configMapExists(t, "cm-02") {
		t.Error("the object written before the kill is orphaned")
	}
	if len(p.inventory()) != 2 || len(p.changes.Changed()) > 0 {
		t.Errorf("inventory %v, changes %v", p.inventory(), p.changes.Map())
	}
}
