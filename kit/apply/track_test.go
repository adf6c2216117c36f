// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"errors"
	"strings"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/kit/testkit"
)

const trackedMap = `apiVersion: v1
kind: ConfigMap
metadata:
  name: $NAME
  namespace: $NS
  labels: {kustomize.toolkit.fluxcd.io/name: app, kustomize.toolkit.fluxcd.io/namespace: $NS}
data: {x: one}`

// TestTrack follows objects that were written past the engine, with and without server-side apply, and puts them right.
func TestTrack(t *testing.T) {
	r := newRig(t, func(c *Config) { c.CountUpdates = true })
	cl, err := client.New(suite.Cluster(t).Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	owner := r.owner("app")
	desired := append(r.objects(t, strings.ReplaceAll(trackedMap, "$NAME", "a")), r.objects(t, strings.ReplaceAll(trackedMap, "$NAME", "b"))...)
	var tracked []Tracked
	for _, u := range desired {
		live := u.DeepCopy()
		if err := cl.Create(t.Context(), live, client.FieldOwner(testField)); err != nil {
			t.Fatal(err)
		}
		tracked = append(tracked, Tracked{Object: live})
	}
	r.Track(r.clients, owner, tracked, true)
	testkit.Eventually(t, "settled", func() bool { return r.Settled(owner) })

	edit := func(name, value string) {
		u := &unstructured.Unstructured{}
		u.SetGroupVersionKind(desired[0].GroupVersionKind())
		if err := cl.Get(t.Context(), client.ObjectKey{Namespace: r.ns, Name: name}, u); err != nil {
			t.Fatal(err)
		}
		if err := unstructured.SetNestedField(u.Object, value, "data", "x"); err != nil {
			t.Fatal(err)
		}
		if err := cl.Update(t.Context(), u, client.FieldOwner("somebody")); err != nil {
			t.Fatal(err)
		}
	}
	edit("a", "two")
	r.wake(t, owner)
	if err := cl.Delete(t.Context(), desired[1].DeepCopy()); err != nil {
		t.Fatal(err)
	}
	r.wake(t, owner)

	found, err := r.Compare(t.Context(), r.clients, cl, desired, CompareOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 2 || found[0].Relation != Changed || found[0].Changes != 1 || found[1].Relation != Removed {
		t.Fatalf("found %+v", found)
	}
	if want := "ConfigMap/" + r.ns + "/a changed (0 additions, 1 changes, 0 removals)"; found[0].Text() != want {
		t.Errorf("text %q", found[0].Text())
	}
	tracked = nil
	for _, d := range found {
		one, ok := d.Tracked()
		if !ok || !one.Off {
			t.Errorf("%s is as it should be: %+v", d.Subject, one)
		}
		tracked = append(tracked, one)
	}
	done, err := r.Correct(t.Context(), cl, found)
	if err != nil || len(done) != 2 || done[0].Action != Created || done[1].Action != Configured {
		t.Errorf("corrected %+v, %v", done, err)
	}
	r.Track(r.clients, owner, tracked, false)
	tracked = nil
	for _, d := range found {
		one, ok := d.Tracked()
		if !ok || one.Off {
			t.Errorf("%s cannot be tracked", d.Subject)
		}
		tracked = append(tracked, one)
	}
	r.Track(r.clients, owner, tracked, true)
	testkit.Eventually(t, "settled", func() bool { return r.Settled(owner) })
	for id, p := range r.ledger.find(owner).entries {
		if p.delay() == 0 {
			t.Errorf("%s is put right at once, however often somebody changes or deletes it", id)
		}
	}
	edit("a", "three")
	r.wake(t, owner)

	ignored, err := r.Compare(t.Context(), r.clients, cl, desired, CompareOptions{Ignore: []IgnoreRule{
		{Paths: []string{"/data/x"}, Target: &Selector{Name: "a"}}, {Paths: []string{""}, Target: &Selector{Name: "b"}},
	}})
	if err != nil || ignored[0].Relation != Same || ignored[1].Relation != Excluded {
		t.Errorf("ignored: %+v, %v", ignored, err)
	}
}

func TestConcealed(t *testing.T) {
	secret := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "s"}, "data": map[string]any{"a": "aHVudGVyMjI="},
	}}
	refused := apierrors.NewInvalid(schema.GroupKind{Kind: "Secret"}, "s", nil)
	refused.ErrStatus.Message = `Secret "s" is invalid: data[a]: Invalid value: "hunter22": must be shorter`
	if got := concealed(secret, refused).Error(); got != "must be shorter" {
		t.Errorf("concealed %q", got)
	}
	other := &apierrors.StatusError{ErrStatus: metav1.Status{Message: "hunter22 is no good", Reason: metav1.StatusReasonForbidden}}
	if got := Redact(secret, other); strings.Contains(got.Error(), "hunter22") || !apierrors.IsForbidden(got) {
		t.Errorf("redacted %v", got)
	}
	if got := Redact(secret, errors.New("plain")); got.Error() != "plain" {
		t.Errorf("redacted %v", got)
	}
}

func TestDefaultRules(t *testing.T) {
	job := schema.GroupKind{Group: "batch", Kind: "Job"}
	judge := func(*unstructured.Unstructured) *status.Result { return &status.Result{Status: status.CurrentStatus} }
	var none *Expressions
	if none.Covers(job) || !none.Default(job, "mine", judge).Covers(job) {
		t.Error("a rule of the caller is not used")
	}
	own := none.Default(job, "own", judge)
	if again := own.Default(job, "mine", judge); again != own {
		t.Error("a rule of the caller wins over one of the owner")
	}
}
