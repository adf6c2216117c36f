// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imagepolicy

import (
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/image-automation-controller/internal/tags"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// A choice that took too long is not made again for a while, unless the object changes.
func TestSlowChoice(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	cases := map[string]struct {
		reason     string
		generation int64
		later      time.Duration
		after      time.Duration
	}{
		"AtOnce":   {"Whatever wakes the object.", 1, 0, slowPause},
		"Meantime": {"What is left of the pause is waited for.", 1, slowPause - time.Second, time.Second},
		"Over":     {"The pause is over.", 1, slowPause, 0},
		"Changed":  {"Another spec may be faster.", 2, 0, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			store, err := tags.Open(t.TempDir(), 0)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = store.Close() })
			r := &Reconciler{Dependencies: reconcile.Dependencies{Clock: func() time.Time { return now.Add(tc.later) }}, Tags: store}
			o := &imagev1.ImagePolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "o", Generation: tc.generation}}
			o.Spec.Policy.Alphabetical = &imagev1.AlphabeticalPolicy{}
			*r.slow.Of(client.ObjectKeyFromObject(o)) = slow{generation: 1, until: now.Add(slowPause)}
			got := outcome.Of(r.choose(t.Context(), &scope{obj: o, repository: &imagev1.ImageRepository{}}))
			if errors.Is(got.Err, errSlowChoice) != (tc.after > 0) || got.After != tc.after {
				t.Errorf("%s\ngot %+v", tc.reason, got)
			}
		})
	}
}
