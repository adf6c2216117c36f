// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package ocirepository

import (
	"context"
	"fmt"

	"github.com/go-logr/logr"
	apiequality "k8s.io/apimachinery/pkg/api/equality"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/oci"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// target is what the reference of an object names at the moment.
type target struct {
	// digest is that of the manifest.
	digest string
	// revision is the text for people and consumers: the tag, if there is one, with the digest.
	revision string
	// reference is the full name that led there, for people.
	reference string
}

// resolve asks the registry which manifest the reference names now.
func (r *Reconciler) resolve(ctx context.Context, s *scope) error {
	if err := r.connect(ctx, s); err != nil {
		return err
	}
	if err := r.look(ctx, s); err != nil {
		return err
	}
	s.unchanged = s.files.Found.Usable() && !isNew(s) && isConfigured(s.obj)
	return nil
}

// connect reads the credentials and opens the repository. Nothing is sent to it yet. Flux: source-controller contract, "Source step", for the order.
func (r *Reconciler) connect(ctx context.Context, s *scope) error {
	spec := s.obj.Spec
	registry, err := r.Secrets.Registry(ctx, s.obj.Namespace, auth.RegistryRef{
		Secret:         publish.NameOf(spec.SecretRef),
		ServiceAccount: spec.ServiceAccountName,
		CertSecret:     publish.NameOf(spec.CertSecretRef),
		ProxySecret:    publish.NameOf(spec.ProxySecretRef),
	})
	if err != nil {
		return outcome.Fail(sourcev1.AuthenticationFailedReason, err)
	}
	if len(registry.Ignored) > 0 {
		logr.FromContextOrDiscard(ctx).V(1).Info("secrets without docker config are not used", "secrets", registry.Ignored)
	}
	name, err := oci.ParseURL(spec.URL)
	if err != nil {
		return outcome.Stall(sourcev1.URLInvalidReason, err)
	}
	s.repository = r.Registries.Open(name, oci.Access{
		Keychain:  registry.Keychain,
		TLS:       registry.TLS,
		Proxy:     registry.Proxy,
		PlainHTTP: spec.Insecure,
		// Flux: source-controller contract, "OCIRepository", field insecure. The only place where certificates may go unchecked.
		SkipVerify: spec.Insecure && registry.TLS == nil,
	})
	return nil
}

// look finds the target.
func (r *Reconciler) look(ctx context.Context, s *scope) error {
	limited, cancel := publish.Limit(ctx, s.obj.GetTimeout())
	defer cancel()
	ref := sourcev1.OCIRepositoryRef{}
	if s.obj.Spec.Reference != nil {
		ref = *s.obj.Spec.Reference
	}
	if ref.Digest != "" {
		return r.lookDigest(limited, s, ref.Digest)
	}
	tag := ref.Tag
	if ref.SemVer != "" {
		var err error
		tag, err = s.repository.SelectTag(limited, oci.Range{
			SemVer: ref.SemVer, Filter: ref.SemverFilter, Chart: s.obj.GetLayerMediaType() == oci.ChartLayer,
		})
		if err != nil {
			return outcome.Fail(sourcev1.ReadOperationFailedReason, fmt.Errorf("find the version for '%s': %w", s.obj.Spec.URL, err))
		}
	}
	if tag == "" {
		tag = sourcev1.OCIDefaultTag
	}
	digest, err := s.repository.Digest(limited, tag)
	if err != nil {
		return outcome.Fail(sourcev1.OCIPullFailedReason, fmt.Errorf("find the digest for '%s': %w", s.obj.Spec.URL, err))
	}
	s.target = target{digest: digest, revision: tag + "@" + digest, reference: s.repository.Name().String() + ":" + tag}
	return nil
}

// lookDigest takes a digest as it is. What it names never changes, so that a run by interval has nothing to ask.
func (r *Reconciler) lookDigest(ctx context.Context, s *scope, digest string) error {
	wanted := target{digest: digest, revision: digest, reference: s.repository.Name().String() + "@" + digest}
	published := s.files.Found.Artifact
	byInterval := s.run.Requested == "" && s.obj.Status.ObservedGeneration == s.obj.Generation
	if published == nil || published.Revision != digest || !byInterval {
		if _, err := s.repository.Digest(ctx, digest); err != nil {
			return outcome.Fail(sourcev1.OCIPullFailedReason, fmt.Errorf("find the digest for '%s': %w", s.obj.Spec.URL, err))
		}
	}
	s.target = wanted
	return nil
}

// isNew reports whether the target is another revision than what is published.
func isNew(s *scope) bool {
	published := s.files.Found.Artifact
	return published == nil || published.Revision != s.target.revision
}

// isConfigured reports whether the published artifact was made with the same settings.
func isConfigured(o *sourcev1.OCIRepository) bool {
	return apiequality.Semantic.DeepEqual(o.Spec.Ignore, o.Status.ObservedIgnore) &&
		apiequality.Semantic.DeepEqual(o.Spec.LayerSelector, o.Status.ObservedLayerSelector)
}
