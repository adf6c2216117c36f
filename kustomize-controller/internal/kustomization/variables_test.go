// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"context"
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// TestVariables holds which faults end a run: those that pass may not be taken for a change of the variables.
func TestVariables(t *testing.T) {
	cases := map[string]struct {
		reason string
		fault  error
		ends   bool
	}{
		"Missing": {reason: "What is not there is the fault of what asks for it.", fault: apierrors.NewNotFound(corev1.Resource("configmaps"), "vars")},
		"Passing": {reason: "A server that does not answer says nothing.", fault: apierrors.NewInternalError(errors.New("etcd")), ends: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := &Reconciler{Dependencies: reconcile.Dependencies{Client: fake.NewClientBuilder().WithInterceptorFuncs(interceptor.Funcs{
				Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
					return tc.fault
				},
			}).Build()}}
			s := fresh(nil)
			s.obj.Spec.PostBuild = &kustomizev1.PostBuild{SubstituteFrom: []kustomizev1.SubstituteReference{{Kind: "ConfigMap", Name: "vars"}}}
			err := r.variables(t.Context(), s)
			if (err != nil) != tc.ends || (s.unread != nil) == tc.ends {
				t.Errorf("%s\n%v, unread %v", tc.reason, err, s.unread)
			}
			if tc.ends && (outcome.Of(err).Reason != kustomizev1.BuildFailedReason || !errors.Is(err, tc.fault)) {
				t.Errorf("%s\n%+v", tc.reason, outcome.Of(err))
			}
		})
	}
}
