// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"context"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	authorizationclient "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"
)

// Namespace creates a namespace whose name starts with prefix and is unique. It stays until the API server ends: without a controller
// manager nothing would empty it.
func (c *Cluster) Namespace(tb testing.TB, prefix string) string {
	tb.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: prefix + "-"}}
	c.Create(tb, ns)
	return ns.Name
}

// Create creates the objects.
func (c *Cluster) Create(tb testing.TB, objects ...client.Object) {
	tb.Helper()
	for _, obj := range objects {
		if err := c.Client.Create(tb.Context(), obj); err != nil {
			tb.Fatalf("create %T %s: %v", obj, client.ObjectKeyFromObject(obj), err)
		}
	}
}

// ServiceAccount creates a service account that may do what the rules say in its namespace, and returns once the API server knows that it may.
func (c *Cluster) ServiceAccount(tb testing.TB, namespace, name string, rules ...rbacv1.PolicyRule) {
	tb.Helper()
	meta := metav1.ObjectMeta{Namespace: namespace, Name: name}
	c.Create(tb,
		&corev1.ServiceAccount{ObjectMeta: meta},
		&rbacv1.Role{ObjectMeta: meta, Rules: rules},
		&rbacv1.RoleBinding{
			ObjectMeta: meta,
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: name}},
		})
	c.awaitRights(tb, "system:serviceaccount:"+namespace+":"+name, namespace, rules)
}

// User returns a configuration that reaches the server as a user who may do what the rules say, in the whole cluster. The API server knows by then
// that the user may.
func (c *Cluster) User(tb testing.TB, name string, rules ...rbacv1.PolicyRule) *rest.Config {
	tb.Helper()
	user, err := c.env.AddUser(envtest.User{Name: name}, nil)
	if err != nil {
		tb.Fatalf("add user %s: %v", name, err)
	}
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{GenerateName: name + "-"}, Rules: rules}
	c.Create(tb, role)
	c.Create(tb, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role.Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}},
	})
	c.awaitRights(tb, name, "", rules)
	cfg := user.Config()
	cfg.QPS, cfg.Burst = -1, -1
	return cfg
}

// awaitRights waits until the API server, which learns of roles and bindings by watching them, lets a user do what the first of the rules of a role
// says. The others are in the same role.
func (c *Cluster) awaitRights(tb testing.TB, user, namespace string, rules []rbacv1.PolicyRule) {
	tb.Helper()
	if len(rules) == 0 {
		return
	}
	first := func(of []string) string { return slices.Concat(of, []string{""})[0] }
	resource, sub, _ := strings.Cut(first(rules[0].Resources), "/")
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: user}}
	if path := first(rules[0].NonResourceURLs); path != "" {
		review.Spec.NonResourceAttributes = &authorizationv1.NonResourceAttributes{Path: path, Verb: first(rules[0].Verbs)}
	} else {
		review.Spec.ResourceAttributes = &authorizationv1.ResourceAttributes{
			Namespace: namespace, Verb: first(rules[0].Verbs), Group: first(rules[0].APIGroups), Resource: resource, Subresource: sub,
			Name: first(rules[0].ResourceNames),
		}
	}
	reviews, err := authorizationclient.NewForConfig(c.Config) // Client may know other kinds
	if err != nil {
		tb.Fatalf("ask what %s may do: %v", user, err)
	}
	ctx := context.WithoutCancel(tb.Context())
	Eventually(tb, user+" has its rights", func() bool {
		answer, err := reviews.SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err != nil {
			tb.Fatalf("ask what %s may do: %v", user, err)
		}
		return answer.Status.Allowed
	})
}

// Rule is a policy rule for all verbs on the resources of one group.
func Rule(group string, resources ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: resources, Verbs: []string{rbacv1.VerbAll}}
}

// Secret builds a Secret.
func Secret(namespace, name string, data map[string]string) *corev1.Secret {
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Data:       make(map[string][]byte, len(data)),
	}
	for key, value := range data {
		secret.Data[key] = []byte(value)
	}
	return secret
}

// ConfigMap builds a ConfigMap.
func ConfigMap(namespace, name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: data}
}

// Objects reads a stream of YAML documents.
func Objects(tb testing.TB, stream string) []*unstructured.Unstructured {
	tb.Helper()
	var objects []*unstructured.Unstructured
	for doc := range strings.SplitSeq("\n"+stream, "\n---\n") {
		var content map[string]any
		if err := yaml.Unmarshal([]byte(doc), &content); err != nil {
			tb.Fatalf("parse object: %v", err)
		}
		if len(content) > 0 {
			objects = append(objects, &unstructured.Unstructured{Object: content})
		}
	}
	return objects
}
