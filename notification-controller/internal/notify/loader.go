// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net/url"
	"strings"

	"github.com/fluxcd/pkg/runtime/secrets"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/notification-controller/internal/notify/delivery"
	"github.com/weir-gitops/weir/notification-controller/internal/notify/forge"
)

// maxAddressBytes is the limit of the API for spec.address, applied to the Secret as well.
const maxAddressBytes = 2048

// Keys of the Secret of a Provider. Flux: notification-controller contract, "secretRef keys".
const (
	keyAddress  = "address"
	keyToken    = "token"
	keyUsername = "username"
	keyPassword = "password"
	keyHeaders  = "headers"
	keyProxy    = "proxy"

	keyAppID                = "githubAppID"
	keyAppPrivateKey        = "githubAppPrivateKey"
	keyAppInstallationID    = "githubAppInstallationID"
	keyAppInstallationOwner = "githubAppInstallationOwner"
	keyAppBaseURL           = "githubAppBaseURL"
)

// minMaskedBytes is the length from which on values of other keys than those of credentials are masked: shorter ones are words and numbers
// whose loss would make errors unreadable.
const minMaskedBytes = 4

// Loader reads what Providers and their Secrets say. All fields are required.
type Loader struct {
	Secrets    *auth.Reader
	Transports *Transports
	Tokens     *Tokens
}

// Notifier returns the notifier of a Provider. Its errors are *Error: permanent when the Provider or its Secrets are wrong, retryable when the
// API server did not answer.
func (l *Loader) Notifier(ctx context.Context, provider *notificationv1beta3.Provider) (Notifier, error) {
	if !Supported(provider.Spec.Type) {
		return New(Options{Type: provider.Spec.Type})
	}
	o, err := l.Load(ctx, provider)
	if err != nil {
		return nil, err
	}
	return New(o)
}

// Load reads the Secrets that a Provider names, in its namespace, one request each. Its errors are those of Notifier.
func (l *Loader) Load(ctx context.Context, provider *notificationv1beta3.Provider) (Options, error) {
	values, err := l.values(ctx, provider)
	if err != nil {
		return Options{}, err
	}
	o, err := l.options(provider, values)
	if err != nil {
		return Options{}, delivery.NewMask(o.Secrets...).Error(err)
	}
	proxy, err := l.proxy(ctx, provider, values)
	if err != nil {
		return Options{}, err
	}
	if proxy != nil {
		password, _ := proxy.User.Password()
		o.Secrets = append(o.Secrets, proxy.User.Username(), password)
	}
	config, err := l.tls(ctx, provider, values, o.Address)
	if err != nil {
		return Options{}, err
	}
	o.Transport = l.Transports.For(proxy, config)
	return o, nil
}

// values returns the content of secretRef; nil without one.
func (l *Loader) values(ctx context.Context, provider *notificationv1beta3.Provider) (map[string]string, error) {
	ref := provider.Spec.SecretRef
	if ref == nil {
		return nil, nil //nolint:nilnil // a nil map is an empty Secret
	}
	values, err := l.Secrets.Values(ctx, provider.Namespace, ref.Name)
	return values, unreadable(err)
}

// options brings Provider and Secret together.
func (l *Loader) options(provider *notificationv1beta3.Provider, values map[string]string) (Options, error) {
	spec := provider.Spec
	o := Options{
		Type: spec.Type, Address: spec.Address, Channel: spec.Channel, Username: spec.Username,
		Token: strings.TrimSpace(values[keyToken]), Password: values[keyPassword], Secrets: toMask(values),
	}
	if address, ok := values[keyAddress]; ok {
		o.Address = strings.TrimSpace(address)
		o.Secrets = append(o.Secrets, delivery.AddressParts(o.Address)...)
		if len(o.Address) > maxAddressBytes {
			return o, delivery.Invalid("secret '%s/%s': key '%s' has more than %d bytes", provider.Namespace, spec.SecretRef.Name, keyAddress, maxAddressBytes)
		}
	}
	username := strings.TrimSpace(values[keyUsername])
	if username != "" && o.Password == "" && o.Token == "" {
		return o, delivery.Invalid("secret '%s/%s': key '%s' without '%s'", provider.Namespace, spec.SecretRef.Name, keyUsername, keyPassword)
	}
	o.Username = cmp.Or(username, o.Username)
	if raw := values[keyHeaders]; raw != "" {
		headers, err := parseHeaders(raw)
		if err != nil {
			return o, delivery.Invalid("secret '%s/%s': key '%s': %s", provider.Namespace, spec.SecretRef.Name, keyHeaders, err)
		}
		o.Headers = headers
		o.Secrets = append(o.Secrets, headerSecrets(headers)...)
	}
	app, err := l.app(client.ObjectKeyFromObject(provider), values)
	o.GitHubApp = app
	return o, err
}

