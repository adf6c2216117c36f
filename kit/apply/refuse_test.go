// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/weir-gitops/weir/kit/testkit"
)

// deny installs an admission policy for the rig's namespace, which stands for any admission that refuses objects.
func (r *rig) deny(t *testing.T) {
	t.Helper()
	policies := r.admin.AdmissionregistrationV1()
	_, err := policies.ValidatingAdmissionPolicies().Create(t.Context(), &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: r.ns},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			FailurePolicy: new(admissionv1.Fail),
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
				RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
					Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"}},
				},
			}}},
			Validations: []admissionv1.Validation{{
				Expression: "object.metadata.name != 'denied'", Message: "not here", Reason: new(metav1.StatusReasonForbidden),
			}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = policies.ValidatingAdmissionPolicyBindings().Create(t.Context(), &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: r.ns},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName:        r.ns,
			ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			MatchResources: &admissionv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{
				MatchLabels: map[string]string{"kubernetes.io/metadata.name": r.ns},
			}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAdmissionRefuses(t *testing.T) {
	r := newRig(t)
	r.deny(t)
	var p pass
	tries := 0
	testkit.Eventually(t, "the policy is enforced", func() bool {
		tries++
		both := configMaps(1, fmt.Sprint(tries)) + "\n---\n" + strings.ReplaceAll(configMaps(1, fmt.Sprint(tries)), "cm-00", "denied")
		p = r.reconcile(t, r.owner("app"), nil, both)
		// It may come into force between a dry-run and its apply.
		return p.err != nil && !strings.Contains(p.err.Error(), " apply failed: ")
	})
	if !strings.HasPrefix(p.err.Error(), "ConfigMap/"+r.ns+"/denied dry-run failed (Forbidden): ") || !strings.Contains(p.err.Error(), "not here") {
		t.Errorf("error = %v", p.err)
	}
}

func TestSecretValuesStaySecret(t *testing.T) {
	r := newRig(t)
	for name, fields := range map[string]string{
		"NotBase64":   "data: {password: 'hunter22!'}",
		"NoString":    "data: {password: {inner: hunter22}}",
		"Number":      "data: {password: 22334455}",
		"BadLogin":    "type: kubernetes.io/dockerconfigjson\nstringData: {.dockerconfigjson: hunter22}",
		"TextNoMatch": "stringData: {password: [hunter22]}",
	} {
		t.Run(name, func(t *testing.T) {
			p := r.reconcile(t, r.owner(strings.ToLower(name)), nil, "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: $NS}\n"+fields)
			if p.err == nil {
				t.Fatal("accepted")
			}
			for _, value := range []string{"hunter22", "22334455", "aHVudGVyMjI"} {
				if strings.Contains(p.err.Error(), value) {
					t.Errorf("the value is in the message: %v", p.err)
				}
			}
			t.Log(p.err)
		})
	}
}

func TestDefinitionWithBrokenCABundle(t *testing.T) {
	r := newRig(t)
	broken := strings.Replace(crd("Widget", "Namespaced"), "spec:\n", `spec:
  conversion:
    strategy: Webhook
    webhook:
      conversionReviewVersions: [v1]
      clientConfig: {url: "https://example.com", caBundle: Cg==}
`, 1)
	if p, _ := r.settle(t, r.owner("app"), nil, broken); p.err != nil {
		t.Fatal(p.err)
	}
}

func TestMigrateAPIVersion(t *testing.T) {
	r := newRig(t, func(c *Config) { c.MigrateAPIVersion = true })
	o := r.owner("app")
	twoVersions := strings.Replace(crd("Widget", "Namespaced"), "  versions:\n", `  versions:
  - name: v2
    served: true
    storage: false
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`, 1)
	widget := func(version string) string {
		return "apiVersion: $NS.example.com/" + version + "\nkind: Widget\nmetadata: {name: w, namespace: $NS}\nspec: {size: 1}"
	}
	p, _ := r.settle(t, o, nil, twoVersions+"\n---\n"+widget("v1"))
	if p.err != nil {
		t.Fatal(p.err)
	}
	p, _ = r.settle(t, o, p.inventory(), twoVersions+"\n---\n"+widget("v2"))
	if p.err != nil {
		t.Fatal(p.err)
	}
	gvr := schema.GroupVersionResource{Group: r.ns + ".example.com", Version: "v2", Resource: "widgets"}
	live, err := r.dynamic.Resource(gvr).Namespace(r.ns).Get(t.Context(), "w", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range live.GetManagedFields() {
		if e.APIVersion != r.ns+".example.com/v2" {
			t.Errorf("manager %s is still at %s", e.Manager, e.APIVersion)
		}
	}
	if diff := cmp.Diff(2, len(p.inventory())); diff != "" || len(p.pruned.Items) > 0 {
		t.Errorf("another version counts as another object: %v, pruned %v", p.inventory(), p.pruned.Map())
	}
	if got := p.inventory()[1].Version; got != "v2" {
		t.Errorf("inventory holds version %s", got)
	}
}

func TestInvalidInventory(t *testing.T) {
	r := newRig(t)
	p := r.reconcile(t, r.owner("app"), []Entry{{ID: "broken", Version: "v1"}}, configMaps(1, "x"))
	if p.err == nil || !strings.Contains(p.err.Error(), "unable to parse stored object metadata: broken") {
		t.Errorf("error = %v", p.err)
	}
	if r.configMapExists(t, "cm-00") {
		t.Error("something was applied")
	}
}
