// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrepository

import (
	"context"
	"hash"
	"io"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/go-logr/logr"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact"
	"github.com/weir-gitops/weir/kit/artifact/store"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/source-controller/internal/helmhttp"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// noteUse names the private note about the published index.
const noteUse = "download"

// note is what is kept of a download, so that the next one can be spared.
type note struct {
	// URL is where it came from.
	URL string `json:"url"`
	// Validators are what the server said about it.
	Validators helmhttp.Validators `json:"validators"`
	// Size is that of the index as it came, in bytes.
	Size int64 `json:"size"`
}

// download brings the index into a temporary file unless it is the published one.
func (r *Reconciler) download(ctx context.Context, s *scope) error {
	repository, err := r.connect(ctx, s.obj)
	if err != nil {
		return err
	}
	defer repository.Close()
	if s.raw, err = store.Anonymous(s.dir); err != nil {
		return publish.Fault(sourcev1.DirectoryCreationFailedReason, err)
	}
	known := known(s)
	sums := r.sums(s)
	limited, cancel := publish.Limit(ctx, s.obj.GetTimeout())
	defer cancel()
	validators, unchanged, err := repository.Index(limited, io.MultiWriter(s.raw, sums), known.Validators, r.MaxIndexBytes)
	if err != nil {
		return publish.Fault(meta.FailedReason, err)
	}
	if unchanged {
		s.note, s.unchanged = known, true
		return nil
	}
	s.note = note{URL: s.obj.Spec.URL, Validators: validators, Size: sums.size}
	s.revision = sums.revision()
	published := s.files.Found.Artifact
	s.unchanged = s.files.Found.Usable() && sums.is(published.Revision)
	if s.unchanged {
		s.files.Keep(ctx, noteUse, published, s.note)
	}
	return nil
}

// connect reads the credentials. Nothing is sent yet.
func (r *Reconciler) connect(ctx context.Context, o *sourcev1.HelmRepository) (*helmhttp.Repository, error) {
	if _, err := helmhttp.Parse(o.Spec.URL); err != nil {
		return nil, outcome.Stall(sourcev1.URLInvalidReason, err)
	}
	creds, err := r.Secrets.HTTP(ctx, o.Namespace, Refs(o))
	if err != nil {
		return nil, outcome.Fail(sourcev1.AuthenticationFailedReason, err)
	}
	if creds.LegacyTLS {
		logr.FromContextOrDiscard(ctx).V(1).Info("TLS data in the Secret of spec.secretRef is deprecated, use spec.certSecretRef")
	}
	repository, err := r.HTTP.Open(o.Spec.URL, helmhttp.Access{Credentials: creds, PassCredentials: o.Spec.PassCredentials})
	if err != nil {
		return nil, outcome.Stall(sourcev1.URLInvalidReason, err)
	}
	return repository, nil
}

// Refs names the Secrets of a HelmRepository.
func Refs(o *sourcev1.HelmRepository) auth.HTTPRef {
	return auth.HTTPRef{Secret: publish.NameOf(o.Spec.SecretRef), CertSecret: publish.NameOf(o.Spec.CertSecretRef)}
}

// known is what was kept of the download that the published artifact was made of. After a change of the spec it does not count: other
// credentials may see another index.
func known(s *scope) note {
	var kept note
	if !s.files.Found.Usable() || s.obj.Status.ObservedGeneration != s.obj.Generation || !s.files.Recall(noteUse, &kept) || kept.URL != s.obj.Spec.URL {
		return note{} // without it everything is downloaded
	}
	return kept
}

// sums hashes a download, for its revision and for a comparison with the published one, whose algorithm may be another.
type sums struct {
	algorithm, published artifact.Algorithm
	hash, publishedHash  hash.Hash
	size                 int64
}

func (r *Reconciler) sums(s *scope) *sums {
	h := &sums{algorithm: r.Algorithm, hash: r.Algorithm.New()}
	h.published, h.publishedHash = h.algorithm, h.hash
	published := s.files.Found.Artifact
	if published == nil {
		return h
	}
	if d, err := artifact.ParseDigest(published.Revision); err == nil && d.Algorithm != h.algorithm {
		h.published, h.publishedHash = d.Algorithm, d.Algorithm.New()
	}
	return h
}

// Write implements io.Writer.
func (h *sums) Write(p []byte) (int, error) {
	h.size += int64(len(p))
	_, _ = h.hash.Write(p) // never fails
	if h.publishedHash != h.hash {
		_, _ = h.publishedHash.Write(p)
	}
	return len(p), nil
}

func (h *sums) revision() string { return artifact.SumOf(h.algorithm, h.hash).String() }

// is reports whether the download has that revision.
func (h *sums) is(revision string) bool {
	return artifact.SumOf(h.published, h.publishedHash).String() == revision
}
