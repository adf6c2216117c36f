// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package cmd

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/cli/internal/kinds"
	"github.com/weir-gitops/weir/kit/testkit"
)

const commit = "0123456789abcdef0123456789abcdef01234567"

// fleet creates a ready source and an applier of it that is not.
func fleet(t *testing.T) (cluster *testkit.Cluster, namespace string) {
	t.Helper()
	cluster, namespace = connect(t)
	for _, obj := range testkit.Objects(t, strings.ReplaceAll(`
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: fleet, namespace: NS, labels: {team: a}}
spec: {interval: 1m, url: https://example.com/fleet.git, secretRef: {name: login}}
---
apiVersion: v1
kind: Secret
metadata: {name: login, namespace: NS}
stringData: {username: git}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: NS}
spec: {interval: 1m, prune: true, sourceRef: {kind: GitRepository, name: fleet}}
---
apiVersion: notification.toolkit.fluxcd.io/v1beta3
kind: Provider
metadata: {name: chat, namespace: NS}
spec: {type: generic, address: "http://example.com"}
`, "NS", namespace)) {
		cluster.Create(t, obj)
	}
	settle(t, cluster.Client, "GitRepository", client.ObjectKey{Namespace: namespace, Name: "fleet"}, map[string]any{
		"artifact": map[string]any{
			"revision": "main@sha1:" + commit, "path": "p", "url": "http://example.com/p", "lastUpdateTime": "2026-01-01T00:00:00Z",
			"digest": "sha256:" + strings.Repeat("0", 64),
		},
	}, "True", "stored artifact for revision 'main@sha1:"+commit+"'")
	return cluster, namespace
}

// settle writes the status that a controller would.
func settle(t *testing.T, c client.Client, kind string, key client.ObjectKey, status map[string]any, ready, message string) {
	t.Helper()
	k, _ := kinds.Of(kind)
	obj := k.Object()
	if err := c.Get(t.Context(), key, obj); err != nil {
		t.Fatal(err)
	}
	if err := writeStatus(t.Context(), c, obj, status, ready, message); err != nil {
		t.Fatal(err)
	}
}

func writeStatus(ctx context.Context, c client.Client, obj *unstructured.Unstructured, status map[string]any, ready, message string) error {
	status["observedGeneration"] = obj.GetGeneration()
	status["conditions"] = []any{map[string]any{
		"type": "Ready", "status": ready, "reason": "Test", "message": message, "observedGeneration": obj.GetGeneration(),
		"lastTransitionTime": metav1.Now().UTC().Format(time.RFC3339),
	}}
	obj.Object["status"] = status
	return c.Status().Update(ctx, obj)
}

