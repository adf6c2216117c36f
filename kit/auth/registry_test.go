// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/kit/testkit"
)

// rack is a client.Reader that knows Secrets and ServiceAccounts of the namespace team.
type rack struct {
	client.Reader
	secrets  []*corev1.Secret
	accounts map[string][]string // name → image pull Secrets
}

// Get implements client.Reader.
func (r rack) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	switch o := obj.(type) {
	case *corev1.Secret:
		for _, s := range r.secrets {
			if client.ObjectKeyFromObject(s) == key {
				s.DeepCopyInto(o)
				return nil
			}
		}
	case *corev1.ServiceAccount:
		if pulls, ok := r.accounts[key.Name]; ok {
			for _, name := range pulls {
				o.ImagePullSecrets = append(o.ImagePullSecrets, corev1.LocalObjectReference{Name: name})
			}
			return nil
		}
	}
	return apierrors.NewNotFound(schema.GroupResource{Resource: "objects"}, key.Name)
}

func typed(name string, kind corev1.SecretType, data map[string]string) *corev1.Secret {
	s := testkit.Secret("team", name, data)
	s.Type = kind
	return s
}

func newRack(t *testing.T) rack {
	t.Helper()
	certs := testkit.NewCertificates(t)
	return rack{
		secrets: []*corev1.Secret{
			testkit.DockerSecret("team", "docker", testkit.DockerConfig("ghcr.io", "first", "p")),
			testkit.DockerSecret("team", "pull", `{"auths":{"ghcr.io":{"username":"second","password":"p"},"quay.io":{"username":"quay","password":"p"}}}`),
			typed("old", corev1.SecretTypeDockercfg, map[string]string{corev1.DockerConfigKey: `{"ghcr.io":{"username":"old","password":"p"}}`}),
			typed("empty", corev1.SecretTypeDockerConfigJson, map[string]string{}),
			testkit.DockerSecret("team", "broken", "hunter2"),
			testkit.Secret("team", "opaque", map[string]string{"username": "user", "password": "hunter2"}),
			testkit.Secret("team", "half", map[string]string{"username": "user"}),
			testkit.Secret("team", "other-half", map[string]string{"password": "hunter2"}),
			testkit.Secret("team", "nothing", map[string]string{"x": "y"}),
			testkit.Secret("team", "certs", map[string]string{"ca.crt": string(certs.CA)}),
			testkit.Secret("team", "legacy", map[string]string{"username": "user", "password": "p", "certFile": string(certs.Cert), "keyFile": string(certs.Key)}),
			testkit.Secret("team", "half-pair", map[string]string{"certFile": string(certs.Cert)}),
			testkit.Secret("team", "proxy", map[string]string{"address": "http://proxy:3128"}),
		},
		accounts: map[string][]string{"none": nil, "puller": {"pull", "old"}, "lost": {"missing"}},
	}
}

