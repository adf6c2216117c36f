// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepository

import (
	"context"
	"errors"
	"net/url"
	"slices"

	apiequality "k8s.io/apimachinery/pkg/api/equality"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// resolve asks the remote which commit the reference names now.
func (r *Reconciler) resolve(ctx context.Context, s *scope) error {
	if err := r.connect(ctx, s); err != nil {
		return err
	}
	ref := reference(s.obj)
	limited, cancel := publish.Limit(ctx, s.obj.GetTimeout())
	defer cancel()
	target, err := s.mirror.Resolve(limited, s.remote, ref)
	if errors.Is(err, git.ErrEmpty) && ref.NamesBranch() {
		return outcome.Fail(sourcev1.EmptyGitRepositoryReason, err)
	}
	if err != nil {
		return outcome.Fail(sourcev1.GitOperationFailedReason, err)
	}
	s.target = target
	s.unchanged = s.files.Found.Usable() && !isNew(s) && isConfigured(s.obj)
	return nil
}

// connect reads the credentials and prepares the remote. Nothing is sent to it yet. Flux: source-controller contract, "Source step", for the order.
func (r *Reconciler) connect(ctx context.Context, s *scope) error {
	var proxy *url.URL
	if ref := s.obj.Spec.ProxySecretRef; ref != nil {
		var err error
		if proxy, err = r.Secrets.Proxy(ctx, s.obj.Namespace, ref.Name); err != nil {
			return outcome.Fail(sourcev1.AuthenticationFailedReason, err)
		}
	}
	if err := git.CheckURL(s.obj.Spec.URL); err != nil {
		return outcome.Stall(sourcev1.URLInvalidReason, err)
	}
	creds, err := r.Secrets.Git(ctx, s.obj.Namespace, publish.NameOf(s.obj.Spec.SecretRef), s.obj.Spec.URL)
	switch {
	case errors.Is(err, auth.ErrProvider):
		return outcome.Fail(sourcev1.InvalidProviderConfigurationReason, err)
	case err != nil:
		return outcome.Fail(sourcev1.AuthenticationFailedReason, err)
	}
	creds.Proxy = proxy
	s.remote, err = git.NewRemote(s.obj.Spec.URL, creds, r.SSH)
	switch {
	case errors.Is(err, git.ErrCredentials):
		return outcome.Fail(sourcev1.AuthenticationFailedReason, err)
	case err != nil:
		return outcome.Fail(sourcev1.GitOperationFailedReason, err)
	}
	return nil
}

// reference is what the object asks for.
func reference(o *sourcev1.GitRepository) git.Reference {
	ref := o.Spec.Reference
	if ref == nil {
		return git.Reference{}
	}
	return git.Reference{Branch: ref.Branch, Tag: ref.Tag, SemVer: ref.SemVer, Name: ref.Name, Commit: ref.Commit}
}

// isNew reports whether the target is another revision than what is published.
func isNew(s *scope) bool {
	published := s.files.Found.Artifact
	return published == nil || git.NormalizeRevision(published.Revision) != s.target.Revision
}

// isConfigured reports whether the published artifact was made with the same settings. Flux: source-controller contract, "Content configuration".
func isConfigured(o *sourcev1.GitRepository) bool {
	return apiequality.Semantic.DeepEqual(o.Spec.Ignore, o.Status.ObservedIgnore) &&
		slices.Equal(o.Spec.SparseCheckout, o.Status.ObservedSparseCheckout) &&
		o.Spec.RecurseSubmodules == o.Status.ObservedRecurseSubmodules &&
		len(o.Spec.Include) == len(o.Status.ObservedInclude) && len(o.Spec.Include) == len(o.Status.IncludedArtifacts)
}
