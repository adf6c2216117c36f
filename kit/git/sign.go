// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"fmt"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// Why a key cannot sign.
var (
	// ErrSigningKey says that a key cannot be read, or is not one that signs commits.
	ErrSigningKey = errors.New("unusable signing key")
	// ErrSeveralKeys says that an OpenPGP document holds more than one key.
	ErrSeveralKeys = fmt.Errorf("%w: several keys", ErrSigningKey)
	// ErrPassphraseMissing says that a key is encrypted and there is nothing to decrypt it with.
	ErrPassphraseMissing = fmt.Errorf("%w: encrypted", ErrSigningKey)
	// ErrPassphraseWrong says that a key cannot be decrypted with what there is.
	ErrPassphraseWrong = fmt.Errorf("%w: wrong passphrase", ErrSigningKey)
	// ErrKeyInvalid says that a key has expired, was revoked, is not valid yet or is for something else than signing.
	ErrKeyInvalid = fmt.Errorf("%w: not valid", ErrSigningKey)
)

const (
	// sshNamespace says what a signature is for. Git: gitformat-signature, "SSH SIGNATURES".
	sshNamespace = "git"
	// minRSABits is the shortest RSA key that may sign.
	minRSABits = 2048
)

// Signer signs the content of a commit.
type Signer interface {
	// Sign returns a signature in the armor of its kind.
	Sign(content []byte) ([]byte, error)
}

// NewOpenPGPSigner returns a signer with the one private key in an armored document, which has to be valid now. The passphrase
// decrypts it; empty means that it is not encrypted.
func NewOpenPGPSigner(key []byte, passphrase string) (Signer, error) {
	entities, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(key))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrSigningKey, err)
	case len(entities) > 1:
		return nil, ErrSeveralKeys
	case len(entities) == 0 || entities[0].PrivateKey == nil:
		return nil, fmt.Errorf("%w: it holds no private key", ErrSigningKey)
	}
	entity := entities[0]
	if err := checkValid(entity, time.Now()); err != nil {
		return nil, err
	}
	if !encrypted(entity) {
		return openPGPSigner{entity}, nil
	}
	if passphrase == "" {
		return nil, ErrPassphraseMissing
	}
	if err := entity.DecryptPrivateKeys([]byte(passphrase)); err != nil {
		return nil, ErrPassphraseWrong
	}
	return openPGPSigner{entity}, nil
}

// checkValid refuses a key that cannot sign now, by the rules of what signs with it.
func checkValid(e *openpgp.Entity, now time.Time) error {
	key, ok := e.SigningKey(now)
	self, _ := e.PrimarySelfSignature()
	switch {
	case ok && key.PrivateKey != nil && !key.PrivateKey.Dummy():
		return nil
	case ok:
		return fmt.Errorf("%w: the private part of what signs is missing", ErrKeyInvalid)
	case e.Revoked(now):
		return fmt.Errorf("%w: it was revoked", ErrKeyInvalid)
	case e.PrimaryKey.CreationTime.After(now):
		return fmt.Errorf("%w: it is of the future", ErrKeyInvalid)
	case self != nil && (e.PrimaryKey.KeyExpired(self, now) || self.SigExpired(now)):
		return fmt.Errorf("%w: it has expired", ErrKeyInvalid)
	}
	return fmt.Errorf("%w: it has no part that may sign: expired, revoked or for something else", ErrKeyInvalid)
}

// encrypted reports whether any of the keys needs a passphrase.
func encrypted(e *openpgp.Entity) bool {
	if e.PrivateKey.Encrypted {
		return true
	}
	for _, sub := range e.Subkeys {
		if sub.PrivateKey != nil && sub.PrivateKey.Encrypted {
			return true
		}
	}
	return false
}

type openPGPSigner struct{ entity *openpgp.Entity }

// Sign implements Signer.
func (s openPGPSigner) Sign(content []byte) ([]byte, error) {
	var b bytes.Buffer
	if err := openpgp.ArmoredDetachSign(&b, s.entity, bytes.NewReader(content), nil); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// NewSSHSigner returns a signer with an SSH private key in PEM: Ed25519, ECDSA, or RSA of at least 2048 bits.
func NewSSHSigner(key []byte, passphrase string) (Signer, error) {
	signer, err := ssh.ParsePrivateKey(key)
	if _, locked := errors.AsType[*ssh.PassphraseMissingError](err); locked {
		if passphrase == "" {
			return nil, ErrPassphraseMissing
		}
		if signer, err = ssh.ParsePrivateKeyWithPassphrase(key, []byte(passphrase)); err != nil {
			return nil, ErrPassphraseWrong
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSigningKey, err)
	}
	if err := checkSSHKey(signer.PublicKey()); err != nil {
		return nil, err
	}
	return sshSigner{signer}, nil
}

// checkSSHKey refuses keys whose signatures nobody should trust.
func checkSSHKey(key ssh.PublicKey) error {
	switch key.Type() {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521:
		return nil
	case ssh.KeyAlgoRSA:
		wrapped, ok := key.(ssh.CryptoPublicKey)
		if !ok {
			break
		}
		if public, ok := wrapped.CryptoPublicKey().(*rsa.PublicKey); ok && public.N.BitLen() >= minRSABits {
			return nil
		}
		return fmt.Errorf("%w: RSA keys need at least %d bits", ErrSigningKey, minRSABits)
	}
	return fmt.Errorf("%w: keys of type %s do not sign commits", ErrSigningKey, key.Type())
}

type sshSigner struct{ key ssh.Signer }

// Sign implements Signer.
func (s sshSigner) Sign(content []byte) ([]byte, error) {
	signature, err := sshsig.Sign(bytes.NewReader(content), s.key, sshsig.HashSHA512, sshNamespace)
	if err != nil {
		return nil, err
	}
	return sshsig.Armor(signature), nil
}
