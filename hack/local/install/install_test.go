// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

const objects = `# a comment alone is no object
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: a-controller, namespace: system}
---
apiVersion: v1
kind: Service
metadata: {name: a-controller, namespace: system}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: a-controller, namespace: system}
spec:
  template:
    spec:
      serviceAccountName: account
      containers:
        - name: manager
          args: [--log-level=info, "--addr=a.$(RUNTIME_NAMESPACE).svc"]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: empty, namespace: system}
`

func build(t *testing.T) Manifest {
	t.Helper()
	files := filesys.MakeFsInMemory()
	for path, data := range map[string]string{"/m/objects.yaml": objects, "/m/kustomization.yaml": "resources: [objects.yaml]\n"} {
		if err := files.WriteFile(path, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	m, err := Build(files, "/m")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestIdentity(t *testing.T) {
	m := build(t)
	want := Identity{Name: "a-controller", Namespace: "system", ServiceAccount: "account", Args: []string{"--log-level=info", "--addr=a.system.svc"}}
	got, err := m.Identity("a-controller")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a controller runs as its Deployment says\n-want +got\n%s", diff)
	}
	for _, name := range []string{"empty", "none"} {
		if _, err := m.Identity(name); err == nil {
			t.Errorf("%s: want an error", name)
		}
	}
}

func TestWithoutPods(t *testing.T) {
	var kinds []string
	for _, o := range build(t).WithoutPods() {
		kinds = append(kinds, o.GetKind())
	}
	if diff := cmp.Diff([]string{"ServiceAccount"}, kinds); diff != "" {
		t.Errorf("what only makes sense beside pods is left out\n-want +got\n%s", diff)
	}
}

func TestBadManifest(t *testing.T) {
	if _, err := Parse("a: [\n"); err == nil {
		t.Error("Parse: want an error")
	}
	if _, err := Build(filesys.MakeFsInMemory(), "/none"); err == nil {
		t.Error("Build: want an error")
	}
}
