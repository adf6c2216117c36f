// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// TestCluster starts one cluster and tries what it promises to those who use it.
func TestCluster(t *testing.T) {
	r := start(t, filepath.Join(t.TempDir(), "data"), "--audit", "--name", "promises", "--user", "s3cret,ann,1001,devs,ops")
	c := client(t, r.Kubeconfig)

	t.Run("Report", func(t *testing.T) {
		if r.Name != "promises" || !r.Ready || r.StartSeconds <= 0 || !strings.HasPrefix(r.Version, "v1.") {
			t.Errorf("report: %+v", r)
		}
		for _, path := range []string{r.Kubeconfig, r.CAFile, r.AuditLog} {
			if _, err := os.Stat(path); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("Deployment", func(t *testing.T) { testDeployment(t, c) })
	t.Run("StatefulSet", func(t *testing.T) { testStatefulSet(t, c) })
	t.Run("Job", func(t *testing.T) { testJob(t, c) })
	t.Run("Unschedulable", func(t *testing.T) { testUnschedulable(t, c) })
	t.Run("DryRun", func(t *testing.T) { testDryRun(t, c) })
	t.Run("NamespaceGoes", func(t *testing.T) { testNamespaceGoes(t, c) })
	t.Run("User", func(t *testing.T) { testUser(t, r.Data) })
	t.Run("ServiceAccount", func(t *testing.T) { testServiceAccount(t, r.Data, c) })
	t.Run("Audit", func(t *testing.T) { testAudit(t, r.AuditLog, c) })
	t.Run("Status", func(t *testing.T) { testStatus(t, r.Data) })
	t.Run("SecondUp", func(t *testing.T) { testSecondUp(t, r.Data) })
}

func pods(labels map[string]string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "example.org/app:1"}}},
	}
}

func testDeployment(t *testing.T, c kubernetes.Interface) {
	t.Helper()
	const replicas = 50
	labels := map[string]string{"app": "web"}
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(replicas)), Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: pods(labels),
		},
	}
	if _, err := c.AppsV1().Deployments("default").Create(t.Context(), d, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(ctx context.Context) error {
		d, err := c.AppsV1().Deployments("default").Get(ctx, "web", metav1.GetOptions{})
		if err == nil && d.Status.AvailableReplicas != replicas {
			err = fmt.Errorf("%d of %d replicas are available", d.Status.AvailableReplicas, replicas)
		}
		return err
	})
}

func testStatefulSet(t *testing.T, c kubernetes.Interface) {
	t.Helper()
	labels := map[string]string{"app": "db"}
	s := &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: "db"},
		Spec: appsv1.StatefulSetSpec{
			Replicas: new(int32(3)), Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: pods(labels),
		},
	}
	if _, err := c.AppsV1().StatefulSets("default").Create(t.Context(), s, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(ctx context.Context) error {
		s, err := c.AppsV1().StatefulSets("default").Get(ctx, "db", metav1.GetOptions{})
		if err == nil && s.Status.ReadyReplicas != 3 {
			err = fmt.Errorf("%d replicas are ready", s.Status.ReadyReplicas)
		}
		return err
	})
}

func testJob(t *testing.T, c kubernetes.Interface) {
	t.Helper()
	template := pods(nil)
	template.Spec.RestartPolicy = corev1.RestartPolicyNever
	j := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "migrate"}, Spec: batchv1.JobSpec{Template: template}}
	if _, err := c.BatchV1().Jobs("default").Create(t.Context(), j, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(ctx context.Context) error {
		j, err := c.BatchV1().Jobs("default").Get(ctx, "migrate", metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, condition := range j.Status.Conditions {
			if condition.Type == batchv1.JobComplete && condition.Status == corev1.ConditionTrue {
				return nil
			}
		}
		return fmt.Errorf("not complete: %v", j.Status.Conditions)
	})
}

func testUnschedulable(t *testing.T, c kubernetes.Interface) {
	t.Helper()
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "nowhere"}, Spec: pods(nil).Spec}
	p.Spec.NodeSelector = map[string]string{"weir": "nowhere"}
	if _, err := c.CoreV1().Pods("default").Create(t.Context(), p, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(ctx context.Context) error {
		p, err := c.CoreV1().Pods("default").Get(ctx, "nowhere", metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, condition := range p.Status.Conditions {
			if condition.Type == corev1.PodScheduled && condition.Reason == corev1.PodReasonUnschedulable {
				return nil
			}
		}
		return fmt.Errorf("the scheduler has not refused it: %v", p.Status.Conditions)
	})
}

