// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/hack/local/controllers"
	"github.com/weir-gitops/weir/hack/local/gitserver"
)

// tenant is the namespace of somebody who may do anything in it, and nothing elsewhere.
const tenant = "team-a"

// TestTenants installs what is for several tenants. What is applied is applied as the tenant's own account, which may do less than the tenant asks
// for, and the sources of others are out of reach.
func TestTenants(t *testing.T) {
	m := bringUpAs(t, "restricted")
	m.settle(t, tenant)
	m.writeTenant(t)
	k := kustomization("own")
	k.Namespace, k.Spec.Path = tenant, "./own"
	must(t, m.client.Create(t.Context(), gitSource(m, tenant)))
	must(t, m.client.Create(t.Context(), k))
	edited := client.ObjectKey{Namespace: tenant, Name: "own-0"}

	passed := t.Run("Applied", func(t *testing.T) {
		m.eventually(t, func() error { return m.shows(t, k, metav1.ConditionTrue, "") })
		must(t, m.holds(t, edited, "1"))
	}) && t.Run("PutBack", func(t *testing.T) {
		byHand := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: edited.Namespace, Name: edited.Name}}
		must(t, m.client.Delete(t.Context(), byHand))
		m.eventually(t, func() error { return m.holds(t, edited, "1") })
	}) && t.Run("Released", func(t *testing.T) {
		l := &loop{machine: m}
		l.publishChart(t, "")
		must(t, m.client.Create(t.Context(), &sourcev1.HelmRepository{
			ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: repositoryOfCharts},
			Spec:       sourcev1.HelmRepositorySpec{URL: m.charts.URL(), Interval: metav1.Duration{Duration: time.Hour}},
		}))
		hr := helmRelease(tenant)
		must(t, m.client.Create(t.Context(), hr))
		m.eventually(t, func() error { return m.shows(t, hr, metav1.ConditionTrue, "") })
		must(t, m.client.Delete(t.Context(), hr))
		m.eventually(t, func() error { return m.isGone(t, hr) })
	}) && t.Run("Elsewhere", func(t *testing.T) {
		k := kustomization("elsewhere")
		k.Namespace, k.Spec.Path = tenant, "./elsewhere"
		must(t, m.client.Create(t.Context(), k))
		m.eventually(t, func() error { return m.shows(t, k, metav1.ConditionFalse, "forbidden") })
	}) && t.Run("SourceOfOthers", func(t *testing.T) {
		must(t, m.client.Create(t.Context(), gitSource(m, system)))
		k := kustomization("others")
		k.Namespace, k.Spec.Path, k.Spec.SourceRef.Namespace = tenant, "./own", system
		must(t, m.client.Create(t.Context(), k))
		m.eventually(t, func() error { return m.shows(t, k, metav1.ConditionFalse, "cross-namespace") })
	}) && t.Run("Pruned", func(t *testing.T) {
		must(t, m.client.Delete(t.Context(), k))
		m.eventually(t, func() error {
			return errors.Join(m.isGone(t, k), m.isGone(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: edited.Namespace, Name: edited.Name}}))
		})
	}) && t.Run("OneNamespace", func(t *testing.T) { m.onlyOwnNamespace(t) })
	if !passed {
		t.Log("a failed step ends it: the next need what it needs, and would wait in vain as well")
	}
}

// onlyOwnNamespace starts the controllers again such that they look at their own namespace alone. What is in others is left as it is.
func (m *machine) onlyOwnNamespace(t *testing.T) {
	t.Helper()
	m.settle(t, system)
	for _, name := range controllers.Names() {
		must(t, m.controllers[name].Stop())
		m.controllers[name] = m.run(t, name, func(o *controllers.Options) {
			o.Events, o.Flags = m.intake.url, append(o.Flags, "--watch-all-namespaces=false")
		})
	}
	m.intake.passTo(m.controllers[controllers.Notification].EventsURL)
	theirs := kustomization("unseen")
	theirs.Namespace, theirs.Spec.Path = tenant, "./own"
	must(t, m.client.Create(t.Context(), theirs))
	ours := kustomization("own")
	ours.Spec.Path, ours.Spec.TargetNamespace = "./own", system
	must(t, m.client.Create(t.Context(), ours))
	m.eventually(t, func() error { return m.shows(t, ours, metav1.ConditionTrue, "") })
	m.eventually(t, func() error { return m.quiet(t) })
	must(t, m.client.Get(t.Context(), client.ObjectKeyFromObject(theirs), theirs))
	if len(theirs.Status.Conditions)+len(theirs.Finalizers) > 0 {
		t.Errorf("somebody looked at a Kustomization of another namespace: %v, %+v", theirs.Finalizers, theirs.Status)
	}
}

// settle makes a namespace in which its default account may do anything.
func (m *machine) settle(t *testing.T, namespace string) {
	t.Helper()
	must(t, client.IgnoreAlreadyExists(m.client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})))
	must(t, m.client.Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "tenant"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "admin"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: "default"}},
	}))
}

// writeTenant pushes what the tenant has in Git.
func (m *machine) writeTenant(t *testing.T) {
	t.Helper()
	for folder, namespace := range map[string]string{"own": tenant, "elsewhere": metav1.NamespaceDefault} {
		dir := filepath.Join(m.clone.Dir, folder)
		must(t, os.MkdirAll(dir, 0o750))
		for n := range 2 {
			o := object("ConfigMap", namespace, fmt.Sprintf("%s-%d", folder, n))
			must(t, os.WriteFile(filepath.Join(dir, o.file()), manifest(t, o, "1"), 0o600))
		}
	}
	m.push(t, "first")
}

func gitSource(m *machine, namespace string) *sourcev1.GitRepository {
	return &sourcev1.GitRepository{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: source},
		Spec: sourcev1.GitRepositorySpec{
			URL: m.repository.URL, Interval: metav1.Duration{Duration: time.Hour}, Reference: &sourcev1.GitRepositoryRef{Branch: gitserver.Branch},
		},
	}
}

func helmRelease(namespace string) *helmv2.HelmRelease {
	return &helmv2.HelmRelease{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: chartName},
		Spec: helmv2.HelmReleaseSpec{
			Interval: metav1.Duration{Duration: time.Hour},
			Chart: &helmv2.HelmChartTemplate{Spec: helmv2.HelmChartTemplateSpec{
				Chart: chartName, SourceRef: helmv2.CrossNamespaceObjectReference{Kind: sourcev1.HelmRepositoryKind, Name: repositoryOfCharts},
			}},
		},
	}
}

// shows is nil when the Ready condition of an object has a status, and a message that says something.
func (m *machine) shows(t *testing.T, object conditioned, status metav1.ConditionStatus, says string) error {
	t.Helper()
	if err := m.client.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
		return err
	}
	for _, c := range object.GetConditions() {
		if c.Type == meta.ReadyCondition && c.Status == status && strings.Contains(c.Message, says) {
			return nil
		}
	}
	return fmt.Errorf("%s is not Ready=%s with a message that says %q: %v", object.GetName(), status, says, object.GetConditions())
}

// isGone is nil when an object does not exist.
func (m *machine) isGone(t *testing.T, object client.Object) error {
	t.Helper()
	err := m.client.Get(t.Context(), client.ObjectKeyFromObject(object), object)
	if err == nil {
		return fmt.Errorf("%T %s is still there", object, object.GetName())
	}
	return client.IgnoreNotFound(err)
}
