// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	"github.com/weir-gitops/weir/kit/testkit"
	"github.com/weir-gitops/weir/notification-controller/internal/webhook"
)

func TestReady(t *testing.T) {
	f := newFixture(t)
	f.secret("token", map[string]string{"token": "test-token\n"})
	f.receiver("rcv")
	r := f.ready("rcv")
	path := webhook.Path("test-token\n", "rcv", f.namespace)
	if r.Status.WebhookPath != path || testkit.Condition(r, meta.ReadyCondition) != "True Succeeded: Receiver initialized for path: "+path {
		t.Errorf("status: %+v", r.Status)
	}
	if len(r.Status.Conditions) != 1 || r.Status.Conditions[0].ObservedGeneration != r.Generation || !slices.Contains(r.Finalizers, notificationv1.Finalizer) {
		t.Errorf("status: %+v, finalizers %v", r.Status, r.Finalizers)
	}
	checkCurrent(t, r)
	f.eventually("the event", func() bool { return slices.Equal(f.events("rcv"), []string{"Normal Succeeded: Receiver initialized"}) })
	f.post(f.open, path, nil, "", http.StatusOK)

	f.requests.Settle(t)
	f.request("rcv")
	counts := f.requests.Take()
	if got := testkit.Total(counts, "secrets"); got != 1 {
		t.Errorf("a run reads the Secret once, got %d", got)
	}
	if got := testkit.Total(counts, "receivers", "receivers/status"); got != 1 {
		testkit.Log(t, counts)
		t.Errorf("a requested run writes status once, got %d", got)
	}

	if err := f.cluster.Client.Delete(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	f.eventually("the end", func() bool {
		return apierrors.IsNotFound(f.cluster.Client.Get(t.Context(), client.ObjectKeyFromObject(r), &notificationv1.Receiver{}))
	})
	f.post(f.open, path, nil, "", http.StatusNotFound)
	if strings.Contains(f.log.String(), path) {
		t.Error("the path is a credential, and logged")
	}
}

// TestReadyAtOnce posts right after somebody saw that the Receiver is ready, and finds the endpoint that has not heard of it.
func TestReadyAtOnce(t *testing.T) {
	f := newFixture(t)
	f.secret("token", map[string]string{"token": "t"})
	f.receiver("rcv")
	path := f.ready("rcv").Status.WebhookPath
	for what, h := range map[string]http.Handler{"behind": f.behind, "open": f.open} {
		if got := once(h, path, nil, ""); got != http.StatusOK {
			t.Errorf("%s: got %d", what, got)
		}
	}
	f.change("rcv", func(r *notificationv1.Receiver) { r.Spec.Suspend = true })
	if got := once(f.behind, path, nil, ""); got != http.StatusServiceUnavailable {
		t.Errorf("suspended: got %d", got)
	}
	f.change("rcv", func(r *notificationv1.Receiver) { r.Spec.Suspend = false })
	if got := once(f.open, path, nil, ""); got != http.StatusOK {
		t.Errorf("resumed: got %d", got)
	}
	if got := once(f.behind, webhook.Path("no", "such", "path"), nil, ""); got != http.StatusNotFound {
		t.Errorf("no such path: got %d", got)
	}
}

// checkCurrent holds that others, such as the command line, see that the object is done.
func checkCurrent(t *testing.T, r *notificationv1.Receiver) {
	t.Helper()
	obj, err := runtime.DefaultUnstructuredConverter.ToUnstructured(r)
	if err != nil {
		t.Fatal(err)
	}
	result, err := status.Compute(&unstructured.Unstructured{Object: obj})
	if err != nil || result.Status != status.CurrentStatus {
		t.Errorf("kstatus: %+v, %v", result, err)
	}
}

// TestTokenNotFound: a Secret that comes later opens the path, and one that loses its key closes it.
func TestTokenNotFound(t *testing.T) {
	f := newFixture(t)
	f.receiver("rcv")
	missing := func(r *notificationv1.Receiver) bool {
		return conditions.GetReason(r, meta.ReadyCondition) == notificationv1.TokenNotFoundReason
	}
	r := f.wait("rcv", "TokenNotFound", missing)
	if !strings.HasPrefix(testkit.Condition(r, meta.ReadyCondition), "False TokenNotFound: ") || !strings.HasPrefix(testkit.Condition(r, meta.ReconcilingCondition), "True ProgressingWithRetry: ") ||
		conditions.Has(r, meta.StalledCondition) || r.Status.ObservedGeneration != -1 || r.Status.WebhookPath != "" {
		t.Errorf("status: %+v", r.Status)
	}
	f.eventually("the event", func() bool {
		events := f.events("rcv")
		return len(events) > 0 && strings.HasPrefix(events[0], "Warning Failed: ")
	})

	f.secret("token", map[string]string{"token": "t"})
	path := f.ready("rcv").Status.WebhookPath
	f.post(f.open, path, nil, "", http.StatusOK)

	secret := testkit.Secret(f.namespace, "token", map[string]string{"other": "t"})
	secret.Labels = map[string]string{meta.LabelKeyWatch: meta.LabelValueWatchEnabled}
	if err := f.cluster.Client.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	r = f.wait("rcv", "TokenNotFound", missing)
	if r.Status.WebhookPath != "" {
		t.Errorf("path %s", r.Status.WebhookPath)
	}
	f.post(f.open, path, nil, "", http.StatusNotFound)
}

// TestRotation: a new token moves the path.
func TestRotation(t *testing.T) {
	f := newFixture(t)
	f.secret("token", map[string]string{"token": "one"})
	f.receiver("rcv")
	before := f.ready("rcv").Status.WebhookPath
	secret := testkit.Secret(f.namespace, "token", map[string]string{"token": "two"})
	secret.Labels = map[string]string{meta.LabelKeyWatch: meta.LabelValueWatchEnabled}
	if err := f.cluster.Client.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	after := webhook.Path("two", "rcv", f.namespace)
	f.wait("rcv", "the new path", func(r *notificationv1.Receiver) bool { return r.Status.WebhookPath == after })
	f.post(f.open, before, nil, "", http.StatusNotFound)
	f.post(f.open, after, nil, "", http.StatusOK)
}

// TestStalled: what only a person can mend. The path of better days stays, and answers 503.
func TestStalled(t *testing.T) {
	f := newFixture(t)
	f.secret("token", map[string]string{"token": "t"})
	resource := notificationv1.ReceiverResource{CrossNamespaceObjectReference: notificationv1.CrossNamespaceObjectReference{Kind: "GitRepository", Name: "x"}}
	filter := func(text string) func(*notificationv1.Receiver) {
		return func(r *notificationv1.Receiver) { r.Spec.ResourceFilter = text }
	}
	kind := func(name string) func(*notificationv1.Receiver) {
		return func(r *notificationv1.Receiver) { r.Spec.Type = name }
	}
	cases := map[string]struct {
		edit   func(*notificationv1.Receiver)
		reason string
		text   string
	}{
		"text":       {filter("'text'"), notificationv1.InvalidCELExpressionReason, "spec.resourceFilter: "},
		"undeclared": {filter("foo.bar == 'x'"), notificationv1.InvalidCELExpressionReason, "foo"},
		"claims":     {filter("claims.sub == 'x'"), notificationv1.InvalidCELExpressionReason, "claims"},
		"costly":     {filter("[1].all(a, [1].all(b, [1].all(c, true)))"), notificationv1.InvalidCELExpressionReason, "nested"},
		"resource": {func(r *notificationv1.Receiver) {
			resource.Filter = "req.a =="
			r.Spec.Resources = []notificationv1.ReceiverResource{resource}
		}, notificationv1.InvalidCELExpressionReason, "spec.resources[0].filter: "},
		"bitbucket": {kind("bitbucket"), notificationv1.UnsupportedReason, "'bitbucket'"},
		"quay":      {kind("quay"), notificationv1.UnsupportedReason, "'quay'"},
		"gcr":       {kind("gcr"), notificationv1.UnsupportedReason, "'gcr'"},
		"nexus":     {kind("nexus"), notificationv1.UnsupportedReason, "'nexus'"},
		"acr":       {kind("acr"), notificationv1.UnsupportedReason, "'acr'"},
		"generic-oidc": {func(r *notificationv1.Receiver) {
			r.Spec.Type, r.Spec.SecretRef = "generic-oidc", nil
			r.Spec.OIDCProviders = []notificationv1.OIDCProvider{{
				IssuerURL: "https://i.invalid", Validations: []notificationv1.OIDCValidation{{Expression: "true", Message: "m"}},
			}}
		}, notificationv1.UnsupportedReason, "'generic-oidc'"},
		"cdevents": {kind("cdevents"), notificationv1.UnsupportedReason, "'cdevents'"},
	}
	for name := range cases {
		f.receiver(name)
		f.receiver("new-"+name, cases[name].edit)
	}
	for name, tc := range cases {
		before := f.ready(name).Status.WebhookPath
		f.change(name, tc.edit)
		for _, rcv := range []string{name, "new-" + name} {
			r := f.wait(rcv, "Stalled", func(r *notificationv1.Receiver) bool { return conditions.IsStalled(r) })
			message := testkit.Condition(r, meta.ReadyCondition)
			if !strings.HasPrefix(message, "False "+tc.reason+": ") || !strings.Contains(message, tc.text) || conditions.GetReason(r, meta.StalledCondition) != tc.reason ||
				conditions.Has(r, meta.ReconcilingCondition) || r.Status.ObservedGeneration != r.Generation {
				t.Errorf("%s: %+v", rcv, r.Status)
			}
			f.eventually("the event", func() bool {
				return slices.ContainsFunc(f.events(rcv), func(e string) bool { return strings.HasPrefix(e, "Warning "+tc.reason+": ") })
			})
		}
		if got := f.get(name).Status.WebhookPath; got != before {
			t.Errorf("%s: path %s", name, got)
		}
		f.post(f.open, before, nil, "{}", http.StatusServiceUnavailable)
		f.post(f.open, webhook.Path("t", "new-"+name, f.namespace), nil, "{}", http.StatusNotFound)
	}
}

// TestConsistent holds the rules for API servers that do not check them, and that those with them refuse first.
func TestConsistent(t *testing.T) {
	secret := &meta.LocalObjectReference{Name: "token"}
	providers := []notificationv1.OIDCProvider{{IssuerURL: "https://i.invalid", Validations: []notificationv1.OIDCValidation{{Expression: "true", Message: "m"}}}}
	for name, spec := range map[string]notificationv1.ReceiverSpec{
		"oidc-secret": {Type: "generic-oidc", SecretRef: secret, OIDCProviders: providers}, "oidc-alone": {Type: "generic-oidc"},
		"no-secret": {Type: "github"}, "providers": {Type: "github", SecretRef: secret, OIDCProviders: providers},
	} {
		spec.Resources = []notificationv1.ReceiverResource{}
		if consistent(spec) == nil {
			t.Errorf("%s: no error", name)
		}
		t.Run(name, func(t *testing.T) {
			cluster := suite.Cluster(t)
			r := &notificationv1.Receiver{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}, Spec: spec}
			if err := cluster.Client.Create(t.Context(), r); !apierrors.IsInvalid(err) {
				t.Errorf("got %v", err)
			}
		})
	}
	if err := consistent(notificationv1.ReceiverSpec{Type: "generic", SecretRef: secret}); err != nil {
		t.Error(err)
	}
}

