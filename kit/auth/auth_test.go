// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"maps"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/kit/testkit"
)

// shelf is a client.Reader that knows one Secret, team/creds.
type shelf struct {
	client.Reader
	data map[string]string
}

// Get implements client.Reader.
func (s shelf) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	secret, ok := obj.(*corev1.Secret)
	if !ok || key.String() != "team/creds" {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, key.Name)
	}
	testkit.Secret(key.Namespace, key.Name, s.data).DeepCopyInto(secret)
	return nil
}

func TestGit(t *testing.T) {
	certs := testkit.NewCertificates(t)
	identity := string(testkit.NewIdentity(t, ""))
	encrypted := string(testkit.NewIdentity(t, "phrase"))
	const (
		https = "https://example.com/org/app.git"
		ssh   = "ssh://git@example.com/org/app.git"
	)
	cases := map[string]struct {
		reason  string
		url     string
		noRef   bool
		data    map[string]string
		want    git.Credentials
		wantErr error
		// text must be in the error.
		text string
	}{
		"Anonymous": {
			reason: "Without a Secret an HTTP repository is read anonymously.",
			url:    https,
			noRef:  true,
		},
		"UserInfoOnly": {
			reason: "User information in the URL counts without a Secret.",
			url:    "http://u:p@example.com/app.git",
			noRef:  true,
			want:   git.Credentials{Username: "u", Password: "p"},
		},
		"Basic": {
			reason: "User name and password of the Secret win over the URL.",
			url:    "https://u:p@example.com/app.git",
			data:   map[string]string{"username": "user", "password": "secret"},
			want:   git.Credentials{Username: "user", Password: "secret"},
		},
		"UserFromURL": {
			reason: "Values that the Secret lacks come from the URL.",
			url:    "https://u@example.com/app.git",
			data:   map[string]string{"password": "secret"},
			want:   git.Credentials{Username: "u", Password: "secret"},
		},
		"UserAlone": {
			reason: "A user name alone is allowed: some hosts take a token there.",
			url:    https,
			data:   map[string]string{"username": "token"},
			want:   git.Credentials{Username: "token"},
		},
		"PasswordAlone": {
			reason:  "A password without a user name is a mistake.",
			url:     https,
			data:    map[string]string{"password": "hunter2"},
			wantErr: ErrSecret,
			text:    "secret 'team/creds': key 'password' without 'username'",
		},
		"Bearer": {
			reason: "A bearer token replaces user name and password.",
			url:    https,
			data:   map[string]string{"bearerToken": "token", "username": "user", "password": "secret"},
			want:   git.Credentials{BearerToken: "token"},
		},
		"BearerWithUserInfo": {
			reason: "That a token and user information in the URL contradict each other is for the Git client to say.",
			url:    "https://u:p@example.com/app.git",
			data:   map[string]string{"bearerToken": "hunter2"},
			want:   git.Credentials{BearerToken: "hunter2"},
		},
		"Certificates": {
			reason: "Authority and client certificate come along with any of the above.",
			url:    https,
			data:   map[string]string{"ca.crt": string(certs.CA), "tls.crt": string(certs.Cert), "tls.key": string(certs.Key)},
			want:   git.Credentials{CAFile: certs.CA, ClientCert: certs.Cert, ClientKey: certs.Key},
		},
		"OlderCA": {
			reason: "The older key of the authority counts where the newer is missing.",
			url:    https,
			data:   map[string]string{"caFile": string(certs.CA)},
			want:   git.Credentials{CAFile: certs.CA},
		},
		"BothCAs": {
			reason: "The newer key of the authority wins.",
			url:    https,
			data:   map[string]string{"ca.crt": string(certs.CA), "caFile": "old"},
			want:   git.Credentials{CAFile: certs.CA},
		},
		"BadCA": {
			reason:  "An authority that is no certificate is found before it fails every connection.",
			url:     https,
			data:    map[string]string{"ca.crt": "hunter2"},
			wantErr: ErrSecret,
			text:    "ca.crt",
		},
		"HalfPair": {
			reason:  "Half a client certificate names the missing half.",
			url:     https,
			data:    map[string]string{"tls.crt": string(certs.Cert)},
			wantErr: ErrSecret,
			text:    "key 'tls.crt' without 'tls.key'",
		},
		"SSH": {
			reason: "SSH needs a key and the keys of the host; a user name is ignored.",
			url:    ssh,
			data:   map[string]string{"identity": identity, "known_hosts": "host key", "username": "x", "identity.pub": "y"},
			want:   git.Credentials{Identity: []byte(identity), KnownHosts: []byte("host key")},
		},
		"SSHEncrypted": {
			reason: "The password decrypts the key.",
			url:    ssh,
			data:   map[string]string{"identity": encrypted, "known_hosts": "host key", "password": "phrase"},
			want:   git.Credentials{Identity: []byte(encrypted), KnownHosts: []byte("host key"), Passphrase: "phrase"},
		},
		"SSHNoPassphrase": {
			reason:  "An encrypted key without a password names the Secret and the key.",
			url:     ssh,
			data:    map[string]string{"identity": encrypted, "known_hosts": "host key"},
			wantErr: ErrSecret,
			text:    "secret 'team/creds': key 'identity' is encrypted and there is no 'password'",
		},
		"SSHNoKey": {
			reason:  "What is no key is found before a connection is made.",
			url:     ssh,
			data:    map[string]string{"identity": "hunter2", "known_hosts": "host key"},
			wantErr: ErrSecret,
			text:    "key 'identity' is no private key",
		},
		"SSHNoKnownHosts": {
			reason:  "There is no trust on first use.",
			url:     ssh,
			data:    map[string]string{"identity": identity},
			wantErr: ErrSecret,
			text:    "invalid 'ssh' auth option: 'known_hosts' is required",
		},
		"SSHNoIdentity": {
			reason:  "Nor is there one that needs no key.",
			url:     ssh,
			data:    map[string]string{"known_hosts": "host key"},
			wantErr: ErrSecret,
			text:    "invalid 'ssh' auth option: 'identity' is required",
		},
		"SSHNoSecret": {
			reason:  "An SSH repository cannot be read anonymously.",
			url:     ssh,
			noRef:   true,
			wantErr: ErrSecret,
			text:    "invalid 'ssh' auth option: 'identity' is required: an ssh:// repository needs a Secret",
		},
		"GitHubApp": {
			reason:  "Data of a GitHub App without that provider is another mistake.",
			url:     https,
			data:    map[string]string{"githubAppID": "1", "githubAppPrivateKey": "hunter2"},
			wantErr: ErrProvider,
			text:    "provider is not set to github",
		},
		"BadURL": {
			reason: "A URL that does not parse is not repeated, as it may hold a password.",
			url:    "https://u:hunter2@exa mple.com",
			noRef:  true,
			text:   "does not parse",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			ref := "creds"
			if tc.noRef {
				ref = ""
			}
			got, err := (&Reader{Client: shelf{data: tc.data}}).Git(t.Context(), "team", ref, tc.url)
			checkError(t, tc.reason, err, tc.wantErr, tc.text)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestMissing(t *testing.T) {
	reader := &Reader{Client: shelf{}}
	reads := map[string]func() error{
		"Git":    func() error { _, err := reader.Git(t.Context(), "team", "other", "https://example.com"); return err },
		"TLS":    func() error { _, err := reader.TLS(t.Context(), "team", "other"); return err },
		"Proxy":  func() error { _, err := reader.Proxy(t.Context(), "team", "other"); return err },
		"Values": func() error { _, err := reader.Values(t.Context(), "team", "other"); return err },
	}
	for name, read := range reads {
		t.Run(name, func(t *testing.T) {
			err := read()
			named, ok := errors.AsType[*Error](err)
			if !ok || named.Secret.String() != "team/other" || !apierrors.IsNotFound(err) || !strings.Contains(err.Error(), "team/other") {
				t.Errorf("error %v, want a missing Secret team/other", err)
			}
		})
	}
}

func TestValues(t *testing.T) {
	want := map[string]string{"a": "1", "b": "2"}
	got, err := (&Reader{Client: shelf{data: maps.Clone(want)}}).Values(t.Context(), "team", "creds")
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Values() error %v (-want +got):\n%s", err, diff)
	}
}

func TestTLS(t *testing.T) {
	certs := testkit.NewCertificates(t)
	cases := map[string]struct {
		reason    string
		data      map[string]string
		wantCA    bool
		wantPairs int
		wantErr   error
		text      string
	}{
		"CA": {
			reason: "An authority alone is enough.",
			data:   map[string]string{"ca.crt": string(certs.CA)},
			wantCA: true,
		},
		"Pair": {
			reason:    "A client certificate alone is enough.",
			data:      map[string]string{"tls.crt": string(certs.Cert), "tls.key": string(certs.Key)},
			wantPairs: 1,
		},
		"OlderKeys": {
			reason:    "The older keys are accepted.",
			data:      map[string]string{"caFile": string(certs.CA), "certFile": string(certs.Cert), "keyFile": string(certs.Key)},
			wantCA:    true,
			wantPairs: 1,
		},
		"Nothing": {
			reason:  "A Secret without any of it is a mistake.",
			data:    map[string]string{"username": "hunter2"},
			wantErr: ErrSecret,
			text:    "must contain either 'ca.crt' or both 'tls.crt' and 'tls.key'",
		},
		"NoKey": {
			reason:  "The missing half is named.",
			data:    map[string]string{"tls.crt": string(certs.Cert)},
			wantErr: ErrSecret,
			text:    "secret 'team/creds': key 'tls.crt' without 'tls.key'",
		},
		"NoCert": {
			reason:  "The missing half is named.",
			data:    map[string]string{"tls.key": string(certs.Key)},
			wantErr: ErrSecret,
			text:    "key 'tls.key' without 'tls.crt'",
		},
		"NotPEM": {
			reason:  "What does not parse is a mistake, and is not repeated.",
			data:    map[string]string{"tls.crt": "hunter2", "tls.key": "hunter2"},
			wantErr: ErrSecret,
			text:    "parse",
		},
		"BadCA": {
			reason:  "An authority that does not parse is a mistake.",
			data:    map[string]string{"ca.crt": "hunter2"},
			wantErr: ErrSecret,
			text:    "CA certificate",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			config, err := (&Reader{Client: shelf{data: tc.data}}).TLS(t.Context(), "team", "creds")
			checkError(t, tc.reason, err, tc.wantErr, tc.text)
			if err != nil {
				return
			}
			if (config.RootCAs != nil) != tc.wantCA || len(config.Certificates) != tc.wantPairs || config.InsecureSkipVerify {
				t.Errorf("%s\nroots %t, %d pairs, insecure %t", tc.reason, config.RootCAs != nil, len(config.Certificates), config.InsecureSkipVerify)
			}
		})
	}
}

func TestPinnedTLS(t *testing.T) {
	certs := testkit.NewCertificates(t)
	config, err := (&Reader{Client: shelf{data: map[string]string{"ca.crt": string(certs.CA)}}}).PinnedTLS(t.Context(), "team", "creds")
	if err != nil {
		t.Fatal(err)
	}
	only := x509.NewCertPool()
	only.AppendCertsFromPEM(certs.CA)
	if !config.RootCAs.Equal(only) || config.MinVersion != tls.VersionTLS12 {
		t.Error("ca.crt replaces the authorities of the system")
	}
}

func TestProxy(t *testing.T) {
	cases := map[string]struct {
		reason  string
		data    map[string]string
		want    string
		wantErr error
		text    string
	}{
		"Plain": {
			reason: "An address alone is enough.",
			data:   map[string]string{"address": "http://proxy:3128"},
			want:   "http://proxy:3128",
		},
		"Authenticated": {
			reason: "User name and password become part of the URL.",
			data:   map[string]string{"address": "socks5://proxy:1080", "username": "user", "password": "p@ss"},
			want:   "socks5://user:p%40ss@proxy:1080",
		},
		"UserAlone": {
			reason: "A password is optional.",
			data:   map[string]string{"address": "https://proxy", "username": "user"},
			want:   "https://user@proxy",
		},
		"Missing": {
			reason:  "The address is required.",
			data:    map[string]string{"username": "user"},
			wantErr: ErrSecret,
			text:    "key 'address' is missing or empty",
		},
		"Empty": {
			reason:  "The address must not be empty.",
			data:    map[string]string{"address": ""},
			wantErr: ErrSecret,
			text:    "address",
		},
		"NoURL": {
			reason:  "An address that does not parse is not repeated.",
			data:    map[string]string{"address": "http://user:hunter2@pro xy"},
			wantErr: ErrSecret,
			text:    "address",
		},
		"NoHost": {
			reason:  "A URL without a host leads nowhere.",
			data:    map[string]string{"address": "proxy:3128"},
			wantErr: ErrSecret,
			text:    "address",
		},
		"Scheme": {
			reason:  "Other protocols are refused.",
			data:    map[string]string{"address": "ftp://proxy"},
			wantErr: ErrSecret,
			text:    "secret 'team/creds': proxy URL must use one of the supported schemes",
		},
		"TooLong": {
			reason:  "The length is limited.",
			data:    map[string]string{"address": "http://proxy/" + strings.Repeat("x", 2048)},
			wantErr: ErrSecret,
			text:    "length",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := (&Reader{Client: shelf{data: tc.data}}).Proxy(t.Context(), "team", "creds")
			checkError(t, tc.reason, err, tc.wantErr, tc.text)
			if err == nil && got.String() != tc.want {
				t.Errorf("%s\nProxy() = %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
}

// FuzzGit holds that no contents of a Secret break the reader, and that errors never repeat a password.
func FuzzGit(f *testing.F) {
	f.Add("https://example.com/a.git", "user", "pass", "", "", "")
	f.Add("ssh://git@example.com/a.git", "", "phrase", "key", "hosts", "")
	f.Add("http://u:p@example.com", "", "", "", "", "-----BEGIN CERTIFICATE-----")
	f.Fuzz(func(t *testing.T, address, username, password, identity, knownHosts, ca string) {
		const mark = "hunter2-hunter2"
		data := map[string]string{
			"username": username, "password": mark + password, "identity": mark + identity, "known_hosts": knownHosts, "ca.crt": mark + ca,
		}
		_, err := (&Reader{Client: shelf{data: data}}).Git(t.Context(), "team", "creds", address)
		if err != nil && strings.Contains(err.Error(), mark) {
			t.Errorf("error repeats a secret: %v", err)
		}
		if u, parseErr := url.Parse(address); parseErr == nil && u.Scheme == schemeSSH && err == nil {
			t.Error("a key that does not parse was accepted")
		}
	})
}

func checkError(t *testing.T, reason string, err, want error, text string) {
	t.Helper()
	if (err != nil) != (want != nil || text != "") || want != nil && !errors.Is(err, want) {
		t.Fatalf("%s\nerror %v, want %v with %q", reason, err, want, text)
	}
	if err != nil && (!strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "hunter2")) {
		t.Errorf("%s\nerror %q, want %q in it and no secret", reason, err, text)
	}
}
