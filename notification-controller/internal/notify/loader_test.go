// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package notify_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/testkit"
	"github.com/weir-gitops/weir/notification-controller/internal/notify"
)

// errDown is what a shelf answers about the Secret of that name.
const errDown = "down"

func (s shelf) get(_ context.Context, key client.ObjectKey, obj client.Object) error {
	if key.Name == errDown {
		return apierrors.NewServiceUnavailable("down")
	}
	values, ok := s[key.Name]
	if !ok || key.Namespace != "team" {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, key.Name)
	}
	secret := obj.(*corev1.Secret)
	secret.Name, secret.Namespace, secret.Data = key.Name, key.Namespace, map[string][]byte{}
	for k, v := range values {
		secret.Data[k] = []byte(v)
	}
	return nil
}

func loader(t *testing.T, secrets shelf) *notify.Loader {
	t.Helper()
	tokens, err := notify.NewTokens(10, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	transports := notify.NewTransports()
	t.Cleanup(transports.Close)
	return &notify.Loader{Secrets: &auth.Reader{Client: secrets}, Transports: transports, Tokens: tokens}
}

// provider makes a Provider of that kind with a Secret called secret.
func provider(kind string, edit ...func(*notificationv1beta3.ProviderSpec)) *notificationv1beta3.Provider {
	p := &notificationv1beta3.Provider{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "p", UID: "0c9c2e41-d2f9-4f9b-9c41-bebc1984d67a"}}
	p.Spec.Type, p.Spec.Address, p.Spec.SecretRef = kind, "https://host.invalid/team/fleet", &meta.LocalObjectReference{Name: "secret"}
	for _, e := range edit {
		e(&p.Spec)
	}
	return p
}

// bomb is a Secret's fill of headers that repeat a text.
func bomb() string {
	var b strings.Builder
	fmt.Fprintf(&b, "first: &a %s\n", strings.Repeat("x", 300_000))
	for i := range 10_000 {
		fmt.Fprintf(&b, "h%d: *a\n", i)
	}
	return b.String()
}

// FuzzHeaders reads any text, and what it finds is within bounds.
func FuzzHeaders(f *testing.F) {
	for _, seed := range []string{"a: b", "a: &x y\nb: *x", "{1: x, true: 'y', z: }", "- a", "a: {b: c}", "&a [*a]", "? [a]\n: b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p := provider("generic")
		o, err := loader(t, shelf{"secret": {"headers": text}}).Load(t.Context(), p)
		size := 0
		for name, value := range o.Headers {
			size += len(name) + len(value)
		}
		if err == nil && size > 256<<10 {
			t.Errorf("%d bytes of headers", size)
		}
	})
}

