// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"errors"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/ssa/jsondiff"
	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

func TestNormalise(t *testing.T) {
	cases := map[string]struct{ reason, in, want string }{
		"StringData": {
			"stringData becomes data, and wins",
			"apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: YQ==, b: Yg==}\nstringData: {b: new}",
			"apiVersion: v1\nkind: Secret\nmetadata: {name: s, creationTimestamp: null}\ndata: {a: YQ==, b: bmV3}",
		},
		"MalformedSecret": {
			"what is no string is for the API server to refuse",
			"apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {b: 1}",
			"apiVersion: v1\nkind: Secret\nmetadata: {name: s, creationTimestamp: null}\nstringData: {b: 1}",
		},
		"ServicePort": {
			"the protocol is part of the merge key",
			"apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 1}, {port: 2, protocol: UDP}]}",
			"apiVersion: v1\nkind: Service\nmetadata: {name: s, creationTimestamp: null}\nspec: {ports: [{port: 1, protocol: TCP}, {port: 2, protocol: UDP}]}",
		},
		"ContainerPort": {
			"also in pod templates, whose nulls go, and unknown fields stay",
			"apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: j}\nspec: {jobTemplate: {spec: {template: {metadata: {creationTimestamp: null}, spec: {newField: 1, containers: [{ports: [{containerPort: 1}]}]}}}}}",
			"apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: j, creationTimestamp: null}\nspec: {jobTemplate: {spec: {template: {metadata: {}, spec: {newField: 1, containers: [{ports: [{containerPort: 1, protocol: TCP}]}]}}}}}",
		},
		"Status": {
			"status and what the API server sets is dropped",
			"apiVersion: example.com/v1\nkind: X\nmetadata: {name: x, uid: u, resourceVersion: '1'}\nspec: {a: null}\nstatus: {b: 1}",
			"apiVersion: example.com/v1\nkind: X\nmetadata: {name: x, creationTimestamp: null}\nspec: {a: null}",
		},
		"Definition": {
			"a definition keeps its status, and loses an invalid CA bundle",
			"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: x}\nspec: {conversion: {webhook: {clientConfig: {caBundle: Cg==}}}}\nstatus: {conditions: []}",
			"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: x, creationTimestamp: null}\nspec: {conversion: {webhook: {clientConfig: {}}}}\nstatus: {conditions: []}",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := parse(t, tc.in)[0]
			normalise(got)
			if diff := cmp.Diff(parse(t, tc.want)[0].Object, got.Object); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func newTestEngine(t *testing.T) *Engine {
	t.Helper()
	e, err := New(Config{
		Field: testField, Group: testGroup,
		CustomStageKinds: map[schema.GroupKind]struct{}{{Group: "example.com", Kind: "Early"}: {}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestPrepareOrder(t *testing.T) {
	var docs []string
	for _, id := range []string{
		"admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration w", "apps/v1 Deployment b", "apps/v1 Deployment a",
		"example.com/v1 Early e", "example.com/v1 Other o", "v1 Secret s", "v1 ConfigMap c", "storage.k8s.io/v1 StorageClass sc",
		"rbac.authorization.k8s.io/v1 ClusterRole cr", "v1 Namespace ns", "apiextensions.k8s.io/v1 CustomResourceDefinition crd",
		"rbac.authorization.k8s.io/v1 ClusterRoleBinding crb",
	} {
		f := strings.Fields(id)
		docs = append(docs, "apiVersion: "+f[0]+"\nkind: "+f[1]+"\nmetadata: {name: "+f[2]+"}")
	}
	set, err := newTestEngine(t).Prepare(Owner{"ns", "app"}, parse(t, strings.Join(docs, "\n---\n")), PrepareOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, it := range set.items {
		got = append(got, it.obj.GetName())
	}
	if diff := cmp.Diff([]string{"crd", "ns", "cr", "sc", "e", "crb", "c", "s", "a", "b", "o", "w"}, got); diff != "" {
		t.Errorf("apply order (-want +got):\n%s", diff)
	}
	labels := set.items[0].obj.GetLabels()
	if diff := cmp.Diff(map[string]string{testGroup + "/name": "app", testGroup + "/namespace": "ns"}, labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
}

func TestPrepareRefuses(t *testing.T) {
	const encrypted = "apiVersion: v1\nkind: Secret\nmetadata: {name: NAME, namespace: ns}\ndata: {}\nsops: {mac: x}"
	cases := map[string]struct {
		reason, manifests string
		ignore            []IgnoreRule
		want              []string
	}{
		"Encrypted": {
			"all encrypted Secrets are named", strings.ReplaceAll(encrypted, "NAME", "a") + "\n---\n" + strings.ReplaceAll(encrypted, "NAME", "b"), nil,
			[]string{
				"Secret/ns/a is SOPS encrypted, configuring decryption is required for this secret to be reconciled",
				"Secret/ns/b is SOPS encrypted, configuring decryption is required for this secret to be reconciled",
			},
		},
		"OptOut":  {"an annotation says that it is meant", strings.ReplaceAll(encrypted, "name: NAME", "name: a, annotations: {kustomize.toolkit.fluxcd.io/decrypt: Disabled}"), nil, nil},
		"Pointer": {"a pointer begins with a slash", strings.ReplaceAll(encrypted, "sops", "x"), []IgnoreRule{{Paths: []string{"spec"}}}, []string{`ignore rule 0: invalid JSON pointer "spec"`}},
		"Regexp":  {"a selector has to compile", strings.ReplaceAll(encrypted, "sops", "x"), []IgnoreRule{{Target: &jsondiff.Selector{Kind: "("}}}, []string{"ignore rule 0: invalid kind regex"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := newTestEngine(t).Prepare(Owner{"ns", "app"}, parse(t, tc.manifests), PrepareOptions{Ignore: tc.ignore})
			if (err == nil) != (tc.want == nil) {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %v", tc.reason, err)
				}
			}
		})
	}
}

func TestCommonMetadataWins(t *testing.T) {
	set, err := newTestEngine(t).Prepare(Owner{"ns", "app"}, parse(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, labels: {a: old}}"), PrepareOptions{
		Labels:      map[string]string{"a": "new", testGroup + "/name": "other"},
		Annotations: map[string]string{"b": "c"},
	})
	if err != nil {
		t.Fatal(err)
	}
	u := set.items[0].obj
	if diff := cmp.Diff(map[string]string{"a": "new", testGroup + "/name": "other", testGroup + "/namespace": "ns"}, u.GetLabels()); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if u.GetAnnotations()["b"] != "c" {
		t.Error("no annotation")
	}
}

func TestRedact(t *testing.T) {
	e := newTestEngine(t)
	set, err := e.Prepare(Owner{"ns", "app"}, parse(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: ns}\nstringData: {password: hunter22, pin: '7'}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: ns}"), PrepareOptions{})
	if err != nil {
		t.Fatal(err)
	}
	config, secret := set.items[0], set.items[1]
	cause := &apierrors.StatusError{ErrStatus: metav1.Status{
		Reason:  metav1.StatusReasonInvalid,
		Code:    422,
		Message: `Secret "s" is invalid: data[password]: Invalid value: "x\"y": bad hunter22 aHVudGVyMjI=, got &value.valueUnstructured{Value:1234}`,
		Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Message: "hunter22"}}},
	}}
	got := secret.dryRunError(cause)
	want := `Secret/ns/s dry-run failed (Invalid): Secret "s" is invalid: data[password]: Invalid value: *****: bad ***** *****, got &value.valueUnstructured{Value:*****`
	if diff := cmp.Diff(want, got.Error()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	inner, ok := errors.AsType[*apierrors.StatusError](got)
	if !ok || strings.Contains(inner.Error(), "hunter22") || inner.ErrStatus.Details.Causes[0].Message != mask {
		t.Errorf("the error inside still tells: %v", inner)
	}
	if cause.ErrStatus.Details.Causes[0].Message != "hunter22" {
		t.Error("the original was changed")
	}
	got = config.dryRunError(cause)
	want = `ConfigMap/ns/c dry-run failed (Invalid): Secret "s" is invalid: data[password]: Invalid value: "x\"y": bad hunter22 aHVudGVyMjI=, got &value.valueUnstructured{Value:*****`
	if diff := cmp.Diff(want, got.Error()); diff != "" {
		t.Errorf("text of other kinds (-want +got):\n%s", diff)
	}
	config.hide = []string{"hunter22", "got"}
	want = `ConfigMap/ns/c dry-run failed (Invalid): Secret "s" is invalid: data[password]: Invalid value: "x\"y": bad ***** *****, got &value.valueUnstructured{Value:*****`
	if diff := cmp.Diff(want, config.dryRunError(cause).Error()); diff != "" {
		t.Errorf("text with values of Secrets (-want +got):\n%s", diff)
	}
	missing := &meta.NoKindMatchError{GroupKind: schema.GroupKind{Kind: "X"}}
	if !meta.IsNoMatchError(config.redact(missing)) {
		t.Error("an error without secrets has lost its type")
	}
	if got := secret.fail("apply failed", errors.New("dial hunter22")).Error(); got != "Secret/ns/s apply failed: dial *****" {
		t.Errorf("plain error: %s", got)
	}
}

func TestFieldOwner(t *testing.T) {
	live := parse(t, `apiVersion: v1
kind: Service
metadata: {name: s}
spec: {ports: [{port: 1, protocol: TCP}, {port: 2, protocol: TCP, nodePort: 30000}]}`)[0]
	fields := map[string]any{}
	err := yaml.Unmarshal([]byte(`f:spec: {f:ports: {'k:{"port":2,"protocol":"TCP"}': {.: {}, f:nodePort: {}}}}`), &fields)
	if err != nil {
		t.Fatal(err)
	}
	for pointer, want := range map[string]bool{
		"/spec/ports/1/nodePort": true, "/spec/ports/1": true, "/spec/ports/0/nodePort": false, "/spec/ports/1/port": false, "/spec/ports/9": false, "/spec/x": false,
	} {
		path, err := parsePointer(pointer)
		if err != nil {
			t.Fatal(err)
		}
		if got := ownedBy([]fieldTree{fields}, live, path); got != want {
			t.Errorf("%s: owned = %v", pointer, got)
		}
	}
}