func TestRegistry(t *testing.T) {
	cases := map[string]struct {
		reason  string
		ref     RegistryRef
		ghcr    string // user for ghcr.io
		quay    string
		ignored []string
		missing string
		wantErr error
		text    string
	}{
		"Anonymous":      {reason: "Nothing is asked for."},
		"Secret":         {reason: "The Secret of the object.", ref: RegistryRef{Secret: "docker"}, ghcr: "first"},
		"Account":        {reason: "The image pull Secrets of the account.", ref: RegistryRef{ServiceAccount: "puller"}, ghcr: "second", quay: "quay"},
		"Both":           {reason: "Both, the Secret of the object first.", ref: RegistryRef{Secret: "docker", ServiceAccount: "puller"}, ghcr: "first", quay: "quay"},
		"Old":            {reason: "The older form of the config.", ref: RegistryRef{Secret: "old"}, ghcr: "old"},
		"BareAccount":    {reason: "An account may have no Secrets.", ref: RegistryRef{ServiceAccount: "none"}},
		"OtherType":      {reason: "Other Secrets count for nothing.", ref: RegistryRef{Secret: "opaque"}, ignored: []string{"team/opaque"}},
		"Missing":        {reason: "A missing Secret is named.", ref: RegistryRef{Secret: "missing"}, missing: "secret 'team/missing'"},
		"MissingPull":    {reason: "So is one of the account.", ref: RegistryRef{ServiceAccount: "lost"}, missing: "secret 'team/missing'"},
		"MissingAccount": {reason: "So is the account.", ref: RegistryRef{ServiceAccount: "gone"}, missing: "serviceaccount 'team/gone'"},
		"MissingCerts":   {reason: "So is the certificate Secret.", ref: RegistryRef{CertSecret: "missing"}, missing: "secret 'team/missing'"},
		"MissingProxy":   {reason: "So is that of the proxy.", ref: RegistryRef{ProxySecret: "missing"}, missing: "secret 'team/missing'"},
		"Broken":         {reason: "A config that does not parse is not repeated.", ref: RegistryRef{Secret: "broken"}, wantErr: ErrSecret, text: "secret 'team/broken': key '.dockerconfigjson'"},
		"NoKey":          {reason: "A Secret of the type without the key.", ref: RegistryRef{Secret: "empty"}, wantErr: ErrSecret, text: "'.dockerconfigjson' is missing"},
		"NoCerts":        {reason: "A certificate Secret without certificates.", ref: RegistryRef{CertSecret: "opaque"}, wantErr: ErrSecret, text: "ca.crt"},
		"NoProxy":        {reason: "A proxy Secret without address.", ref: RegistryRef{ProxySecret: "opaque"}, wantErr: ErrSecret, text: "address"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := (&Reader{Client: newRack(t)}).Registry(t.Context(), "team", tc.ref)
			if tc.missing != "" {
				if !apierrors.IsNotFound(err) || !strings.Contains(err.Error(), tc.missing) {
					t.Errorf("%s\nerror %v", tc.reason, err)
				}
				return
			}
			checkError(t, tc.reason, err, tc.wantErr, tc.text)
			ghcr, _ := got.Keychain.Find("ghcr.io/org/app")
			quay, _ := got.Keychain.Find("quay.io/org/app")
			if ghcr.Username != tc.ghcr || quay.Username != tc.quay || cmp.Diff(tc.ignored, got.Ignored) != "" {
				t.Errorf("%s\nghcr %q, quay %q, ignored %v", tc.reason, ghcr.Username, quay.Username, got.Ignored)
			}
		})
	}
	got, err := (&Reader{Client: newRack(t)}).Registry(t.Context(), "team", RegistryRef{CertSecret: "certs", ProxySecret: "proxy"})
	if err != nil || got.TLS == nil || got.TLS.RootCAs == nil || got.Proxy.String() != "http://proxy:3128" {
		t.Errorf("certificates and proxy: %+v, %v", got, err)
	}
}

func TestHTTP(t *testing.T) {
	cases := map[string]struct {
		reason   string
		ref      HTTPRef
		want     HTTP
		tls      bool
		wantErr  error
		text     string
		notFound bool
	}{
		"Anonymous":  {reason: "Nothing is asked for."},
		"Basic":      {reason: "User and password.", ref: HTTPRef{Secret: "opaque"}, want: HTTP{Username: "user", Password: "hunter2"}},
		"Neither":    {reason: "A Secret may have neither.", ref: HTTPRef{Secret: "nothing"}},
		"UserAlone":  {reason: "One without the other is a mistake.", ref: HTTPRef{Secret: "half"}, wantErr: ErrSecret, text: "key 'username' without 'password'"},
		"PassAlone":  {reason: "So is the other without the one.", ref: HTTPRef{Secret: "other-half"}, wantErr: ErrSecret, text: "key 'password' without 'username'"},
		"Certs":      {reason: "Certificates have a Secret of their own.", ref: HTTPRef{Secret: "opaque", CertSecret: "certs"}, want: HTTP{Username: "user", Password: "hunter2"}, tls: true},
		"Legacy":     {reason: "Older Secrets have both.", ref: HTTPRef{Secret: "legacy"}, want: HTTP{Username: "user", Password: "p", LegacyTLS: true}, tls: true},
		"LegacyLost": {reason: "Which does not count beside one of its own.", ref: HTTPRef{Secret: "legacy", CertSecret: "certs"}, want: HTTP{Username: "user", Password: "p"}, tls: true},
		"HalfPair":   {reason: "Half a certificate is a mistake there, too.", ref: HTTPRef{Secret: "half-pair"}, wantErr: ErrSecret, text: "secret 'team/half-pair': key 'tls.crt' without 'tls.key'"},
		"NoCerts":    {reason: "The certificate Secret has to have some.", ref: HTTPRef{CertSecret: "nothing"}, wantErr: ErrSecret, text: "ca.crt"},
		"Missing":    {reason: "A missing Secret is named.", ref: HTTPRef{Secret: "missing"}, text: "secret 'team/missing'", notFound: true},
		"NoSecret":   {reason: "So is that with certificates.", ref: HTTPRef{Secret: "opaque", CertSecret: "missing"}, text: "secret 'team/missing'", notFound: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := (&Reader{Client: newRack(t)}).HTTP(t.Context(), "team", tc.ref)
			checkError(t, tc.reason, err, tc.wantErr, tc.text)
			if (got.TLS != nil) != tc.tls || apierrors.IsNotFound(err) != tc.notFound {
				t.Errorf("%s\nTLS %t, error %v", tc.reason, got.TLS != nil, err)
			}
			got.TLS = nil
			if got != tc.want {
				t.Errorf("%s\ngot %+v", tc.reason, got)
			}
		})
	}
}

