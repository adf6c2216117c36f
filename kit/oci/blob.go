// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Blob opens a layer. Size and digest are checked while it is read: a reader that does not get to io.EOF has seen nothing it can trust. A layer
// that says it has more than maxBytes bytes is ErrTooLarge, one that is not what it says ErrContent.
func (r *Repository) Blob(ctx context.Context, l Layer, maxBytes int64) (io.ReadCloser, error) {
	digest, err := v1.NewHash(l.Digest)
	if err != nil || l.Size < 0 {
		return nil, fmt.Errorf("%w: layer with digest '%s' and size %d", ErrContent, clean(l.Digest), l.Size)
	}
	if l.Size > maxBytes {
		return nil, fmt.Errorf("%w: layer of %d bytes, %d are allowed", ErrTooLarge, l.Size, maxBytes)
	}
	hasher, err := v1.Hasher(digest.Algorithm)
	if err != nil {
		return nil, fmt.Errorf("%w: layer with digest '%s'", ErrContent, clean(l.Digest))
	}
	if err := r.Login(ctx); err != nil {
		return nil, err
	}
	// The digest is that of the stored bytes: nothing may unpack them on the way.
	res, err := r.send(ctx, http.MethodGet, r.address("blobs", digest.String()), http.Header{"Accept-Encoding": {"identity"}}) //nolint:bodyclose // the blob closes it
	if err != nil {
		return nil, fmt.Errorf("read layer %s of %s: %w", digest, r.key.name, err)
	}
	return &blob{ctx: ctx, repository: r, body: res.Body, hash: hasher, digest: digest, left: l.Size}, nil
}

// blob checks a layer while it is read.
type blob struct {
	ctx        context.Context //nolint:containedctx // a reader has no other way to tell why it ended
	repository *Repository
	body       io.ReadCloser
	hash       hash.Hash
	digest     v1.Hash
	left       int64
	err        error
}

// Read implements io.Reader.
func (b *blob) Read(to []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.body.Read(to)
	b.hash.Write(to[:n])
	b.left -= int64(n)
	switch {
	case b.left < 0:
		b.err = fmt.Errorf("%w: layer %s is longer than it says", ErrContent, b.digest)
	case errors.Is(err, io.EOF):
		b.err = b.check()
	case err != nil:
		b.err = fmt.Errorf("read layer %s of %s: %w", b.digest, b.repository.key.name, b.repository.redact(b.ctx, err))
	}
	if b.err != nil && !errors.Is(b.err, io.EOF) {
		// What was read last is part of what is wrong.
		return 0, b.err
	}
	return n, b.err
}

// check returns io.EOF if all is as promised.
func (b *blob) check() error {
	if b.left > 0 {
		return fmt.Errorf("%w: layer %s ends %d bytes early", ErrContent, b.digest, b.left)
	}
	if got := hex.EncodeToString(b.hash.Sum(nil)); got != b.digest.Hex {
		return fmt.Errorf("%w: layer %s has the digest %s:%s", ErrContent, b.digest, b.digest.Algorithm, got)
	}
	return io.EOF
}

// Close implements io.Closer.
func (b *blob) Close() error { return b.body.Close() }

// Copy writes a layer to w and checks it like Blob.
func (r *Repository) Copy(ctx context.Context, w io.Writer, l Layer, maxBytes int64) error {
	content, err := r.Blob(ctx, l, maxBytes)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, content); err != nil {
		return errors.Join(err, content.Close())
	}
	return content.Close()
}
