// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile_test

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"

	"github.com/weir-gitops/weir/kit/reconcile"
)

func TestRecords(t *testing.T) {
	var records reconcile.Records[int]
	a, b := types.NamespacedName{Namespace: "ns", Name: "a"}, types.NamespacedName{Namespace: "ns", Name: "b"}
	if records.Find(a) != nil {
		t.Error("to look for a record makes none")
	}
	*records.Of(a) = 1
	if *records.Of(a) != 1 || *records.Find(a) != 1 || *records.Of(b) != 0 {
		t.Error("each object has a record of its own, which stays")
	}
	records.Drop(a)
	if records.Find(a) != nil || *records.Of(a) != 0 || records.Find(b) == nil {
		t.Error("one that is dropped begins anew, and no other")
	}
}

func TestFingerprint(t *testing.T) {
	one, err := reconcile.Fingerprint("a", map[string]int{"x": 1, "y": 2})
	if err != nil {
		t.Fatal(err)
	}
	if two, _ := reconcile.Fingerprint("a", map[string]int{"y": 2, "x": 1}); one != two {
		t.Error("equal parts have one fingerprint")
	}
	if two, _ := reconcile.Fingerprint("a", map[string]int{"x": 2, "y": 1}); one == two {
		t.Error("other parts have another")
	}
	if _, err := reconcile.Fingerprint(func() {}); err == nil {
		t.Error("what JSON cannot express has none")
	}
}

func TestWaker(t *testing.T) {
	name := func(n string) types.NamespacedName { return types.NamespacedName{Namespace: "ns", Name: n} }
	queues := map[string]workqueue.TypedRateLimitingInterface[ctrl.Request]{
		"Plain":    workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[ctrl.Request]()),
		"Priority": priorityqueue.New[ctrl.Request]("test"),
	}
	for kind, queue := range queues {
		t.Run(kind, func(t *testing.T) {
			defer queue.ShutDown()
			var w reconcile.Waker
			w.Wake(name("early")) // nobody listens yet, and nobody is held up
			if err := w.Start(t.Context(), queue); err != nil {
				t.Fatal(err)
			}
			w.Wake(name("a"))
			taken := make(chan ctrl.Request, 1)
			go func() {
				request, _ := queue.Get()
				queue.Done(request)
				taken <- request
			}()
			select {
			case request := <-taken:
				if request.NamespacedName != name("a") {
					t.Errorf("woke %s", request)
				}
			case <-time.After(time.Minute):
				t.Fatal("nothing was queued")
			}
		})
	}
}
