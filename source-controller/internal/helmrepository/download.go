// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrepository

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/go-logr/logr"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/source-controller/internal/helmhttp"
	"github.com/weir-gitops/weir/source-controller/internal/helmindex"
)

const (
	// noteUse names the private file about the published index.
	noteUse = "download"
	// maxNoteBytes is more than a URL and two headers take.
	maxNoteBytes = 64 << 10
)

// note is what is kept of a download, so that the next one can be spared.
type note struct {
	// Subject is the artifact that was made of it.
	Subject string `json:"subject"`
	// URL is where it came from.
	URL string `json:"url"`
	// Validators are what the server said about it.
	Validators helmhttp.Validators `json:"validators"`
	// Size is that of the index as it came, in bytes.
	Size int64 `json:"size"`

	revision string
}

// download brings the index into a temporary file unless it is the published one.
func (r *Reconciler) download(ctx context.Context, s *scope) error {
	repository, err := r.connect(ctx, s.obj)
	if err != nil {
		return err
	}
	defer repository.Close()
	if s.raw, err = helmindex.Scratch(s.dir); err != nil {
		return outcome.Fail(meta.FailedReason, err)
	}
	known := r.known(s)
	sums := r.sums(s)
	timeout := s.obj.GetTimeout()
	limited, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("timeout of %s: %w", timeout, errTimeout))
	defer cancel()
	validators, unchanged, err := repository.Index(limited, io.MultiWriter(s.raw, sums), known.Validators, r.MaxIndexBytes)
	if err != nil {
		return outcome.Fail(meta.FailedReason, err)
	}
	if unchanged {
		s.note, s.unchanged = known, true
		return nil
	}
	s.note = note{URL: s.obj.Spec.URL, Validators: validators, Size: sums.size, revision: sums.revision()}
	s.unchanged = isPublished(s) && sums.is(s.found.Artifact.Revision)
	if s.unchanged {
		r.keepNote(ctx, s, s.found.Artifact)
	}
	return nil
}

// errTimeout is why an exchange with the server was ended.
var errTimeout = errors.New("no answer in time")

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
	var ref auth.HTTPRef
	if o.Spec.SecretRef != nil {
		ref.Secret = o.Spec.SecretRef.Name
	}
	if o.Spec.CertSecretRef != nil {
		ref.CertSecret = o.Spec.CertSecretRef.Name
	}
	return ref
}

// isPublished reports whether there is an artifact that could be what is wanted.
func isPublished(s *scope) bool { return s.found.Artifact != nil && !s.found.Adopted }

// known is what was kept of the download that the published artifact was made of. After a change of the spec it does not count: other
// credentials may see another index.
func (r *Reconciler) known(s *scope) note {
	if !isPublished(s) || s.obj.Status.ObservedGeneration != s.obj.Generation {
		return note{}
	}
	data, err := r.Store.ReadState(object(s.obj), noteUse, maxNoteBytes)
	if err != nil {
		return note{} // without it everything is downloaded
	}
	var kept note
	if err := json.Unmarshal(data, &kept); err != nil || kept.URL != s.obj.Spec.URL || kept.Subject != subject(s.found.Artifact) {
		return note{} // the same
	}
	return kept
}

// keepNote remembers what the artifact was made of.
func (r *Reconciler) keepNote(ctx context.Context, s *scope, a *meta.Artifact) {
	s.note.Subject = subject(a)
	data, err := json.Marshal(s.note)
	if err == nil {
		err = r.Store.WriteState(object(s.obj), noteUse, data)
	}
	if err != nil {
		// The note only spares work.
		logr.FromContextOrDiscard(ctx).Info("note about the download not kept", "cause", err.Error())
	}
}

// subject names an artifact.
func subject(a *meta.Artifact) string { return a.Path + "@" + a.Digest }

// sums hashes a download, for its revision and for a comparison with the published one, whose algorithm may be another.
type sums struct {
	algorithm, published artifact.Algorithm
	hash, publishedHash  hash.Hash
	size                 int64
}

func (r *Reconciler) sums(s *scope) *sums {
	h := &sums{algorithm: r.Algorithm, hash: r.Algorithm.New()}
	h.published, h.publishedHash = h.algorithm, h.hash
	if s.found.Artifact == nil {
		return h
	}
	if d, err := artifact.ParseDigest(s.found.Artifact.Revision); err == nil && d.Algorithm != h.algorithm {
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