func TestHelmRegistry(t *testing.T) {
	cases := map[string]struct {
		reason  string
		ref     HTTPRef
		host    string
		want    string
		wantErr error
		text    string
	}{
		"Anonymous": {reason: "Nothing is asked for.", host: "ghcr.io"},
		"Docker":    {reason: "A docker config.", ref: HTTPRef{Secret: "docker"}, host: "ghcr.io", want: "first"},
		"NoEntry":   {reason: "Which has to know the host.", ref: HTTPRef{Secret: "docker"}, host: "quay.io", wantErr: ErrSecret, text: "secret 'team/docker': the docker config has no entry for 'quay.io'"},
		"Broken":    {reason: "And to be one.", ref: HTTPRef{Secret: "broken"}, host: "ghcr.io", wantErr: ErrSecret, text: "team/broken"},
		"Basic":     {reason: "User and password are for the host of the repository.", ref: HTTPRef{Secret: "opaque"}, host: "quay.io:5000", want: "user"},
		"Neither":   {reason: "Neither means anonymous.", ref: HTTPRef{Secret: "nothing"}, host: "ghcr.io"},
		"UserAlone": {reason: "Half is a mistake.", ref: HTTPRef{Secret: "half"}, host: "ghcr.io", wantErr: ErrSecret, text: "team/half"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := (&Reader{Client: newRack(t)}).HelmRegistry(t.Context(), "team", tc.ref, tc.host)
			checkError(t, tc.reason, err, tc.wantErr, tc.text)
			if c, _ := got.Keychain.Find(tc.host + "/charts/app"); c.Username != tc.want {
				t.Errorf("%s\ngot %+v, want %q", tc.reason, c, tc.want)
			}
			if c, ok := got.Keychain.Find("evil.example/charts/app"); ok {
				t.Errorf("credentials for another host: %+v", c)
			}
		})
	}
}

// FuzzRegistry holds that no docker config breaks the reader or is repeated in an error.
func FuzzRegistry(f *testing.F) {
	f.Add(testkit.DockerConfig("ghcr.io", "u", "p"), true)
	f.Add(`{"ghcr.io":{"auth":"eDp5"}}`, false)
	f.Fuzz(func(t *testing.T, config string, newer bool) {
		const mark = "hunter2-hunter2"
		kind, key := corev1.SecretTypeDockercfg, corev1.DockerConfigKey
		if newer {
			kind, key = corev1.SecretTypeDockerConfigJson, corev1.DockerConfigJsonKey
		}
		reader := &Reader{Client: rack{secrets: []*corev1.Secret{typed("docker", kind, map[string]string{key: config + mark})}}}
		got, err := reader.Registry(t.Context(), "team", RegistryRef{Secret: "docker"})
		if err == nil || strings.Contains(err.Error(), mark) || !got.Keychain.IsEmpty() {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}