// app returns the credentials of a GitHub App; nil without.
func (l *Loader) app(provider types.NamespacedName, values map[string]string) (*delivery.GitHubApp, error) {
	if values[keyAppID] == "" {
		return nil, nil //nolint:nilnil // most Secrets have none
	}
	app := &delivery.GitHubApp{
		ID: values[keyAppID], PrivateKey: values[keyAppPrivateKey], InstallationID: values[keyAppInstallationID],
		InstallationOwner: values[keyAppInstallationOwner], BaseURL: values[keyAppBaseURL], Tokens: l.Tokens, Provider: provider,
	}
	if app.PrivateKey == "" {
		return nil, delivery.Invalid("key '%s' without '%s'", keyAppID, keyAppPrivateKey)
	}
	if (app.InstallationID == "") == (app.InstallationOwner == "") {
		return nil, delivery.Invalid("key '%s' needs one of '%s' and '%s'", keyAppID, keyAppInstallationID, keyAppInstallationOwner)
	}
	return app, nil
}

// proxy returns the proxy that a Provider asks for, nil for that of the environment. Flux: notification-controller contract, "Proxy and TLS".
func (l *Loader) proxy(ctx context.Context, provider *notificationv1beta3.Provider, values map[string]string) (*url.URL, error) {
	if ref := provider.Spec.ProxySecretRef; ref != nil {
		proxy, err := l.Secrets.Proxy(ctx, provider.Namespace, ref.Name)
		return proxy, unreadable(err)
	}
	address, where := provider.Spec.Proxy, "spec.proxy"
	if value, ok := values[keyProxy]; ok {
		address, where = strings.TrimSpace(value), "key 'proxy' of the secret"
	}
	if address == "" {
		return nil, nil //nolint:nilnil // no proxy of its own
	}
	ctrl.LoggerFrom(ctx).Error(nil, "proxy in spec.proxy or in the Secret of a Provider is deprecated, use spec.proxySecretRef",
		"provider", provider.Namespace+"/"+provider.Name)
	proxy, err := url.Parse(address)
	if err != nil || proxy.Host == "" {
		return nil, delivery.Invalid("%s holds no URL with a host", where)
	}
	return proxy, nil
}

// tls returns the TLS settings that a Provider asks for, nil for the defaults.
func (l *Loader) tls(ctx context.Context, provider *notificationv1beta3.Provider, values map[string]string, address string) (*tls.Config, error) {
	ref := provider.Spec.CertSecretRef
	if ref == nil && WritesStatus(provider.Spec.Type) && hasTLS(values) {
		ref = provider.Spec.SecretRef
	}
	if ref == nil {
		return nil, nil //nolint:nilnil // the defaults
	}
	config, err := l.Secrets.PinnedTLS(ctx, provider.Namespace, ref.Name)
	if err != nil {
		return nil, unreadable(err)
	}
	if provider.Spec.Type == notificationv1beta3.GitHubProvider && forge.Public(address) {
		return nil, nil //nolint:nilnil // the defaults
	}
	return config, nil
}

func hasTLS(values map[string]string) bool {
	for _, key := range []string{secrets.KeyCACert, secrets.KeyTLSCert, secrets.KeyTLSPrivateKey, "caFile", "certFile", "keyFile"} {
		if values[key] != "" {
			return true
		}
	}
	return false
}

// toMask lists what no error may hold of a Secret.
func toMask(values map[string]string) []string {
	var all []string
	for key, value := range values {
		if key == keyToken || key == keyPassword || len(value) >= minMaskedBytes {
			all = append(all, value)
		}
	}
	return all
}

// unreadable classifies what kit/auth says about a Secret.
func unreadable(err error) error {
	switch {
	case err == nil:
		return nil
	case apierrors.IsNotFound(err), apierrors.IsForbidden(err), errors.Is(err, auth.ErrSecret), errors.Is(err, auth.ErrProvider):
		return delivery.Invalid("%s", err)
	}
	return delivery.Unavailable("%s", err)
}
