// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // senders that are old sign with it, as HMAC it still holds
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"

	"github.com/weir-gitops/weir/kit/excerpt"
)

var (
	errNoSignature  = errors.New("no signature")
	errBadSignature = errors.New("the signature is wrong")
)

// verify checks a signature of the form algorithm=hex over the body. Flux: notification-controller contract, "Types".
func verify(signature string, body, key []byte) error {
	if len(key) == 0 {
		return errEmptyToken
	}
	if signature == "" {
		return errNoSignature
	}
	algorithm, digest, ok := strings.Cut(signature, "=")
	if !ok {
		return errors.New("the signature has not the form algorithm=hex")
	}
	newHash := hashOf(algorithm)
	if newHash == nil {
		return fmt.Errorf("signature with unknown algorithm '%s'", excerpt.Of(algorithm, maxQuotedBytes))
	}
	got, err := hex.DecodeString(digest)
	if err != nil {
		return errors.New("the signature is not hexadecimal")
	}
	mac := hmac.New(newHash, key)
	mac.Write(body)
	if !hmac.Equal(got, mac.Sum(nil)) {
		return errBadSignature
	}
	return nil
}

// hashOf returns the hash of a signature, nil for one that is not known.
func hashOf(algorithm string) func() hash.Hash {
	switch algorithm {
	case "sha1":
		return sha1.New
	case "sha256":
		return sha256.New
	case "sha512":
		return sha512.New
	}
	return nil
}
