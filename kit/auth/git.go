// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"net/url"

	"github.com/fluxcd/pkg/runtime/secrets"
	"golang.org/x/crypto/ssh"
	corev1 "k8s.io/api/core/v1"

	"github.com/weir-gitops/weir/kit/git"
)

const (
	schemeSSH = "ssh"
	// textSSH begins what is said of a key that is not there. Flux: contract image-automation-controller, "Git credentials".
	textSSH = "invalid 'ssh' auth option: '%s' is required: "
)

// Git returns the credentials of a Secret for the repository at address; an empty name means that there is no Secret. The proxy is not set.
// Flux: contract source-controller, "Git Secret", for the provider generic.
func (r *Reader) Git(ctx context.Context, namespace, name, address string) (git.Credentials, error) {
	u, err := url.Parse(address)
	if err != nil {
		// The text of the error would repeat the URL, which may hold a password.
		return git.Credentials{}, errors.New("repository URL does not parse")
	}
	if name == "" {
		if u.Scheme == schemeSSH {
			return git.Credentials{}, unusable(textSSH+"an ssh:// repository needs a Secret with the keys '%s' and '%s'",
				secrets.KeySSHPrivateKey, secrets.KeySSHPrivateKey, secrets.KeySSHKnownHosts)
		}
		return userInfo(u, git.Credentials{}), nil
	}
	secret, err := r.read(ctx, namespace, name)
	if err != nil {
		return git.Credentials{}, err
	}
	creds, err := gitCredentials(secret, u)
	return creds, about(secret, err)
}

func gitCredentials(secret *corev1.Secret, u *url.URL) (git.Credentials, error) {
	if _, ok := secret.Data[secrets.KeyGitHubAppID]; ok {
		return git.Credentials{}, &problem{
			kind: ErrProvider,
			text: "has github app data but provider is not set to github",
		}
	}
	if u.Scheme == schemeSSH {
		return sshCredentials(secret)
	}
	return httpCredentials(secret, u)
}

func httpCredentials(secret *corev1.Secret, u *url.URL) (git.Credentials, error) {
	creds := git.Credentials{
		ClientCert: secret.Data[secrets.KeyTLSCert],
		ClientKey:  secret.Data[secrets.KeyTLSPrivateKey],
		CAFile:     secret.Data[secrets.KeyCACert],
	}
	if len(creds.CAFile) == 0 {
		creds.CAFile = secret.Data[secrets.LegacyKeyCACert]
	}
	if err := checkPair(creds.ClientCert, creds.ClientKey); err != nil {
		return git.Credentials{}, err
	}
	if len(creds.CAFile) > 0 && !x509.NewCertPool().AppendCertsFromPEM(creds.CAFile) {
		return git.Credentials{}, unusable("key '%s' holds no certificate", secrets.KeyCACert)
	}
	if token, ok := secret.Data[secrets.KeyBearerToken]; ok {
		creds.BearerToken = string(token)
		return creds, nil
	}
	creds.Username = string(secret.Data[secrets.KeyUsername])
	creds.Password = string(secret.Data[secrets.KeyPassword])
	creds = userInfo(u, creds)
	if creds.Username == "" && creds.Password != "" {
		return git.Credentials{}, withoutOther(secrets.KeyPassword, secrets.KeyUsername)
	}
	return creds, nil
}

// userInfo takes what the credentials lack from the URL.
func userInfo(u *url.URL, creds git.Credentials) git.Credentials {
	password, _ := u.User.Password()
	creds.Username = cmp.Or(creds.Username, u.User.Username())
	creds.Password = cmp.Or(creds.Password, password)
	return creds
}

func sshCredentials(secret *corev1.Secret) (git.Credentials, error) {
	creds := git.Credentials{
		Identity:   secret.Data[secrets.KeySSHPrivateKey],
		Passphrase: string(secret.Data[secrets.KeyPassword]),
		KnownHosts: secret.Data[secrets.KeySSHKnownHosts],
	}
	for _, key := range []string{secrets.KeySSHPrivateKey, secrets.KeySSHKnownHosts} {
		if len(secret.Data[key]) == 0 {
			return git.Credentials{}, unusable(textSSH+"an ssh:// repository needs the keys '%s' and '%s'",
				key, secrets.KeySSHPrivateKey, secrets.KeySSHKnownHosts)
		}
	}
	// Only what can be told without the costly decryption; kit/git decrypts when it connects.
	_, err := ssh.ParseRawPrivateKey(creds.Identity)
	_, encrypted := errors.AsType[*ssh.PassphraseMissingError](err)
	switch {
	case encrypted && creds.Passphrase == "":
		return git.Credentials{}, unusable("key '%s' is encrypted and there is no '%s'", secrets.KeySSHPrivateKey, secrets.KeyPassword)
	case err != nil && !encrypted:
		return git.Credentials{}, unusable("key '%s' is no private key: %s", secrets.KeySSHPrivateKey, err)
	}
	return creds, nil
}
