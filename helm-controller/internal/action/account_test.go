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

	"github.com/weir-gitops/weir/kit/cluster"
)

// TestAccountLacksRights installs as an account that may store releases but not apply what the chart holds.
func TestAccountLacksRights(t *testing.T) {
	r := newRig(t)
	meta := metav1.ObjectMeta{Namespace: r.ns, Name: "tenant"}
	r.must(r.live.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: meta}))
	r.must(r.live.Create(t.Context(), &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get", "list", "create", "update", "delete"},
	}}}))
	r.must(r.live.Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "tenant"},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: r.ns, Name: "tenant"}},
	}))
	pool, err := cluster.NewPool(suite.Cluster(t).Config, clientgoscheme.Scheme)
	r.must(err)
	for account, stored := range map[string]bool{"tenant": true, "missing": false} {
		r.clients, err = pool.Local(t.Context(), types.NamespacedName{Namespace: r.ns, Name: account})
		r.must(err)
		r.eventually("the API server knows the role", func() bool {
			o, err := r.install(tenMaps("1.0.0"), nil)
			wantError(t, err, "forbidden", "system:serviceaccount:"+r.ns+":"+account)
			return (o.Newest != nil) == stored
		})
	}
}