func testDryRun(t *testing.T, c kubernetes.Interface) {
	t.Helper()
	patch := []byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"dry"},"data":{"a":"b"}}`)
	options := metav1.PatchOptions{FieldManager: "test", DryRun: []string{metav1.DryRunAll}}
	got, err := c.CoreV1().ConfigMaps("default").Patch(t.Context(), "dry", types.ApplyPatchType, patch, options)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"a": "b"}, got.Data); diff != "" {
		t.Errorf("the server did not show what it would store: %s", diff)
	}
	if len(got.ManagedFields) != 1 || got.ManagedFields[0].Manager != "test" {
		t.Errorf("the server does not track who applied what: %v", got.ManagedFields)
	}
	if _, err := c.CoreV1().ConfigMaps("default").Get(t.Context(), "dry", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("a dry run left something behind: %v", err)
	}
}

func testNamespaceGoes(t *testing.T, c kubernetes.Interface) {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "short-lived"}}
	if _, err := c.CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := c.CoreV1().Namespaces().Delete(t.Context(), ns.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(ctx context.Context) error {
		_, err := c.CoreV1().Namespaces().Get(ctx, ns.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("still there: %w", errors.Join(err, errors.New("terminating")))
	})
}

// whoami asks the server who the holder of a kubeconfig is.
func whoami(t *testing.T, path string) authenticationv1.UserInfo {
	t.Helper()
	review, err := client(t, path).AuthenticationV1().SelfSubjectReviews().
		Create(t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return review.Status.UserInfo
}

func testUser(t *testing.T, data string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ann")
	must(t, "kubeconfig", "--data", data, "--user", "ann", "--output", path)
	got := whoami(t, path)
	want := authenticationv1.UserInfo{Username: "ann", UID: "1001", Groups: []string{"devs", "ops", "system:authenticated"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	_, err := client(t, path).CoreV1().Secrets("default").List(t.Context(), metav1.ListOptions{})
	if !apierrors.IsForbidden(err) {
		t.Errorf("a user without a role may read secrets: %v", err)
	}
	if r := weir(t, "kubeconfig", "--data", data, "--user", "bob"); r.code != 1 {
		t.Errorf("an unknown user: exit code %d", r.code)
	}
}

func testServiceAccount(t *testing.T, data string, c kubernetes.Interface) {
	t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "source-controller"}}
	if _, err := c.CoreV1().ServiceAccounts("default").Create(t.Context(), account, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "sa")
	must(t, "kubeconfig", "--data", data, "--service-account", "default/source-controller", "--duration", "1h", "--output", path)
	if got, want := whoami(t, path).Username, "system:serviceaccount:default:source-controller"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("a token is readable by others: %v, %v", info, err)
	}
	for _, bad := range []string{"default/none", "default", "a/b/c", "/x"} {
		if r := weir(t, "kubeconfig", "--data", data, "--service-account", bad); r.code != 1 {
			t.Errorf("service account %q: exit code %d", bad, r.code)
		}
	}
}

func testAudit(t *testing.T, path string, c kubernetes.Interface) {
	t.Helper()
	const calls = 200
	for range calls {
		if _, err := c.CoreV1().ConfigMaps("audited").List(t.Context(), metav1.ListOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, func(context.Context) error {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		seen := 0
		for line := range strings.Lines(string(data)) {
			var event struct {
				Stage     string
				Verb      string
				User      struct{ Username string }
				ObjectRef struct{ Resource, Namespace string }
			}
			if err := json.Unmarshal([]byte(line), &event); err != nil {
				return fmt.Errorf("%q: %w", line, err) // perhaps only half written
			}
			ref := event.ObjectRef
			if event.Verb == "list" && event.User.Username == "weir-admin" && ref.Resource == "configmaps" && ref.Namespace == "audited" {
				seen++
			}
			if event.Stage == "RequestReceived" {
				t.Errorf("a stage that was to be omitted: %s", line)
			}
		}
		if seen != calls {
			return fmt.Errorf("%d of %d requests are in the log", seen, calls)
		}
		return nil
	})
}

func testStatus(t *testing.T, data string) {
	t.Helper()
	eventually(t, func(context.Context) error { return healthy(t, data) })
	r := report(t, weir(t, "status", "--data", data, "-o", "json").stdout)
	if len(r.Components) != 5 {
		t.Errorf("status: %+v", r)
	}
	for _, c := range r.Components {
		if c.RSSBytes < 10<<20 || c.PID == 0 {
			t.Errorf("component: %+v", c)
		}
	}
	if text := weir(t, "status", "--data", data).stdout; strings.Count(text, "\n") != 7 {
		t.Errorf("want a line for the cluster, a header and five rows:\n%s", text)
	}
}

// healthy is nil when all components answer. One that has no time to answer is not ready, which says nothing against it.
func healthy(t *testing.T, data string) error {
	t.Helper()
	if r := weir(t, "status", "--data", data, "-o", "json"); r.code != 0 {
		return fmt.Errorf("status: exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
	return nil
}

func testSecondUp(t *testing.T, data string) {
	t.Helper()
	r := weir(t, "up", "--data", data, "-o", "json", "--wait", patience.String())
	if r.code != 0 || !strings.Contains(r.stderr, "already running") {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
	if got := report(t, r.stdout); got.Data != data || !got.Ready || got.PIDs["etcd"] == 0 {
		t.Errorf("report: %+v", got)
	}
}
