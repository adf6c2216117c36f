// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepository

import (
	"testing"

	"github.com/fluxcd/pkg/apis/meta"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/kit/testkit"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// Of several faults the first in the order of the contract is told: the proxy, the URL, the credentials.
func TestConnectOrder(t *testing.T) {
	r := &Reconciler{Base: publish.Base{Secrets: &auth.Reader{Client: &testkit.Cache{}}}}
	o := &sourcev1.GitRepository{}
	missing := &meta.LocalObjectReference{Name: "none"}
	o.Spec.URL, o.Spec.SecretRef, o.Spec.ProxySecretRef = "http://bad host", missing, missing
	for _, want := range []struct {
		class  outcome.Class
		reason string
		mend   func()
	}{
		{outcome.Failed, sourcev1.AuthenticationFailedReason, func() { o.Spec.ProxySecretRef = nil }},
		{outcome.Stalled, sourcev1.URLInvalidReason, func() { o.Spec.URL = "http://host/x" }},
		{outcome.Failed, sourcev1.AuthenticationFailedReason, func() { o.Spec.SecretRef = nil }},
		{outcome.Done, "", func() {}},
	} {
		s := r.start(o, reconcile.Run{})
		if got := outcome.Of(r.connect(t.Context(), s)); got.Class != want.class || got.Reason != want.reason {
			t.Errorf("got %+v, want %s", got, want.reason)
		}
		s.release()
		want.mend()
	}
}
