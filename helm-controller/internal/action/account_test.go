// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package action_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/action"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/kit/cluster"
)

// tenant makes an account that may do all but watch with Secrets, and with the further resources of the core group.
func (r *rig) tenant(resources ...string) {
	r.tb.Helper()
	ctx, meta := r.tb.Context(), metav1.ObjectMeta{Namespace: r.ns, Name: "tenant"}
	r.must(r.live.Create(ctx, &corev1.ServiceAccount{ObjectMeta: meta}))
	r.must(r.live.Create(ctx, &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{""}, Resources: append(resources, "secrets"), Verbs: []string{"get", "list", "create", "update", "patch", "delete"},
	}}}))
	r.must(r.live.Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "tenant"},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: r.ns, Name: "tenant"}},
	}))
}

// as makes the actions of the rig those of an account.
func (r *rig) as(account string) {
	r.tb.Helper()
	pool, err := cluster.NewPool(suite.Cluster(r.tb).Config, clientgoscheme.Scheme)
	r.must(err)
	r.clients, err = pool.Local(r.tb.Context(), types.NamespacedName{Namespace: r.ns, Name: account})
	r.must(err)
}

// TestAccountLacksRights installs as an account that may store releases but not apply what the chart holds.
func TestAccountLacksRights(t *testing.T) {
	r := newRig(t)
	r.tenant()
	for account, stored := range map[string]bool{"tenant": true, "missing": false} {
		r.as(account)
		r.eventually("the API server knows the role", func() bool {
			o, err := r.install(tenMaps("1.0.0"), nil)
			wantError(t, err, "forbidden", "system:serviceaccount:"+r.ns+":"+account)
			return (o.Newest != nil) == stored
		})
	}
}

// TestAccountTests tests as an account that may not have anything to do with the kind of the test hook: the release counts as untested.
func TestAccountTests(t *testing.T) {
	r := newRig(t)
	r.tenant("configmaps")
	r.obj.Spec.Test = &helmv2.Test{Enable: true}
	_, err := r.install(newChart("1.0.0", map[string]string{"templates/t.yaml": job("t", `"helm.sh/hook": test`), "templates/a.yaml": configMap("a", "", "x: z")}), nil)
	r.must(err)
	r.as("tenant")
	history := helmv2.Snapshots{r.newest().Snapshot(release.Made{Action: release.ActionInstall})}
	r.eventually("the API server knows the role", func() bool {
		o, err := r.runner.Test(t.Context(), r.target(release.ActionTest))
		wantError(t, err, "forbidden", "system:serviceaccount:"+r.ns+":tenant")
		tested, err := release.RecordTest(history, o.Writes, nil, "")
		r.must(err)
		if release.HasBeenTested(tested.Latest()) {
			t.Errorf("hooks %+v", tested.Latest().TestHooks)
		}
		return len(o.Writes) > 0
	})
}

// TestAccountCannotWatch waits for the end of objects as an account that may read them and not watch them.
func TestAccountCannotWatch(t *testing.T) {
	r := newRig(t)
	r.tenant("configmaps")
	_, err := r.install(newChart("1.0.0", map[string]string{"templates/a.yaml": configMap("a", "", "x: z")}), nil)
	r.must(err)
	held := r.get("v1", "ConfigMap", "a")
	held.SetFinalizers([]string{"example.com/held"})
	r.must(r.live.Update(t.Context(), held))
	r.as("tenant")
	r.eventually("the API server knows the role", func() bool {
		_, err := r.clients.Dynamic.Resource(corev1.SchemeGroupVersion.WithResource("configmaps")).Namespace(r.ns).Get(t.Context(), "a", metav1.GetOptions{})
		return err == nil
	})
	done := background(func() (action.Outcome, error) {
		return r.runner.Uninstall(t.Context(), r.target(release.ActionUninstall))
	})
	r.eventually("deletion has begun", func() bool {
		held = r.get("v1", "ConfigMap", "a")
		return held.GetDeletionTimestamp() != nil
	})
	held.SetFinalizers(nil)
	r.must(r.live.Update(t.Context(), held))
	r.must(r.result(done).err)
}
