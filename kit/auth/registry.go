// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"crypto/tls"
	"net/url"

	"github.com/fluxcd/pkg/runtime/secrets"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/weir-gitops/weir/kit/oci/keychain"
)

// RegistryRef names what has the credentials for a registry. Empty names mean none.
type RegistryRef struct {
	// Secret holds a docker config.
	Secret string
	// ServiceAccount has image pull Secrets, which do so as well.
	ServiceAccount string
	// CertSecret and ProxySecret are as for TLS and Proxy.
	CertSecret, ProxySecret string
}

// Registry is how a registry is reached.
type Registry struct {
	// Keychain has the credentials; empty means anonymous.
	Keychain keychain.Keychain
	// TLS is nil if no Secret asks for anything.
	TLS *tls.Config
	// Proxy is nil if no Secret names one.
	Proxy *url.URL
	// Ignored are Secrets, "namespace/name", that hold no docker config. They count for nothing, as the contract wants it.
	Ignored []string
}

// Registry returns the credentials for registries: those of the Secret, then those of the image pull Secrets of the ServiceAccount.
// Flux: contract source-controller, "OCIRepository", source step 2 to 5; contract image-automation-controller, "Registry credentials".
func (r *Reader) Registry(ctx context.Context, namespace string, ref RegistryRef) (Registry, error) {
	var registry Registry
	names, err := r.pullSecrets(ctx, namespace, ref)
	if err != nil {
		return Registry{}, err
	}
	for _, name := range names {
		secret, err := r.read(ctx, namespace, name)
		if err != nil {
			return Registry{}, err
		}
		keys, ok, err := dockerConfig(secret)
		if err != nil {
			return Registry{}, about(secret, err)
		}
		if !ok {
			registry.Ignored = append(registry.Ignored, namespace+"/"+name)
		}
		registry.Keychain = registry.Keychain.Join(keys)
	}
	if ref.ProxySecret != "" {
		if registry.Proxy, err = r.Proxy(ctx, namespace, ref.ProxySecret); err != nil {
			return Registry{}, err
		}
	}
	if ref.CertSecret != "" {
		if registry.TLS, err = r.TLS(ctx, namespace, ref.CertSecret); err != nil {
			return Registry{}, err
		}
	}
	return registry, nil
}

// pullSecrets lists the Secrets with docker configs, the one of the object first.
func (r *Reader) pullSecrets(ctx context.Context, namespace string, ref RegistryRef) ([]string, error) {
	var names []string
	if ref.Secret != "" {
		names = append(names, ref.Secret)
	}
	if ref.ServiceAccount == "" {
		return names, nil
	}
	account := &corev1.ServiceAccount{}
	key := types.NamespacedName{Namespace: namespace, Name: ref.ServiceAccount}
	if err := r.Client.Get(ctx, key, account); err != nil {
		return nil, &Error{Kind: "serviceaccount", Secret: key, Err: err}
	}
	for _, pull := range account.ImagePullSecrets {
		names = append(names, pull.Name)
	}
	return names, nil
}

// dockerConfig reads the docker config of a Secret by its type and reports whether it has one.
func dockerConfig(secret *corev1.Secret) (keychain.Keychain, bool, error) {
	parse, key := keychain.Parse, corev1.DockerConfigJsonKey
	switch secret.Type {
	case corev1.SecretTypeDockerConfigJson:
	case corev1.SecretTypeDockercfg:
		parse, key = keychain.ParseLegacy, corev1.DockerConfigKey
	default:
		return keychain.Keychain{}, false, nil
	}
	data, ok := secret.Data[key]
	if !ok {
		return keychain.Keychain{}, false, unusable("key '%s' is missing", key)
	}
	keys, err := parse(data)
	if err != nil {
		return keychain.Keychain{}, false, unusable("key '%s': %s", key, err)
	}
	return keys, true, nil
}

