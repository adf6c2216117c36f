// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"errors"

	"github.com/fluxcd/pkg/runtime/secrets"
	corev1 "k8s.io/api/core/v1"

	"github.com/weir-gitops/weir/kit/git"
)

// Keys of a Secret with an OpenPGP key. Flux: contract image-automation-controller, "Signing".
const (
	keyOpenPGP    = "git.asc"
	keyPassphrase = "passphrase"
)

// OpenPGPSigner returns what signs commits with the OpenPGP key of a Secret. Flux: contract image-automation-controller, "Signing".
func (r *Reader) OpenPGPSigner(ctx context.Context, namespace, name string) (git.Signer, error) {
	secret, err := r.read(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	if len(secret.Data[keyOpenPGP]) == 0 {
		return nil, about(secret, unusable("does not contain a '%s' key", keyOpenPGP))
	}
	signer, err := git.NewOpenPGPSigner(secret.Data[keyOpenPGP], string(secret.Data[keyPassphrase]))
	return signer, signingProblem(secret, keyPassphrase, err)
}

// SSHSigner returns what signs commits with the SSH key of a Secret.
func (r *Reader) SSHSigner(ctx context.Context, namespace, name string) (git.Signer, error) {
	secret, err := r.read(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	if len(secret.Data[secrets.KeySSHPrivateKey]) == 0 {
		return nil, about(secret, unusable("does not contain an '%s' key", secrets.KeySSHPrivateKey))
	}
	signer, err := git.NewSSHSigner(secret.Data[secrets.KeySSHPrivateKey], string(secret.Data[secrets.KeyPassword]))
	return signer, signingProblem(secret, secrets.KeyPassword, err)
}

// signingProblem says what is wrong with a key in the words of the contract; err may be nil.
func signingProblem(secret *corev1.Secret, passphrase string, err error) error {
	switch {
	case errors.Is(err, git.ErrSeveralKeys):
		err = unusable("multiple entities read from secret, expected one")
	case errors.Is(err, git.ErrPassphraseMissing):
		err = unusable("can not use passphrase protected signing key without '%s' field present in secret", passphrase)
	case errors.Is(err, git.ErrPassphraseWrong):
		err = unusable("could not decrypt private key of the signing key present in secret")
	case err != nil:
		err = unusable("%s", err)
	}
	return about(secret, err)
}
