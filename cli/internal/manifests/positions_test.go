// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/kustomize/kyaml/resid"
)

// deployment is what tools and patches rely on in a Deployment, in the order they rely on.
type deployment struct {
	Args, Env, Ports, Volumes, Mounts []string
	Liveness, Readiness               string
	Limits, Requests                  string
	Strategy                          appsv1.DeploymentStrategyType
	Priority, Account                 string
	Grace                             int64
}

func TestDeployments(t *testing.T) {
	// most is what all but notification-controller begin with, plain what a controller has that needs nothing else.
	most := []string{
		"--events-addr=http://notification-controller.$(RUNTIME_NAMESPACE).svc.cluster.local./",
		"--watch-all-namespaces=true", "--log-level=info", "--log-encoding=json", "--enable-leader-election",
	}
	plain := deployment{
		Args:      most,
		Env:       []string{"RUNTIME_NAMESPACE", "GOMEMLIMIT"},
		Ports:     []string{"http-prom 8080", "healthz 9440"},
		Volumes:   []string{"temp"},
		Mounts:    []string{"temp /tmp"},
		Liveness:  "healthz /healthz",
		Readiness: "healthz /readyz",
		Limits:    "1 1Gi", Requests: "100m 64Mi",
		Grace: 10,
	}
	const critical = "system-cluster-critical"
	cases := map[string]struct {
		reason string
		differ func(*deployment)
	}{
		"source-controller": {"Installers replace arguments, volumes and mounts by position.", func(d *deployment) {
			d.Args = append(most, "--storage-path=/data", "--storage-adv-addr=source-controller.$(RUNTIME_NAMESPACE).svc.cluster.local.")
			d.Env = []string{"RUNTIME_NAMESPACE", "TUF_ROOT", "GOMEMLIMIT"}
			d.Ports = []string{"http 9090", "http-prom 8080", "healthz 9440"}
			d.Volumes, d.Mounts = []string{"data", "tmp"}, []string{"data /data", "tmp /tmp"}
			d.Readiness, d.Requests = "http /", "50m 64Mi"
			d.Strategy, d.Priority = appsv1.RecreateDeploymentStrategyType, critical
		}},
		"kustomize-controller": {"What is being applied may be finished before the pod goes.", func(d *deployment) {
			d.Priority, d.Grace = critical, 60
		}},
		"helm-controller": {"Releases that run may finish before the pod goes, and say what they came to.", func(d *deployment) {
			d.Priority, d.Grace = critical, 600
		}},
		"notification-controller": {
			"Its events address is where it listens, so its arguments begin one place earlier than those of the others.",
			func(d *deployment) {
				d.Args, d.Ports = most[1:], []string{"http 9090", "http-webhook 9292", "http-prom 8080", "healthz 9440"}
			},
		},
		"image-automation-controller": {"It scans and commits, so it has the volumes of both.", func(d *deployment) {
			d.Volumes, d.Mounts = []string{"temp", "data"}, []string{"temp /tmp", "data /data"}
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			want := plain
			want.Account = name
			tc.differ(&want)
			got := find[appsv1.Deployment](t, "install", "Deployment", name)
			if diff := cmp.Diff(want, describe(t, got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(map[string]string{"app": name}, got.Spec.Selector.MatchLabels); diff != "" {
				t.Errorf("The selector cannot be changed later (-want +got):\n%s", diff)
			}
			hardened(t, &got.Spec.Template.Spec)
		})
	}
}

// describe reduces a Deployment to what users rely on.
func describe(t *testing.T, d *appsv1.Deployment) deployment {
	t.Helper()
	pod := d.Spec.Template.Spec
	if len(pod.Containers) != 1 || pod.Containers[0].Name != "manager" {
		t.Fatal("want one container with the name manager")
	}
	c := pod.Containers[0]
	out := deployment{
		Args:      c.Args,
		Liveness:  probe(c.LivenessProbe),
		Readiness: probe(c.ReadinessProbe),
		Limits:    c.Resources.Limits.Cpu().String() + " " + c.Resources.Limits.Memory().String(),
		Requests:  c.Resources.Requests.Cpu().String() + " " + c.Resources.Requests.Memory().String(),
		Strategy:  d.Spec.Strategy.Type,
		Priority:  pod.PriorityClassName,
		Account:   pod.ServiceAccountName,
		Grace:     *pod.TerminationGracePeriodSeconds,
	}
	for _, e := range c.Env {
		out.Env = append(out.Env, e.Name)
	}
	for _, p := range c.Ports {
		out.Ports = append(out.Ports, fmt.Sprintf("%s %d", p.Name, p.ContainerPort))
	}
	for _, v := range pod.Volumes {
		out.Volumes = append(out.Volumes, v.Name)
	}
	for _, m := range c.VolumeMounts {
		out.Mounts = append(out.Mounts, m.Name+" "+m.MountPath)
	}
	return out
}

// hardened checks that a pod passes the restricted pod security standard and writes only where a volume is mounted.
func hardened(t *testing.T, pod *corev1.PodSpec) {
	t.Helper()
	want := &corev1.SecurityContext{
		AllowPrivilegeEscalation: new(false),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		ReadOnlyRootFilesystem:   new(true),
		RunAsNonRoot:             new(true),
		SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	if diff := cmp.Diff(want, pod.Containers[0].SecurityContext); diff != "" {
		t.Errorf("security context (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&corev1.PodSecurityContext{FSGroup: new(int64(1337))}, pod.SecurityContext); diff != "" {
		t.Errorf("security context of the pod (-want +got):\n%s", diff)
	}
}

// TestRolePositions holds the rules of the shared role: patches remove some of them by position.
func TestRolePositions(t *testing.T) {
	role := find[rbacv1.ClusterRole](t, "install", "ClusterRole", "crd-controller-flux-system")
	var got []string
	for _, rule := range role.Rules {
		switch {
		case len(rule.NonResourceURLs) > 0:
			got = append(got, rule.NonResourceURLs[0])
		case rule.Resources[0] == "*":
			got = append(got, rule.APIGroups[0])
		default:
			got = append(got, rule.Resources[0])
		}
	}
	want := []string{
		"source.toolkit.fluxcd.io", "kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io", "notification.toolkit.fluxcd.io",
		"image.toolkit.fluxcd.io", "source.extensions.fluxcd.io", "namespaces", "events", "configmaps", "configmaps/status", "leases",
		"serviceaccounts/token", "/livez/ping",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}

// TestBindings checks that every binding of a bundle refers to a role that is in it, or to cluster-admin where that is wanted.
func TestBindings(t *testing.T) {
	cases := map[string]struct {
		dir     string
		binding string
		want    rbacv1.RoleRef
	}{
		"Shared":            {"install", "crd-controller-flux-system", clusterRole("crd-controller-flux-system")},
		"Admin":             {"install", "cluster-reconciler-flux-system", clusterRole("cluster-admin")},
		"RestrictedSource":  {"install/restricted", "source-controller-flux-system", clusterRole("source-controller-flux-system")},
		"RestrictedHelm":    {"install/restricted", "helm-controller-flux-system", clusterRole("helm-controller-flux-system")},
		"RestrictedApplier": {"install/restricted", "kustomize-controller-flux-system", clusterRole("kustomize-controller-flux-system")},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := find[rbacv1.ClusterRoleBinding](t, tc.dir, "ClusterRoleBinding", tc.binding)
			if diff := cmp.Diff(tc.want, got.RoleRef); diff != "" {
				t.Errorf("role (-want +got):\n%s", diff)
			}
			for _, s := range got.Subjects {
				if s.Namespace != "flux-system" {
					t.Errorf("subject %s is in %q", s.Name, s.Namespace)
				}
			}
		})
	}
}

func clusterRole(name string) rbacv1.RoleRef {
	return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name}
}

func probe(p *corev1.Probe) string {
	return p.HTTPGet.Port.String() + " " + p.HTTPGet.Path
}

func groupVersionKind(gvk resid.Gvk) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind}
}