// HelmRegistry returns the credentials for the registry at host, "host" or "host:port", of a Helm repository of type oci: a docker config, which
// has to know the host, or user name and password. Flux: contract source-controller, "Helm Secret".
func (r *Reader) HelmRegistry(ctx context.Context, namespace string, ref HTTPRef, host string) (Registry, error) {
	found, secret, err := r.http(ctx, namespace, ref)
	if err != nil {
		return Registry{}, err
	}
	registry := Registry{TLS: found.TLS}
	if found.Username != "" {
		registry.Keychain = keychain.Single(host, keychain.Credential{Username: found.Username, Password: found.Password})
	}
	if secret == nil || secret.Type != corev1.SecretTypeDockerConfigJson {
		return registry, nil
	}
	if registry.Keychain, _, err = dockerConfig(secret); err == nil && !registry.Keychain.Knows(host) {
		err = unusable("the docker config has no entry for '%s'", host)
	}
	if err != nil {
		return Registry{}, about(secret, err)
	}
	return registry, nil
}

// HTTPRef names the Secrets of a Helm repository. Empty names mean none.
type HTTPRef struct {
	// Secret holds user name and password.
	Secret string
	// CertSecret is as for TLS.
	CertSecret string
}

// HTTP is what an HTTP server may ask for.
type HTTP struct {
	// Username and Password are for basic authentication; both are empty or none is.
	Username, Password string
	// TLS is nil if no Secret asks for anything.
	TLS *tls.Config
	// LegacyTLS says that TLS comes from the Secret of the password, which is deprecated.
	LegacyTLS bool
}

// HTTP returns the credentials of a Helm repository of the default type. Flux: contract source-controller, "Helm Secret".
func (r *Reader) HTTP(ctx context.Context, namespace string, ref HTTPRef) (HTTP, error) {
	found, _, err := r.http(ctx, namespace, ref)
	return found, err
}

// http returns the credentials and the Secret of the password, nil if none is named.
func (r *Reader) http(ctx context.Context, namespace string, ref HTTPRef) (HTTP, *corev1.Secret, error) {
	var found HTTP
	var secret *corev1.Secret
	var err error
	if ref.Secret != "" {
		if secret, err = r.read(ctx, namespace, ref.Secret); err != nil {
			return HTTP{}, nil, err
		}
		if found, err = basicAuth(ctx, secret, ref.CertSecret == ""); err != nil {
			return HTTP{}, nil, err
		}
	}
	if ref.CertSecret != "" {
		if found.TLS, err = r.TLS(ctx, namespace, ref.CertSecret); err != nil {
			return HTTP{}, nil, err
		}
	}
	return found, secret, nil
}

// basicAuth reads user name and password, and TLS data as older Secrets have it beside them.
func basicAuth(ctx context.Context, secret *corev1.Secret, legacyTLS bool) (HTTP, error) {
	found := HTTP{Username: string(secret.Data[corev1.BasicAuthUsernameKey]), Password: string(secret.Data[corev1.BasicAuthPasswordKey])}
	switch {
	case found.Username != "" && found.Password == "":
		return HTTP{}, about(secret, withoutOther(corev1.BasicAuthUsernameKey, corev1.BasicAuthPasswordKey))
	case found.Username == "" && found.Password != "":
		return HTTP{}, about(secret, withoutOther(corev1.BasicAuthPasswordKey, corev1.BasicAuthUsernameKey))
	case !legacyTLS || !hasTLS(secret):
		return found, nil
	}
	var err error
	found.LegacyTLS = true
	found.TLS, err = tlsOf(ctx, secret, secrets.WithSystemCertPool())
	return found, err
}

// hasTLS reports whether a Secret has anything that concerns TLS.
func hasTLS(secret *corev1.Secret) bool {
	for _, key := range []string{"ca.crt", "caFile", "tls.crt", "certFile", "tls.key", "keyFile"} {
		if len(secret.Data[key]) > 0 {
			return true
		}
	}
	return false
}
