// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package artifact holds what every side of the artifact protocol agrees on: how the content of an
// artifact is named. Packages below it produce (archive, store), serve and fetch artifacts.
package artifact

import (
	"crypto/sha1" //nolint:gosec // offered because the contract lists it; collision resistance is the operator's choice
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/zeebo/blake3"
)

// Algorithm is the name of a hash function as it appears in front of a digest.
type Algorithm string

// The algorithms of the artifact protocol. Flux: --artifact-digest-algo.
const (
	SHA1   Algorithm = "sha1"
	SHA256 Algorithm = "sha256"
	SHA384 Algorithm = "sha384"
	SHA512 Algorithm = "sha512"
	BLAKE3 Algorithm = "blake3"
)

// ErrAlgorithm says that a digest names a hash function this program does not offer.
var ErrAlgorithm = errors.New("unknown digest algorithm")

// ErrDigest says that a text is not a digest.
var ErrDigest = errors.New("malformed digest")

// ErrMismatch says that content does not have the digest it should have.
var ErrMismatch = errors.New("digest mismatch")

// ParseAlgorithm returns the algorithm called name, or ErrAlgorithm.
func ParseAlgorithm(name string) (Algorithm, error) {
	a := Algorithm(name)
	switch a {
	case SHA1, SHA256, SHA384, SHA512, BLAKE3:
		return a, nil
	}
	return "", fmt.Errorf("%w: %q", ErrAlgorithm, name)
}

// New returns a fresh hash of the algorithm. The algorithm comes from ParseAlgorithm or a constant;
// the zero value means SHA256.
func (a Algorithm) New() hash.Hash {
	switch a {
	case SHA1:
		return sha1.New() //nolint:gosec // see the import
	case SHA384:
		return sha512.New384()
	case SHA512:
		return sha512.New()
	case BLAKE3:
		return blake3.New()
	case SHA256:
	}
	return sha256.New()
}

// Digest names content by its hash. Its text form is "<algorithm>:<lower-case hex>".
type Digest struct {
	Algorithm Algorithm
	Hex       string
}

// ParseDigest reads the text form and checks algorithm, length and alphabet.
func ParseDigest(text string) (Digest, error) {
	name, sum, ok := strings.Cut(text, ":")
	if !ok {
		return Digest{}, fmt.Errorf("%w: %q has no algorithm", ErrDigest, text)
	}
	algorithm, err := ParseAlgorithm(name)
	if err != nil {
		return Digest{}, err
	}
	raw, err := hex.DecodeString(sum)
	if err != nil || len(raw) != algorithm.New().Size() || sum != strings.ToLower(sum) {
		return Digest{}, fmt.Errorf("%w: %q", ErrDigest, text)
	}
	return Digest{Algorithm: algorithm, Hex: sum}, nil
}

// SumOf returns the digest of what was written to h, which must be of algorithm a.
func SumOf(a Algorithm, h hash.Hash) Digest {
	return Digest{Algorithm: a, Hex: hex.EncodeToString(h.Sum(nil))}
}

// Read consumes r and returns its digest and length in bytes.
func Read(a Algorithm, r io.Reader) (Digest, int64, error) {
	h := a.New()
	n, err := io.Copy(h, r)
	if err != nil {
		return Digest{}, n, err
	}
	return SumOf(a, h), n, nil
}

// Verify consumes r and returns ErrMismatch unless its content has this digest.
func (d Digest) Verify(r io.Reader) error {
	got, _, err := Read(d.Algorithm, r)
	if err != nil {
		return err
	}
	if got != d {
		return fmt.Errorf("%w: got %s, want %s", ErrMismatch, got, d)
	}
	return nil
}

// String returns the text form, empty for the zero value.
func (d Digest) String() string {
	if d.Algorithm == "" {
		return ""
	}
	return string(d.Algorithm) + ":" + d.Hex
}
