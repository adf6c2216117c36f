// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

const group = "kustomize.toolkit.fluxcd.io"

func entry(manager string, op metav1.ManagedFieldsOperationType, fields string, at int64) metav1.ManagedFieldsEntry {
	e := metav1.ManagedFieldsEntry{Manager: manager, Operation: op, APIVersion: "v1", FieldsType: "FieldsV1"}
	when := metav1.Unix(at, 0)
	e.Time = &when
	e.FieldsV1 = &metav1.FieldsV1{}
	e.FieldsV1.SetRawBytes([]byte(fields))
	return e
}

func TestReader(t *testing.T) {
	const update, apply = metav1.ManagedFieldsOperationUpdate, metav1.ManagedFieldsOperationApply
	reader := Reader{Field: "kustomize-controller", Group: group, Overrides: []string{"argocd"}}
	ours := entry("kustomize-controller", apply, `{"f:data":{}}`, 10)
	read := func(change func(*metav1.ObjectMeta)) Record {
		m := &metav1.ObjectMeta{
			UID: "u", ResourceVersion: "5",
			Labels:        map[string]string{group + "/name": "app", group + "/namespace": "ns"},
			ManagedFields: []metav1.ManagedFieldsEntry{ours},
		}
		if change != nil {
			change(m)
		}
		return reader.Read(m)
	}
	base := read(nil)
	if base.Owner != (types.NamespacedName{Namespace: "ns", Name: "app"}) || base.Flags != 0 || base.Ours == (Print{}) || base.APIVersions != "v1" {
		t.Fatalf("record = %+v", base)
	}
	cases := map[string]struct {
		reason string
		change func(*metav1.ObjectMeta)
		same   bool // Ours stays
		flags  Flags
		writer string
	}{
		"Status": {"a status write is not ours to judge", func(m *metav1.ObjectMeta) {
			e := entry("kube-controller-manager", update, `{"f:status":{}}`, 20)
			e.Subresource = "status"
			m.ManagedFields = append(m.ManagedFields, e)
		}, true, 0, ""},
		"OtherField": {"another manager with fields of its own", func(m *metav1.ObjectMeta) {
			m.ManagedFields = append(m.ManagedFields, entry("operator", update, `{"f:x":{}}`, 20), entry("older", update, `{"f:y":{}}`, 15))
		}, true, 0, "operator"},
		"TakenField": {"our entry lost a field", func(m *metav1.ObjectMeta) {
			m.ManagedFields = []metav1.ManagedFieldsEntry{entry("kustomize-controller", apply, `{}`, 10)}
		}, false, 0, ""},
		"SameName": {"somebody applied under our name", func(m *metav1.ObjectMeta) {
			m.ManagedFields = []metav1.ManagedFieldsEntry{entry("kustomize-controller", apply, `{"f:data":{}}`, 11)}
		}, false, 0, ""},
		"Kubectl": {"kubectl users are taken over", func(m *metav1.ObjectMeta) {
			m.ManagedFields = append(m.ManagedFields, entry("kubectl-edit", update, `{}`, 20))
		}, true, TakeOver, "kubectl-edit"},
		"KubectlScale": {"but not their writes to a subresource", func(m *metav1.ObjectMeta) {
			e := entry("kubectl", update, `{}`, 20)
			e.Subresource = "scale"
			m.ManagedFields = append(m.ManagedFields, e)
		}, true, 0, ""},
		"Override": {"so is what the operator named", func(m *metav1.ObjectMeta) {
			m.ManagedFields = append(m.ManagedFields, entry("argocd-controller", apply, `{}`, 20))
		}, true, TakeOver, "argocd-controller"},
		"OwnUpdate": {"and our own client-side writes", func(m *metav1.ObjectMeta) {
			m.ManagedFields = append(m.ManagedFields, entry("kustomize-controller", update, `{}`, 20))
		}, true, TakeOver, "kustomize-controller"},
		"Leftover": {"an annotation of kubectl apply", func(m *metav1.ObjectMeta) {
			m.Annotations = map[string]string{"kubectl.kubernetes.io/last-applied-configuration": ""}
		}, true, TakeOver, ""},
		"Disabled": {"a label counts like an annotation", func(m *metav1.ObjectMeta) { m.Labels[group+"/reconcile"] = "Disabled" }, true, Skip, ""},
		"Annotation": {"several opt-outs add up", func(m *metav1.ObjectMeta) {
			m.Annotations = map[string]string{group + "/prune": "disabled", group + "/force": "ENABLED", group + "/ssa": "Merge"}
		}, true, Keep | Force | Merge, ""},
		"Override2": {"the default value is none", func(m *metav1.ObjectMeta) { m.Annotations = map[string]string{group + "/ssa": "Override"} }, true, 0, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := read(tc.change)
			if (got.Ours == base.Ours) != tc.same {
				t.Errorf("%s: Ours", tc.reason)
			}
			if got.Flags != tc.flags || got.Writer != tc.writer {
				t.Errorf("%s: flags %b, writer %q", tc.reason, got.Flags, got.Writer)
			}
		})
	}
}

func TestOlder(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want bool
	}{{"9", "10", true}, {"10", "9", false}, {"10", "10", false}, {"", "1", false}, {"abc", "abd", false}} {
		if got := Older(tc.a, tc.b); got != tc.want {
			t.Errorf("Older(%q, %q) = %v", tc.a, tc.b, got)
		}
	}
}

// fixed is an Evaluator with one answer.
type fixed struct {
	res *status.Result
	err error
}

func (f fixed) Evaluate(ctx context.Context, _ *unstructured.Unstructured) (*status.Result, error) {
	if f == (fixed{}) {
		panic("no answer")
	}
	if _, limited := ctx.Deadline(); !limited {
		return nil, errors.New("unbounded")
	}
	return f.res, f.err
}

func (f fixed) Rule() string { return "fixed" }

func TestCompute(t *testing.T) {
	object := func(kind string, fields map[string]any) *unstructured.Unstructured {
		u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "batch/v1", "kind": kind, "metadata": map[string]any{"name": "x"}}}
		maps.Copy(u.Object, fields)
		return u
	}
	deleted := object("Job", nil)
	now := metav1.NewTime(time.Unix(1, 0))
	deleted.SetDeletionTimestamp(&now)
	cases := map[string]struct {
		reason string
		obj    *unstructured.Unstructured
		by     Evaluator
		want   Status
	}{
		"RunningJob":   {"a job that runs is not done", object("Job", map[string]any{"status": map[string]any{"startTime": "x", "active": int64(1)}}), nil, Status{State: status.InProgressStatus}},
		"SuspendedJob": {"a suspended job is", object("Job", map[string]any{"spec": map[string]any{"suspend": true}}), nil, Status{State: status.CurrentStatus}},
		"DeletedJob":   {"one on its way out is terminating", deleted, nil, Status{State: status.TerminatingStatus}},
		"CronJob":      {"a CronJob is current at once", object("CronJob", nil), nil, Status{State: status.CurrentStatus}},
		"Rule":         {"an evaluator decides", object("CronJob", nil), fixed{res: &status.Result{Status: status.FailedStatus}}, Status{State: status.FailedStatus, Rule: "fixed"}},
		"BrokenRule":   {"its error belongs to the object", object("CronJob", nil), fixed{err: errors.New("no such key")}, Status{State: status.UnknownStatus, Problem: "no such key", Rule: "fixed"}},
		"Panic":        {"so does its panic, which ends nothing", object("CronJob", nil), fixed{}, Status{State: status.UnknownStatus, Problem: "panic in health rules: no answer", Rule: "fixed"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Compute(t.Context(), tc.obj, tc.by)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
