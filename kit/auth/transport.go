// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net/url"

	"github.com/fluxcd/pkg/runtime/secrets"
	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
)

// TLS returns the settings that a certificate Secret asks for: ca.crt beside the authorities of the system, tls.crt with tls.key as client
// certificate. Flux: contract source-controller, "TLS Secret".
func (r *Reader) TLS(ctx context.Context, namespace, name string) (*tls.Config, error) {
	return r.tls(ctx, namespace, name, secrets.WithSystemCertPool())
}

// PinnedTLS is TLS with ca.crt in place of the authorities of the system. Flux: contract notification-controller, "Proxy and TLS".
func (r *Reader) PinnedTLS(ctx context.Context, namespace, name string) (*tls.Config, error) {
	return r.tls(ctx, namespace, name)
}

func (r *Reader) tls(ctx context.Context, namespace, name string, options ...secrets.TLSConfigOption) (*tls.Config, error) {
	secret, err := r.read(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	return tlsOf(ctx, secret, options...)
}

// tlsOf returns the settings that a Secret asks for.
func tlsOf(ctx context.Context, secret *corev1.Secret, options ...secrets.TLSConfigOption) (*tls.Config, error) {
	// The library logs an error in every run for the older keys, which the contract accepts.
	config, err := secrets.TLSConfigFromSecret(logr.NewContext(ctx, logr.Discard()), secret, options...)
	if err != nil {
		return nil, about(secret, tlsProblem(err))
	}
	config.MinVersion = tls.VersionTLS12
	return config, nil
}

// Proxy returns the URL of the proxy that a Secret describes, with its user information. Flux: contract source-controller, "Proxy Secret".
func (r *Reader) Proxy(ctx context.Context, namespace, name string) (*url.URL, error) {
	secret, err := r.read(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	if err := checkProxyAddress(secret); err != nil {
		return nil, about(secret, err)
	}
	proxy, err := secrets.ProxyURLFromSecret(ctx, secret)
	if err != nil {
		// The library wraps the problem with the name of the Secret, which our own error has.
		return nil, about(secret, unusable("%s", cmp.Or(errors.Unwrap(err), err)))
	}
	return proxy, nil
}

// tlsProblem names the key that is missing.
func tlsProblem(err error) error {
	invalid, ok := errors.AsType[*secrets.TLSValidationError](err)
	if !ok {
		return unusable("%s", err)
	}
	switch invalid.Type {
	case secrets.ErrMissingPrivateKey:
		return withoutOther(secrets.KeyTLSCert, secrets.KeyTLSPrivateKey)
	case secrets.ErrMissingCertificate:
		return withoutOther(secrets.KeyTLSPrivateKey, secrets.KeyTLSCert)
	case secrets.ErrNoCertificatePairOrCA:
		// Flux: contract image-automation-controller, "Registry credentials".
		return unusable("must contain either '%s' or both '%s' and '%s'", secrets.KeyCACert, secrets.KeyTLSCert, secrets.KeyTLSPrivateKey)
	default:
		return unusable("%s", invalid)
	}
}

// checkProxyAddress finds what the library would not, or would report with the address, which may hold a password.
func checkProxyAddress(secret *corev1.Secret) error {
	address := string(secret.Data[secrets.KeyAddress])
	if address == "" {
		return unusable("key '%s' is missing or empty", secrets.KeyAddress)
	}
	if u, err := url.Parse(address); err != nil || u.Host == "" {
		return unusable("key '%s' holds no URL with a host", secrets.KeyAddress)
	}
	return nil
}
