// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imageupdateautomation

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
)

func TestWriters(t *testing.T) {
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[ctrl.Request]())
	defer queue.ShutDown()
	var w writers
	if err := w.start(t.Context(), queue); err != nil {
		t.Fatal(err)
	}
	one, two := types.NamespacedName{Name: "one"}, types.NamespacedName{Name: "two"}
	main := branch{"https://example.com/x", "main"}
	leave := w.enter(main, one)
	if leave == nil {
		t.Fatal("a free branch is busy")
	}
	if w.enter(branch{main.url, "other"}, two) == nil || w.enter(branch{"https://example.com/y", "main"}, two) == nil {
		t.Error("another branch is busy as well")
	}
	for range 2 {
		if w.enter(main, two) != nil {
			t.Error("two write to one branch")
		}
	}
	if queue.Len() != 0 {
		t.Error("somebody was woken too early")
	}
	leave()
	if queue.Len() != 1 {
		t.Errorf("%d were woken", queue.Len())
	}
	if request, _ := queue.Get(); request.NamespacedName != two {
		t.Errorf("%s was woken", request)
	}
	next := w.enter(main, two)
	leave() // a second time has no effect on whom comes after
	if next == nil || w.enter(main, one) != nil {
		t.Error("leaving twice makes free what is another's")
	}
}

func TestMirrors(t *testing.T) {
	m, err := NewMirrors(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		mirror, err := m.open("team", "apps")
		if err != nil {
			t.Fatal(err)
		}
		if err := mirror.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := m.remove("team", "apps"); err != nil {
			t.Error(err)
		}
	}
}