func TestGet(t *testing.T) {
	const unseen = "False\twaiting to be reconciled\t\n"
	_, namespace := fleet(t)
	cases := map[string]struct {
		reason string
		args   []string
		code   int
		out    string
		err    string
	}{
		"Source": {
			reason: "Hashes are cut, cells padded, and a TAB ends each row.",
			args:   []string{"get", "sources", "git"},
			out: "NAME \tREVISION          \tSUSPENDED\tREADY\tMESSAGE                                           \n" +
				"fleet\tmain@sha1:01234567\tFalse    \tTrue \tstored artifact for revision 'main@sha1:01234567'\t\n",
		},
		"Waiting": {
			reason: "What no controller has seen is not ready.",
			args:   []string{"get", "ks", "--no-header"},
			out:    "apps\t\tFalse\t" + unseen,
		},
		"ShowSource": {
			reason: "The source comes after the name.",
			args:   []string{"get", "kustomizations", "--show-source", "--no-header"},
			out:    "apps\tGitRepository/" + namespace + "/fleet\t\tFalse\t" + unseen,
		},
		"Static":      {reason: "Nobody reconciles a provider.", args: []string{"get", "alert-providers", "--no-header"}, out: "chat\tTrue\tProvider is ready\t\n"},
		"Name":        {reason: "One object.", args: []string{"get", "source", "git", "fleet", "--no-header"}, out: "fleet\t"},
		"NameMissing": {reason: "A name that is not there is an error.", args: []string{"get", "ks", "none"}, code: 1, err: "✗ Kustomization object 'none' not found in"},
		"Empty":       {reason: "A kind without objects is an error.", args: []string{"get", "hr"}, code: 1, err: "✗ no HelmRelease objects found in"},
		"Filtered":    {reason: "A filter that matches nothing leaves the header.", args: []string{"get", "ks", "--status-selector", "ready=true"}, out: "NAME\tREVISION\tSUSPENDED\tREADY\tMESSAGE \n"},
		"Unequal":     {reason: "A condition that is not there is unequal to all.", args: []string{"get", "ks", "--status-selector", "Healthy!=true", "--no-header"}, out: "apps\t"},
		"Labels":      {reason: "Labels select.", args: []string{"get", "sources", "git", "-l", "team=a", "--no-header"}, out: "fleet\t"},
		"LabelsNone":  {reason: "Labels are a filter too.", args: []string{"get", "sources", "git", "-l", "team=b"}, out: "NAME\tREVISION\tSUSPENDED\tREADY\tMESSAGE \n"},
		"LabelsEmpty": {reason: "Without objects there is nothing to filter.", args: []string{"get", "hr", "-l", "team=b"}, code: 1, err: "✗ no HelmRelease objects found in"},
		"LabelsName":  {reason: "Nor without the object.", args: []string{"get", "ks", "none", "-l", "team=b"}, code: 1, err: "✗ Kustomization object 'none' not found in"},
		"All":         {reason: "Kinds with objects only, names with their kind.", args: []string{"get", "all"}, out: "kustomization/apps\t"},
		"AllEmpty":    {reason: "An empty namespace is no failure, but said.", args: []string{"get", "all", "-n", "nowhere"}, err: "✗ no objects found in \"nowhere\" namespace\n"},
		"Everywhere":  {reason: "The namespace comes first.", args: []string{"get", "ks", "-A", "--no-header"}, out: namespace + "\tapps"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			weir(t, "", tc.args...).wants(t, tc.reason, tc.code, tc.out, tc.err)
		})
	}
	t.Run("Watch", func(t *testing.T) {
		weirUntil(t, "apps", "get", "ks", "-w").wants(t, "Rows come until somebody ends it.", 130, "apps\t", "✗ interrupted\n")
		weir(t, "", "get", "ks", "-w", "--timeout=1ns").wants(t, "Or until the time that was asked for is over.", 1, "", "✗ timed out after 1ns")
	})
}

func TestSuspend(t *testing.T) {
	cluster, namespace := fleet(t)
	suspended := func() bool {
		k, _ := kinds.Of("Kustomization")
		obj := k.Object()
		if err := cluster.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "apps"}, obj); err != nil {
			t.Fatal(err)
		}
		return kinds.Suspended(obj)
	}
	weir(t, "", "suspend", "ks", "apps", "none").wants(t, "All names are processed before the error.", 1, "", "✗ Kustomization object 'none' not found")
	if !suspended() {
		t.Error("apps is not suspended")
	}
	weir(t, "", "suspend", "ks").wants(t, "Nothing is named.", 1, "", "✗ kustomization name is required, or --all")
	weir(t, "", "reconcile", "ks", "apps").wants(t, "A suspended object is left alone.", 1, "", "✗ resource is suspended: Kustomization/"+namespace+"/apps; weir resume kustomization apps -n "+namespace+"\n")
	weir(t, "", "suspend", "ks", "apps", "--all").wants(t, "All or some.", 1, "", "✗ kustomization names and --all exclude each other")
	weir(t, "", "resume", "ks", "--all").wants(t, "Without --wait all are resumed and that is it.", 0, "", "✔ kustomization resumed")
	if suspended() {
		t.Error("apps is suspended still")
	}
	weirUntil(t, "waiting for Kustomization apps", "resume", "ks", "apps").
		wants(t, "A single one is waited for.", 130, "", "✗ Kustomization apps reconciliation failed: ")
	weir(t, "", "resume", "ks", "apps", "apps", "--wait=false").wants(t, "Names count once.", 0, "", "► resuming kustomization apps in "+namespace+" namespace\n✔ kustomization resumed\n")
}