// TestProviderBadInput holds the rows about Providers of the contract's table of bad input.
func TestProviderBadInput(t *testing.T) {
	certs := testkit.NewCertificates(t)
	type spec = notificationv1beta3.ProviderSpec
	cert := func(s *spec) { s.CertSecretRef = &meta.LocalObjectReference{Name: "cert"} }
	proxy := func(s *spec) { s.ProxySecretRef = &meta.LocalObjectReference{Name: "proxy"} }
	cases := map[string]struct {
		reason   string
		provider *notificationv1beta3.Provider
		secrets  shelf
		class    notify.Class
		text     string
	}{
		"SecretMissing":        {reason: "A Secret that is not there.", provider: provider("slack"), text: "secret 'team/secret'"},
		"SecretUnreadable":     {reason: "An API server that is down comes back.", provider: provider("slack", func(s *spec) { s.SecretRef.Name = errDown }), class: notify.Retryable, text: "team/down"},
		"AddressTooLong":       {reason: "The limit of the API holds for the Secret.", provider: provider("slack"), secrets: shelf{"secret": {"address": "https://x.invalid/" + strings.Repeat("y", 2048)}}, text: "more than 2048 bytes"},
		"AddressEmptyInSecret": {reason: "The key wins even if it is empty.", provider: provider("slack"), secrets: shelf{"secret": {"address": ""}}, text: "address is empty"},
		"ProxyUnparsable":      {reason: "A proxy that is no URL.", provider: provider("slack"), secrets: shelf{"secret": {"proxy": "http://user:hunter2@[::1"}}, text: "proxy"},
		"HeadersNoMap":         {reason: "Headers that are no map of strings.", provider: provider("generic"), secrets: shelf{"secret": {"headers": "- hunter2"}}, text: "headers"},
		"HeadersNested":        {reason: "Headers whose values are no texts.", provider: provider("generic"), secrets: shelf{"secret": {"headers": "a: {b: hunter2}"}}, text: "headers"},
		"HeadersTwice":         {reason: "A name that is there twice.", provider: provider("generic"), secrets: shelf{"secret": {"headers": "a: hunter2\na: b"}}, text: "no map of texts"},
		"HeadersBomb":          {reason: "Aliases that make gigabytes of some kilobytes.", provider: provider("generic"), secrets: shelf{"secret": {"headers": bomb()}}, text: "more than 262144 bytes"},
		"ProxyWithoutAddress":  {reason: "A proxy Secret needs an address.", provider: provider("slack", proxy), secrets: shelf{"secret": {}, "proxy": {"username": "u"}}, text: "address"},
		"ProxySecretMissing":   {reason: "A proxy Secret that is not there.", provider: provider("slack", proxy), secrets: shelf{"secret": {}}, text: "team/proxy"},
		"ProxyFTP":             {reason: "A proxy speaks HTTP or SOCKS.", provider: provider("slack", proxy), secrets: shelf{"secret": {}, "proxy": {"address": "ftp://h.invalid"}}, text: "proxy"},
		"CertGarbage":          {reason: "A CA that is none.", provider: provider("slack", cert), secrets: shelf{"secret": {}, "cert": {"ca.crt": "hunter2"}}, text: "team/cert"},
		"CertWithoutKey":       {reason: "Half a pair.", provider: provider("slack", cert), secrets: shelf{"secret": {}, "cert": {"tls.crt": string(certs.Cert)}}, text: "tls.key"},
		"CertNothing":          {reason: "No known key.", provider: provider("slack", cert), secrets: shelf{"secret": {}, "cert": {"foo": "hunter2"}}, text: "ca.crt"},
		"HMACWithoutToken":     {reason: "A signature needs a key.", provider: provider("generic-hmac"), secrets: shelf{"secret": {}}, text: "token"},
		"HMACEmptyToken":       {reason: "An empty key is none.", provider: provider("generic-hmac"), secrets: shelf{"secret": {"token": " \n"}}, text: "token"},
		"LoneUsername":         {reason: "A user without any credential.", provider: provider("alertmanager"), secrets: shelf{"secret": {"username": "u"}}, text: "'username' without 'password'"},
		"GitHubThreeParts":     {reason: "A repository has an owner and a name.", provider: provider("github", func(s *spec) { s.Address = "https://github.com/a/b/c" }), secrets: shelf{"secret": {"token": "hunter2"}}, text: "invalid repository id"},
		"GiteaThreeParts":      {reason: "A repository has an owner and a name.", provider: provider("gitea", func(s *spec) { s.Address = "https://gitea.invalid/a/b/c" }), secrets: shelf{"secret": {"token": "hunter2"}}, text: "invalid repository id"},
		"GitHubNoCredentials":  {reason: "Commit statuses need a token.", provider: provider("github"), secrets: shelf{"secret": {}}, text: "token"},
		"GitLabNoCredentials":  {reason: "Commit statuses need a token.", provider: provider("gitlab"), secrets: shelf{"secret": {}}, text: "token"},
		"GiteaNoCredentials":   {reason: "Commit statuses need a token.", provider: provider("gitea"), secrets: shelf{"secret": {}}, text: "token"},
		"AppWithoutKey":        {reason: "An app proves itself with its key.", provider: provider("github"), secrets: shelf{"secret": {"githubAppID": "1"}}, text: "githubAppPrivateKey"},
		"AppWithoutOwner":      {reason: "An app acts for an installation.", provider: provider("github"), secrets: shelf{"secret": {"githubAppID": "1", "githubAppPrivateKey": "k"}}, text: "githubAppInstallationID"},
	}
	for key, tc := range cases {
		t.Run(key, func(t *testing.T) {
			_, err := loader(t, tc.secrets).Notifier(t.Context(), tc.provider)
			own, ok := errors.AsType[*notify.Error](err)
			if !ok || own.Class != tc.class || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("%s got %v", tc.reason, err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error repeats a value: %s", err)
			}
		})
	}
}

