// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imagerepository

import (
	"context"
	"errors"
	"fmt"

	"github.com/fluxcd/pkg/apis/meta"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/oci"
	"github.com/weir-gitops/weir/kit/outcome"
)

// errGate is the text of the contract. Flux: image-automation-controller contract, "Reconcile", row 1.
var errGate = errors.New("to use spec.serviceAccountName for provider authentication please enable the ObjectLevelWorkloadIdentity" +
	" feature gate in the controller")

// CheckProvider refuses credentials that this version cannot get, as an outcome. Policies that ask the registry for digests do so as well.
func CheckProvider(o *imagev1.ImageRepository, objectLevelIdentity bool) error {
	switch {
	case o.Spec.Provider == "" || o.Spec.Provider == imagev1.ProviderGeneric:
		return nil
	case o.Spec.ServiceAccountName != "" && !objectLevelIdentity:
		return outcome.Stall(imagev1.FeatureGateDisabledReason, errGate)
	}
	return outcome.Stall(imagev1.UnsupportedReason, fmt.Errorf("not supported yet by this version: spec.provider '%s'", o.Spec.Provider))
}

// Access returns how the registry of an object is reached, and the Secrets that count for nothing as they hold no docker config.
func Access(ctx context.Context, secrets *auth.Reader, o *imagev1.ImageRepository) (oci.Access, []string, error) {
	registry, err := secrets.Registry(ctx, o.Namespace, auth.RegistryRef{
		Secret:         nameOf(o.Spec.SecretRef),
		ServiceAccount: o.Spec.ServiceAccountName,
		CertSecret:     nameOf(o.Spec.CertSecretRef),
		ProxySecret:    nameOf(o.Spec.ProxySecretRef),
	})
	if err != nil {
		return oci.Access{}, nil, err
	}
	return oci.Access{Keychain: registry.Keychain, TLS: registry.TLS, Proxy: registry.Proxy, PlainHTTP: o.Spec.Insecure}, registry.Ignored, nil
}

func nameOf(ref *meta.LocalObjectReference) string {
	if ref == nil {
		return ""
	}
	return ref.Name
}