// TestSuspendGoesOn checks that what may not be changed does not keep the others from being suspended.
func TestSuspendGoesOn(t *testing.T) {
	cluster, namespace := fleet(t)
	for _, obj := range testkit.Objects(t, strings.ReplaceAll(`
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: locked, namespace: NS}
spec: {interval: 1m, prune: true, sourceRef: {kind: GitRepository, name: fleet}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: limited, namespace: NS}
rules:
  - {apiGroups: [kustomize.toolkit.fluxcd.io], resources: [kustomizations], verbs: [get]}
  - {apiGroups: [kustomize.toolkit.fluxcd.io], resources: [kustomizations], verbs: [patch], resourceNames: [apps]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: limited, namespace: NS}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: limited}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: limited}]
`, "NS", namespace)) {
		cluster.Create(t, obj)
	}
	var got result
	testkit.Eventually(t, "rights to take effect and apps to be suspended", func() bool {
		got = weir(t, "", "suspend", "ks", "locked", "apps", "--as=limited")
		return strings.HasSuffix(got.err, "✔ kustomization suspended\n")
	}, func() string { return got.err })
	got.wants(t, "The other one is said, and is an error.", 1, "", "✗ kustomization locked: ")
}

func TestDelete(t *testing.T) {
	fleet(t)
	weir(t, "", "delete", "source", "git", "fleet").wants(t, "Nobody answers.", 1, "", "✗ aborting, as nobody answers; --silent does not ask")
	weir(t, "n\n", "delete", "source", "git", "fleet").wants(t, "No is no.", 1, "", "✗ aborting")
	weir(t, "y\n", "delete", "source", "git", "fleet").wants(t, "Yes deletes.", 0, "", "✔ source git deleted")
	weir(t, "", "delete", "source", "git", "fleet", "-s").wants(t, "It is gone.", 1, "", "✗ GitRepository object 'fleet' not found")
}

func TestExport(t *testing.T) {
	_, namespace := fleet(t)
	got := weir(t, "", "export", "source", "git", "fleet")
	want := strings.ReplaceAll(`---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata:
  labels:
    team: a
  name: fleet
  namespace: NS
spec:
  interval: 1m
  secretRef:
    name: login
  timeout: 60s
  url: https://example.com/fleet.git
`, "NS", namespace)
	if diff := cmp.Diff(want, got.out); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	weir(t, "", "export", "source", "git", "--all", "--with-credentials").wants(t, "The Secret follows its source.", 0, "data:\n  username: Z2l0\n", "")
	weir(t, "", "export", "ks").wants(t, "Nothing is named.", 1, "", "✗ kustomization name is required, or --all")
	weir(t, "", "export", "hr", "--all").wants(t, "There is none.", 1, "", "✗ no HelmRelease objects found")
}

// TestReconcile answers requests as controllers do.
func TestReconcile(t *testing.T) {
	cluster, namespace := fleet(t)
	watching, err := client.NewWithWatch(cluster.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	answer := func(kind, name, ready, message string) {
		k, _ := kinds.Of(kind)
		events, err := watching.Watch(t.Context(), k.List(), client.InNamespace(namespace), client.MatchingFields{"metadata.name": name})
		if err != nil {
			t.Error(err)
			return
		}
		defer events.Stop()
		for event := range events.ResultChan() {
			obj, ok := event.Object.(*unstructured.Unstructured)
			if !ok || obj.GetAnnotations()[meta.ReconcileRequestAnnotation] == "" {
				continue
			}
			status, _, _ := unstructured.NestedMap(obj.Object, "status")
			if status == nil {
				status = map[string]any{}
			}
			status["lastHandledReconcileAt"] = obj.GetAnnotations()[meta.ReconcileRequestAnnotation]
			status["lastAppliedRevision"] = "main@sha1:" + commit
			if err := writeStatus(t.Context(), cluster.Client, obj, status, ready, message); err != nil {
				t.Error(err)
			}
			return
		}
	}
	var answers sync.WaitGroup
	answers.Go(func() { answer("GitRepository", "fleet", "True", "stored") })
	answers.Go(func() { answer("Kustomization", "apps", "True", "applied") })
	t.Cleanup(answers.Wait)
	got := weir(t, "", "reconcile", "ks", "apps", "--with-source")
	got.wants(t, "The source comes first.", 0, "", "✔ fetched revision main@sha1:"+commit)
	got.wants(t, "Then the object.", 0, "", "✔ applied revision main@sha1:"+commit)

	weir(t, "", "reconcile", "ks", "none").wants(t, "It has to exist.", 1, "", "✗ Kustomization object 'none' not found")
	weirUntil(t, "waiting for Kustomization", "reconcile", "ks", "apps").wants(t, "Nobody answers.", 130, "", "✗ interrupted\n")
}
