// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
)

const widgetCRD = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: $PLURAL.$NS.example.com}
spec:
  group: $NS.example.com
  scope: $SCOPE
  names: {plural: $PLURAL, singular: $SINGULAR, kind: $KIND, listKind: $KINDList}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}`

func crd(kind, scope string) string {
	lower := strings.ToLower(kind)
	return strings.NewReplacer("$PLURAL", lower+"s", "$SINGULAR", lower, "$KIND", kind, "$SCOPE", scope).Replace(widgetCRD)
}

// settle repeats passes for as long as a stage is pending, as a controller would, and returns how many it took. A watch has to bring the owner
// back, but for what none shows.
func (r *rig) settle(t *testing.T, o Owner, inventory []Entry, manifests string) (pass, int) {
	t.Helper()
	var all Changes
	for n := 1; ; n++ {
		p := r.reconcile(t, o, inventory, manifests)
		all.Append(p.changes)
		pending, ok := errors.AsType[*StagePending](p.err)
		if !ok {
			p.changes = all
			return p, n
		}
		if pending.After == servedRecheck {
			time.Sleep(pending.After)
			continue
		}
		r.wake(t, o)
	}
}

func TestDefinitionAndResourceTogether(t *testing.T) {
	r := newRig(t)
	o := r.owner("app")
	manifests := strings.Join([]string{
		"apiVersion: $NS.example.com/v1\nkind: Widget\nmetadata: {name: w, namespace: $NS-new}\nspec: {size: 1}",
		"apiVersion: $NS.example.com/v1\nkind: Fleet\nmetadata: {name: f, namespace: $NS-new}\nspec: {size: 1}",
		crd("Widget", "Namespaced"), crd("Fleet", "Cluster"),
		"apiVersion: v1\nkind: Namespace\nmetadata: {name: $NS-new}",
	}, "\n---\n")
	p, passes := r.settle(t, o, nil, manifests)
	if p.err != nil {
		t.Fatal(p.err)
	}
	t.Logf("settled in %d passes, requests %v", passes, r.counter.take())
	var ids []string
	for _, e := range p.inventory() {
		ids = append(ids, strings.ReplaceAll(e.ID, r.ns, "NS")+" "+e.Version)
	}
	want := []string{
		"_fleets.NS.example.com_apiextensions.k8s.io_CustomResourceDefinition v1",
		"_widgets.NS.example.com_apiextensions.k8s.io_CustomResourceDefinition v1",
		"_NS-new__Namespace v1",
		"_f_NS.example.com_Fleet v1", // cluster-scoped: the namespace of the manifest is dropped
		"NS-new_w_NS.example.com_Widget v1",
	}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Errorf("inventory in apply order (-want +got):\n%s", diff)
	}
	created := p.changes.Only(Created)
	if len(created) != 5 {
		t.Errorf("created %d of 5: %v", len(created), p.changes.Map())
	}

	// The first pass in which the API server serves the new kinds begins to watch them; from then on they are free.
	if p = r.reconcile(t, o, p.inventory(), manifests); p.err != nil {
		t.Fatal(p.err)
	}
	r.counter.take()
	if p = r.reconcile(t, o, p.inventory(), manifests); p.err != nil {
		t.Fatal(p.err)
	}
	if got := r.counter.take(); len(got) > 0 {
		t.Errorf("unchanged set cost requests: %v", got)
	}

	// Deleting the definition takes its objects along; a kind that is not served counts as deleted.
	if p = r.reconcile(t, o, p.inventory(), "apiVersion: v1\nkind: Namespace\nmetadata: {name: $NS-new}"); p.err != nil {
		t.Fatal(p.err)
	}
	if diff := cmp.Diff(4, len(p.pruned.Only(Deleted))); diff != "" {
		t.Errorf("pruned (-want +got):\n%s\n%v", diff, p.pruned.Map())
	}
	gone := NewEntry(schema.GroupVersionKind{Group: "nowhere.example.com", Version: "v1", Kind: "Nothing"}, r.ns, "x")
	changes, err := r.PruneAll(t.Context(), r.clients, o, []Entry{gone})
	if err != nil || changes.Items[0].Action != Deleted {
		t.Errorf("prune of a kind that is not served: %v %v", changes.Map(), err)
	}
}

func TestStageThatCannotBecomeReady(t *testing.T) {
	r := newRig(t)
	first := r.owner("first")
	if p, _ := r.settle(t, first, nil, crd("Widget", "Namespaced")); p.err != nil {
		t.Fatal(p.err)
	}
	conflicting := strings.NewReplacer("$PLURAL", "gadgets", "$SINGULAR", "gadget", "$KIND", "Widget", "$SCOPE", "Namespaced").Replace(widgetCRD)
	p, _ := r.settle(t, r.owner("second"), nil, conflicting+"\n---\n"+configMaps(1, "x"))
	if p.err == nil || !strings.Contains(p.err.Error(), "failed early due to stalled resources: [CustomResourceDefinition/gadgets.") {
		t.Errorf("error = %v", p.err)
	}
	if p.changes.Map()["ConfigMap/"+r.ns+"/cm-00"] != "" {
		t.Error("the next stage was applied")
	}
}

func TestFailures(t *testing.T) {
	r := newRig(t)
	reader := r.impersonate(t, "reader")
	cases := map[string]struct {
		reason   string
		manifest string
		clients  Clients
		want     []string
	}{
		"UnknownKind": {
			reason:   "a custom resource whose definition is nowhere is named with its version",
			manifest: "apiVersion: none.example.com/v1\nkind: Missing\nmetadata: {name: x, namespace: $NS}",
			want:     []string{`Missing/$NS/x dry-run failed: no matches for kind "Missing" in version "none.example.com/v1"`},
		},
		"NamespaceMissing": {
			reason:   "the API server's text says which namespace",
			manifest: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: $NS-none}",
			want:     []string{`ConfigMap/$NS-none/x not found: namespaces "$NS-none" not found`},
		},
		"NamespaceNotSpecified": {
			reason:   "a namespaced object needs a namespace",
			manifest: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}",
			want:     []string{`ConfigMap/x namespace not specified: the server could not find the requested resource`},
		},
		"AllAtOnce": {
			reason: "every object that is refused is reported, in apply order",
			manifest: "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: $NS}\nspec: {ports: [{port: 99999}]}\n---\n" +
				"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good, namespace: $NS}\n---\n" +
				"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad, namespace: $NS}\ndata: {a: {b: c}}",
			want: []string{"ConfigMap/$NS/bad dry-run failed", "Service/$NS/s dry-run failed (Invalid): "},
		},
		"Forbidden": {
			reason:   "the impersonated account lacks rights",
			manifest: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: $NS}",
			clients:  reader,
			want:     []string{`ConfigMap/$NS/x dry-run failed (Forbidden): configmaps "x" is forbidden: User "system:serviceaccount:$NS:reader" cannot patch resource`},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := r.owner(strings.ToLower(name))
			set, err := r.Prepare(o, r.objects(t, tc.manifest), PrepareOptions{})
			if err != nil {
				t.Fatal(err)
			}
			c := r.clients
			if tc.clients.Metadata != nil {
				c = tc.clients
			}
			plan, err := r.Plan(t.Context(), c, o, set, nil, PlanOptions{})
			if err != nil {
				t.Fatal(err)
			}
			changes, err := r.Apply(t.Context(), c, plan)
			if err == nil {
				t.Fatalf("%s: applied", tc.reason)
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(tc.want) {
				t.Fatalf("%s: got %d lines:\n%v", tc.reason, len(lines), err)
			}
			for i, want := range tc.want {
				if want = strings.ReplaceAll(want, "$NS", r.ns); !strings.HasPrefix(lines[i], want) {
					t.Errorf("%s:\n got %s\nwant %s…", tc.reason, lines[i], want)
				}
			}
			if len(changes.Items) > 0 {
				t.Errorf("%s: something was reported as done: %v", tc.reason, changes.Map())
			}
			if _, err := r.admin.CoreV1().ConfigMaps(r.ns).Get(t.Context(), "good", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
				t.Errorf("%s: an object of the failed stage was written", tc.reason)
			}
			if r.Drifted(o) {
				t.Errorf("%s: a failed first apply counts as drift", tc.reason)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	r := newRig(t)
	cfg := &rest.Config{Host: "https://127.0.0.1:1"}
	c := Clients{Dynamic: dynamic.NewForConfigOrDie(cfg), Metadata: metadata.NewForConfigOrDie(cfg), Mapper: r.clients.Mapper, Remote: true}
	o := r.owner("app")
	set, err := r.Prepare(o, r.objects(t, configMaps(20, "x")), PrepareOptions{})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := r.Plan(t.Context(), c, o, set, nil, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Apply(t.Context(), c, plan)
	if diff := cmp.Diff("the API server did not answer: dial tcp 127.0.0.1:1: connect: connection refused", errText(err)); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	_, err = r.PruneAll(t.Context(), c, o, plan.Intent())
	failed, ok := errors.AsType[*PruneError](err)
	if !ok || len(failed.Survivors) != 20 || strings.Count(err.Error(), "connection refused") != 1 {
		t.Errorf("prune: %v", err)
	}
}

// impersonate returns clients that act as a ServiceAccount without any rights.
func (r *rig) impersonate(t *testing.T, account string) Clients {
	t.Helper()
	cfg := rest.CopyConfig(suite.Cluster(t).Config)
	cfg.Wrap(r.counter.wrap)
	cfg.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:" + r.ns + ":" + account}
	c := clientsFor(t, cfg)
	c.Mapper = r.clients.Mapper
	return c
}

func TestImmutable(t *testing.T) {
	r := newRig(t)
	const secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: $NS}\nimmutable: true\nstringData: {key: VALUE}"
	o := r.owner("app")
	p := r.reconcile(t, o, nil, strings.ReplaceAll(secret, "VALUE", "first-value"))
	if p.err != nil {
		t.Fatal(p.err)
	}
	before, err := r.admin.CoreV1().Secrets(r.ns).Get(t.Context(), "s", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}

	p2 := r.reconcile(t, o, p.inventory(), strings.ReplaceAll(secret, "VALUE", "second-value"))
	if p2.err == nil || !strings.Contains(p2.err.Error(), "Secret/"+r.ns+"/s dry-run failed (Invalid): ") ||
		!strings.Contains(p2.err.Error(), "field is immutable") {
		t.Fatalf("error without force = %v", p2.err)
	}

	invalid := strings.ReplaceAll(secret, "VALUE", "x") + "\ntype: kubernetes.io/tls"
	p2 = r.reconcile(t, o, p.inventory(), invalid, force)
	if p2.err == nil {
		t.Fatal("an invalid Secret was accepted")
	}
	still, err := r.admin.CoreV1().Secrets(r.ns).Get(t.Context(), "s", metav1.GetOptions{})
	if err != nil || still.UID != before.UID {
		t.Fatalf("force deleted the live object for an invalid one: %v", err)
	}

	p2 = r.reconcile(t, o, p.inventory(), strings.ReplaceAll(secret, "VALUE", "second-value"), force)
	if p2.err != nil || p2.changes.Items[0].Action != Created {
		t.Fatalf("forced: %v %v", p2.changes.Map(), p2.err)
	}
	after, err := r.admin.CoreV1().Secrets(r.ns).Get(t.Context(), "s", metav1.GetOptions{})
	if err != nil || after.UID == before.UID || string(after.Data["key"]) != "second-value" {
		t.Errorf("the object was not recreated: %v", err)
	}
	r.caughtUp(t, r.Engine, o)
	r.quiet(t)
}

func TestForceWaitsForFinalizers(t *testing.T) {
	r := newRig(t)
	const secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: $NS, annotations: {kustomize.toolkit.fluxcd.io/force: Enabled}}\nimmutable: true\nstringData: {key: VALUE}"
	o := r.owner("app")
	p := r.reconcile(t, o, nil, strings.ReplaceAll(secret, "VALUE", "first-value"))
	if p.err != nil {
		t.Fatal(p.err)
	}
	secrets := r.admin.CoreV1().Secrets(r.ns)
	live, err := secrets.Get(t.Context(), "s", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	live.Finalizers = []string{"example.com/slow"}
	if _, err = secrets.Update(t.Context(), live, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	next := strings.ReplaceAll(secret, "VALUE", "second-value")
	p2 := r.reconcile(t, o, p.inventory(), next)
	if _, pending := errors.AsType[*StagePending](p2.err); !pending {
		t.Fatalf("error = %v, want StagePending", p2.err)
	}
	if live, err = secrets.Get(t.Context(), "s", metav1.GetOptions{}); err != nil {
		t.Fatal(err)
	}
	live.Finalizers = nil
	if _, err = secrets.Update(t.Context(), live, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	p2, _ = r.settle(t, o, p.inventory(), next)
	if p2.err != nil || p2.changes.Items[0].Action != Created {
		t.Fatalf("after the finalizer: %v %v", p2.changes.Map(), p2.err)
	}
}

func TestForceSparesNamespaces(t *testing.T) {
	r := newRig(t)
	e := &Engine{cfg: Config{Group: testGroup}}
	set, err := r.Prepare(r.owner("app"), r.objects(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: $NS-x}\n---\n"+crd("Widget", "Cluster")), PrepareOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range set.items {
		cause := apierrors.NewInvalid(it.gvk().GroupKind(), it.id.Name, nil)
		if e.mayRecreate(&Plan{opts: PlanOptions{Force: true}}, &step{item: it}, e.reader.Read(it.obj), cause) {
			t.Errorf("%s would be recreated because the whole set is forced", it.subject())
		}
	}
}