// TestUnsupported: the types that this version does not have are refused before anything is read.
func TestUnsupported(t *testing.T) {
	for _, kind := range []string{
		"rocket", "webex", "telegram", "lark", "matrix", "opsgenie", "pagerduty", "datadog", "sentry", "azureeventhub", "googlepubsub", "nats", "zulip", "otel",
		"githubdispatch", "zoom", "incident.io", "bitbucket", "bitbucketserver", "azuredevops", "githubpullrequestcomment", "gitlabmergerequestcomment", "giteapullrequestcomment", "nonsense",
	} {
		_, err := loader(t, nil).Notifier(t.Context(), provider(kind))
		typed, ok := errors.AsType[*notify.UnsupportedError](err)
		class, _ := notify.Classify(err)
		if !ok || typed.Type != kind || !errors.Is(err, notify.ErrUnsupported) || class != notify.Permanent || notify.Supported(kind) || !strings.Contains(err.Error(), kind) {
			t.Errorf("%s: got %v", kind, err)
		}
	}
}

func TestLoad(t *testing.T) {
	type spec = notificationv1beta3.ProviderSpec
	cases := map[string]struct {
		reason   string
		provider *notificationv1beta3.Provider
		secret   map[string]string
		want     notify.Options
	}{
		"Spec": {
			reason: "Without a Secret the spec is all there is.",
			provider: provider("slack", func(s *spec) {
				s.SecretRef, s.Channel, s.Username = nil, "c", "u"
			}),
			want: notify.Options{Type: "slack", Address: "https://host.invalid/team/fleet", Channel: "c", Username: "u"},
		},
		"Secret": {
			reason:   "The Secret wins, and is trimmed.",
			provider: provider("slack", func(s *spec) { s.Username = "spec" }),
			secret:   map[string]string{"address": " https://other.invalid/x\n", "token": "tok\n", "username": "u", "password": "p"},
			want:     notify.Options{Type: "slack", Address: "https://other.invalid/x", Username: "u", Token: "tok", Password: "p"},
		},
		"LonePassword": {
			reason:   "A password goes with the user of the spec.",
			provider: provider("alertmanager", func(s *spec) { s.Username = "spec" }),
			secret:   map[string]string{"password": "p"},
			want:     notify.Options{Type: "alertmanager", Address: "https://host.invalid/team/fleet", Username: "spec", Password: "p"},
		},
		"Headers": {
			reason:   "Headers are YAML, in which a number or a boolean needs no quotes.",
			provider: provider("generic"),
			secret:   map[string]string{"headers": "Authorization: &x Bearer x\nX-Team: \"1\"\nX-Same: *x\n7: seven\n1.5: key\nX-Empty:\nX-Scope-OrgID: 1\nX-Debug: true\nX-Rate: 1.5\nX-Large: 18446744073709551615\n"},
			want: notify.Options{
				Type: "generic", Address: "https://host.invalid/team/fleet",
				Headers: map[string]string{
					"Authorization": "Bearer x", "X-Team": "1", "X-Same": "Bearer x", "7": "seven", "1.5": "key", "X-Empty": "",
					"X-Scope-OrgID": "1", "X-Debug": "true", "X-Rate": "1.5", "X-Large": "18446744073709551615",
				},
			},
		},
	}
	for key, tc := range cases {
		t.Run(key, func(t *testing.T) {
			got, err := loader(t, shelf{"secret": tc.secret}).Load(t.Context(), tc.provider)
			if err != nil {
				t.Fatal(err)
			}
			if got.Transport == nil {
				t.Error("no transport")
			}
			got.Transport, got.Secrets = nil, nil
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestLoadProxy holds the order of the four places that name a proxy.
func TestLoadProxy(t *testing.T) {
	target := httptest.NewServer(http.NotFoundHandler())
	defer target.Close()
	var seen string
	newProxy := func(name string) *httptest.Server {
		return httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen = name }))
	}
	inSpec, inSecret, byRef := newProxy("spec"), newProxy("secret"), newProxy("ref")
	for _, s := range []*httptest.Server{inSpec, inSecret, byRef} {
		defer s.Close()
	}
	secrets := shelf{"secret": {"proxy": inSecret.URL}, "empty": {}, "proxy": {"address": byRef.URL}}
	for want, edit := range map[string]func(s *notificationv1beta3.ProviderSpec){
		"ref": func(s *notificationv1beta3.ProviderSpec) {
			s.ProxySecretRef = &meta.LocalObjectReference{Name: "proxy"}
		},
		"secret": func(*notificationv1beta3.ProviderSpec) {},
		"spec":   func(s *notificationv1beta3.ProviderSpec) { s.SecretRef.Name = "empty" },
	} {
		p := provider("generic", func(s *notificationv1beta3.ProviderSpec) { s.Address, s.Proxy = "http://service.invalid/x", inSpec.URL }, edit)
		n, err := loader(t, secrets).Notifier(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Notify(t.Context(), message()); err != nil || seen != want {
			t.Errorf("want %s, got %s, %v", want, seen, err)
		}
	}
}

// TestLoadTLS: Git hosts take TLS settings from secretRef, the others do not.
func TestLoadTLS(t *testing.T) {
	secrets := shelf{"secret": {"token": "t", "ca.crt": "garbage"}}
	for kind, fails := range map[string]bool{"github": true, "gitlab": true, "gitea": true, "slack": false, "generic": false} {
		_, err := loader(t, secrets).Notifier(t.Context(), provider(kind))
		if (err != nil) != fails {
			t.Errorf("%s: got %v", kind, err)
		}
	}
}

// TestLoadPublicGitHub: nobody replaces the certificates of github.com.
func TestLoadPublicGitHub(t *testing.T) {
	certs := testkit.NewCertificates(t)
	l := loader(t, shelf{"secret": {"token": "hunter2", "ca.crt": string(certs.CA)}})
	for address, own := range map[string]bool{"https://github.com/team/fleet": false, "https://GitHub.com/team/fleet": false, "https://ghes.invalid/team/fleet": true} {
		o, err := l.Load(t.Context(), provider("github", func(s *notificationv1beta3.ProviderSpec) { s.Address = address }))
		if err != nil {
			t.Fatal(err)
		}
		if got := o.Transport != l.Transports.For(nil, nil); got != own {
			t.Errorf("%s: own settings %t", address, got)
		}
	}
}

// TestLoadShares: Providers with the same settings share connections, those of others do not.
func TestLoadShares(t *testing.T) {
	certs := testkit.NewCertificates(t)
	other := testkit.NewCertificates(t)
	l := loader(t, shelf{"secret": {}, "a": {"ca.crt": string(certs.CA)}, "b": {"ca.crt": string(certs.CA)}, "c": {"ca.crt": string(other.CA)}})
	load := func(cert string) http.RoundTripper {
		p := provider("slack", func(s *notificationv1beta3.ProviderSpec) {
			if cert != "" {
				s.CertSecretRef = &meta.LocalObjectReference{Name: cert}
			}
		})
		o, err := l.Load(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		return o.Transport
	}
	if load("") != load("") || load("a") != load("b") || load("a") == load("c") || load("a") == load("") {
		t.Error("connections are shared among the same settings, and only those")
	}
}
