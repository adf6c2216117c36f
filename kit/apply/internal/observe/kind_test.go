// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// endless is an Evaluator that never comes to an end by itself.
type endless struct{ tries int }

func (e *endless) Evaluate(ctx context.Context, _ *unstructured.Unstructured) (*status.Result, error) {
	e.tries++
	<-ctx.Done()
	return nil, ctx.Err()
}

func (e *endless) Rule() string { return "endless" }

func TestSlowRuleAtIntake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, quick := &endless{}, fixed{res: &status.Result{Status: status.CurrentStatus}}
		rules := map[string]Evaluator{"slow": slow, "quick": quick}
		hub := &Hub{cfg: Config{
			Reader:    Reader{Field: "f", Group: "g"},
			Evaluator: func(owner types.NamespacedName, _ schema.GroupKind) Evaluator { return rules[owner.Name] },
		}}
		sink := &kindSink{kind: newKind(hub, Target{})}
		reduce := func(owner string) Status {
			u := &unstructured.Unstructured{Object: map[string]any{}}
			u.SetLabels(map[string]string{"g/name": owner})
			return sink.reduce(t.Context(), u).Status
		}
		began := time.Now()
		for range 100 {
			if st := reduce("slow"); st != (Status{}) {
				t.Fatalf("status of a rule that came to no end: %v", st)
			}
			if st := reduce("quick"); st.State != status.CurrentStatus {
				t.Fatalf("status by a rule of somebody else: %v", st)
			}
		}
		if took := time.Since(began); slow.tries != 1 || took != intakeLimit {
			t.Errorf("100 objects took %v and %d tries", took, slow.tries)
		}
		time.Sleep(slowRest)
		if reduce("slow"); slow.tries != 2 {
			t.Error("the rule never gets another chance")
		}
	})
}

func TestFullObjectsFirst(t *testing.T) {
	hub := &Hub{cfg: Config{Reader: Reader{Field: "f", Group: "g"}, Notify: func(Event) {}}}
	k := newKind(hub, Target{})
	lean, full := k.open(false), k.open(true)
	key := types.NamespacedName{Name: "x"}
	seen := &residue{rec: Record{Version: "1", Status: Status{State: status.CurrentStatus}}}
	seen.Name = key.Name
	(&kindSink{kind: k, source: full}).replace([]*residue{seen}, "1")
	(&kindSink{kind: k, source: lean}).replace(nil, "1")
	if k.active != full || k.records[key].Status.State != status.CurrentStatus {
		t.Error("metadata that came later took the place of full objects")
	}
	select {
	case <-lean.closed:
	default:
		t.Error("a watch goes on that nobody listens to")
	}
}