// TestSuspended: the object is left alone, requests wait.
func TestSuspended(t *testing.T) {
	f := newFixture(t)
	f.secret("token", map[string]string{"token": "t"})
	f.receiver("rcv")
	before := f.ready("rcv")
	f.change("rcv", func(r *notificationv1.Receiver) { r.Spec.Suspend = true })
	f.post(f.open, before.Status.WebhookPath, nil, "", http.StatusServiceUnavailable)
	if r := f.request("rcv"); testkit.Condition(r, meta.ReadyCondition) != testkit.Condition(before, meta.ReadyCondition) {
		t.Errorf("conditions: %+v", r.Status.Conditions)
	}
	f.change("rcv", func(r *notificationv1.Receiver) { r.Spec.Suspend = false })
	f.post(f.open, before.Status.WebhookPath, nil, "", http.StatusOK)
}

// TestClash: token, name and namespace are joined without separators. The path belongs to the older; the newer says so, and has it once the
// older is gone.
func TestClash(t *testing.T) {
	f := newFixture(t)
	f.secret("token", map[string]string{"token": "tok"})
	f.secret("longer", map[string]string{"token": "toke-"})
	f.receiver("e-rcv")
	path := f.ready("e-rcv").Status.WebhookPath
	f.receiver("rcv", func(r *notificationv1.Receiver) { r.Spec.SecretRef.Name = "longer" })
	r := f.wait("rcv", "Stalled", func(r *notificationv1.Receiver) bool { return conditions.IsStalled(r) })
	if got := testkit.Condition(r, meta.ReadyCondition); !strings.HasPrefix(got, "False ValidationFailed: ") || !strings.Contains(got, "receiver 'e-rcv'") {
		t.Errorf("Ready: %s", got)
	}
	f.post(f.open, path, nil, "", http.StatusOK)
	if err := f.cluster.Client.Delete(t.Context(), f.get("e-rcv")); err != nil {
		t.Fatal(err)
	}
	if got := f.ready("rcv").Status.WebhookPath; got != path {
		t.Errorf("path %s", got)
	}
	f.post(f.open, path, nil, "", http.StatusOK)
}

// TestClashLater: the older of two gets its token later. The newer, which had the path until then, says that it has it no more.
func TestClashLater(t *testing.T) {
	f := newFixture(t)
	f.secret("longer", map[string]string{"token": "toke-"})
	f.receiver("e-rcv")
	f.wait("e-rcv", "TokenNotFound", func(r *notificationv1.Receiver) bool {
		return conditions.GetReason(r, meta.ReadyCondition) == notificationv1.TokenNotFoundReason
	})
	f.receiver("rcv", func(r *notificationv1.Receiver) { r.Spec.SecretRef.Name = "longer" })
	path := f.ready("rcv").Status.WebhookPath
	f.secret("token", map[string]string{"token": "tok"})
	if got := f.ready("e-rcv").Status.WebhookPath; got != path {
		t.Errorf("path %s", got)
	}
	f.wait("rcv", "Stalled", func(r *notificationv1.Receiver) bool { return conditions.IsStalled(r) })
	f.post(f.open, path, nil, "", http.StatusOK)
}
