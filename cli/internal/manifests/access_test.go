// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/weir-gitops/weir/kit/testkit"
)

// request is one thing an account may or may not do.
type request struct {
	account                               string
	verb, group, resource, sub, namespace string
	allowed                               bool
}

// String tells who does what to what.
func (r request) String() string {
	return fmt.Sprintf("%s: %s %s/%s %s in %q", r.account, r.verb, r.group, r.resource, r.sub, r.namespace)
}

// TestAccess installs both bundles into a real API server, the restricted one first, and asks it what the accounts may do.
func TestAccess(t *testing.T) {
	const (
		source  = "source-controller"
		applier = "kustomize-controller"
		helm    = "helm-controller"
		notify  = "notification-controller"
		image   = "image-automation-controller"
		own     = "flux-system"
	)
	both := []request{
		{source, "update", "source.toolkit.fluxcd.io", "gitrepositories", "status", "apps", true},
		{source, "patch", "source.toolkit.fluxcd.io", "gitrepositories", "finalizers", "apps", true},
		{source, "watch", "source.toolkit.fluxcd.io", "gitrepositories", "", "", true},
		{source, "get", "", "secrets", "", "apps", true},
		{source, "create", "", "events", "", "apps", true},
		{source, "update", "coordination.k8s.io", "leases", "", own, true},
		{applier, "patch", "kustomize.toolkit.fluxcd.io", "kustomizations", "status", "apps", true},
		{applier, "update", "kustomize.toolkit.fluxcd.io", "kustomizations", "finalizers", "apps", true},
		{applier, "watch", "kustomize.toolkit.fluxcd.io", "kustomizations", "", "", true},
		{applier, "watch", "source.toolkit.fluxcd.io", "gitrepositories", "", "", true},
		{applier, "get", "", "configmaps", "", "apps", true},
		{applier, "patch", "", "events", "", "apps", true},
		{applier, "update", "coordination.k8s.io", "leases", "", own, true},
		{applier, "impersonate", "", "serviceaccounts", "", "apps", true},
		{helm, "patch", "helm.toolkit.fluxcd.io", "helmreleases", "status", "apps", true},
		{helm, "create", "source.toolkit.fluxcd.io", "helmcharts", "", "apps", true},
		{helm, "delete", "source.toolkit.fluxcd.io", "helmcharts", "", "apps", true},
		{helm, "watch", "source.toolkit.fluxcd.io", "ocirepositories", "", "", true},
		{helm, "watch", "", "secrets", "", "", true},
		{helm, "impersonate", "", "serviceaccounts", "", "apps", true},
		{helm, "watch", "apiextensions.k8s.io", "customresourcedefinitions", "", "", true},
		{helm, "update", "coordination.k8s.io", "leases", "", own, true},
		{notify, "patch", "source.toolkit.fluxcd.io", "gitrepositories", "", "apps", true},
		{notify, "patch", "image.toolkit.fluxcd.io", "imagerepositories", "", "apps", true},
		{notify, "list", "kustomize.toolkit.fluxcd.io", "kustomizations", "", "apps", true},
		{notify, "patch", "notification.toolkit.fluxcd.io", "receivers", "status", "apps", true},
		{notify, "get", "", "secrets", "", "apps", true},
		{notify, "create", "", "events", "", "apps", true},
		{notify, "update", "coordination.k8s.io", "leases", "", own, true},
		{image, "patch", "image.toolkit.fluxcd.io", "imagepolicies", "status", "apps", true},
		{image, "watch", "source.toolkit.fluxcd.io", "gitrepositories", "", "", true},
		{image, "list", "", "namespaces", "", "", true},
		{image, "get", "", "secrets", "", "apps", true},
		{image, "update", "coordination.k8s.io", "leases", "", own, true},
		{notify, "create", "apps", "deployments", "", "apps", false},
		{notify, "update", "", "secrets", "", "apps", false},
		{notify, "impersonate", "", "serviceaccounts", "", "apps", false},
		{image, "create", "apps", "deployments", "", "apps", false},
		{image, "update", "", "secrets", "", "apps", false},
		{image, "impersonate", "", "serviceaccounts", "", "apps", false},
		{source, "create", "apps", "deployments", "", "apps", false},
		{source, "update", "", "secrets", "", "apps", false},
		{source, "impersonate", "", "serviceaccounts", "", "apps", false},
	}
	cases := []struct {
		name, reason, dir string
		requests          []request
	}{
		{
			name: "Restricted", reason: "The applier acts as others only.", dir: "install/restricted",
			requests: []request{
				{applier, "create", "apps", "deployments", "", "apps", false},
				{applier, "delete", "", "secrets", "", "apps", false},
				{applier, "impersonate", "", "users", "", "", false},
				{applier, "update", "source.toolkit.fluxcd.io", "gitrepositories", "", "apps", false},
				{source, "update", "kustomize.toolkit.fluxcd.io", "kustomizations", "", "apps", false},
				{source, "update", "coordination.k8s.io", "leases", "", "apps", false},
				{source, "create", "", "serviceaccounts", "token", "apps", false},
				{applier, "create", "", "serviceaccounts", "token", "apps", false},
				{source, "create", "source.toolkit.fluxcd.io", "gitrepositories", "", "apps", false},
				{source, "delete", "source.toolkit.fluxcd.io", "gitrepositories", "", "apps", false},
				{applier, "delete", "kustomize.toolkit.fluxcd.io", "kustomizations", "", "apps", false},
				{helm, "create", "apps", "deployments", "", "apps", false},
				{helm, "create", "", "secrets", "", "apps", false},
				{helm, "impersonate", "", "users", "", "", false},
				{helm, "delete", "helm.toolkit.fluxcd.io", "helmreleases", "", "apps", false},
				{helm, "update", "source.toolkit.fluxcd.io", "gitrepositories", "", "apps", false},
				{notify, "update", "source.toolkit.fluxcd.io", "gitrepositories", "status", "apps", false},
				{notify, "delete", "kustomize.toolkit.fluxcd.io", "kustomizations", "", "apps", false},
				{image, "update", "source.toolkit.fluxcd.io", "gitrepositories", "", "apps", false},
				{image, "delete", "image.toolkit.fluxcd.io", "imagepolicies", "", "apps", false},
			},
		},
		{
			name: "Default", reason: "The applier may do anything.", dir: "install",
			requests: []request{
				{applier, "create", "apps", "deployments", "", "apps", true},
				{applier, "delete", "rbac.authorization.k8s.io", "clusterroles", "", "", true},
				{helm, "create", "apps", "deployments", "", "apps", true},
				{source, "get", "", "namespaces", "", "", true},
				{source, "create", "", "serviceaccounts", "token", "apps", true},
			},
		},
	}
	cluster := testkit.APIServer(t, nil)
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			install(t, cluster, tc.dir)
			var refused []request
			for _, r := range slices.Concat(both, tc.requests) {
				if !r.allowed {
					refused = append(refused, r)
					continue
				}
				// The API server learns of roles by watching them.
				testkit.Eventually(t, r.String()+" is allowed. "+tc.reason, func() bool { return ask(t, cluster, r) })
			}
			for _, r := range refused { // once everything that is allowed is known
				if ask(t, cluster, r) {
					t.Errorf("%s is allowed. %s", r, tc.reason)
				}
			}
		})
	}
}

// install applies a bundle as users do.
func install(t *testing.T, cluster *testkit.Cluster, dir string) {
	t.Helper()
	for _, r := range render(t, filepath.Join(root, dir)).Resources() {
		obj := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(r.MustYaml()), &obj.Object); err != nil {
			t.Fatal(err)
		}
		err := cluster.Client.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(obj), client.FieldOwner("install"), client.ForceOwnership)
		if err != nil {
			t.Fatalf("%s: %v", r.CurId(), err)
		}
	}
}

func ask(t *testing.T, cluster *testkit.Cluster, r request) bool {
	t.Helper()
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: "system:serviceaccount:flux-system:" + r.account,
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: r.verb, Group: r.group, Resource: r.resource, Subresource: r.sub, Namespace: r.namespace, Version: "*",
		},
	}}
	if err := cluster.Client.Create(t.Context(), review); err != nil {
		t.Fatal(err)
	}
	return review.Status.Allowed
}
