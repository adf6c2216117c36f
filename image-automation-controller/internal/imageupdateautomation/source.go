// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imageupdateautomation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/fluxcd/pkg/runtime/secrets"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/access"
	"github.com/weir-gitops/weir/kit/auth"
	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/kit/outcome"
)

// defaultBranch is checked out when nobody says what. Flux: image-automation-controller contract, "Source resolution".
const defaultBranch = "master"

// plan says what is read and where it is written.
type plan struct {
	// url is that of the repository, without credentials.
	url string
	// timeout bounds each exchange with the remote.
	timeout time.Duration
	// ref is checked out.
	ref git.Reference
	// branch is pushed to.
	branch string
	// switches says that it is another one than the one that is checked out.
	switches bool
	// push is what the object says about the push beside the branch.
	push imagev1.PushSpec
	// signer signs commits; nil for none.
	signer git.Signer
}

// atHead reports whether what is checked out is the head of the branch that is pushed to: only there can a commit go on top of it.
func (p plan) atHead() bool {
	return p.ref.NamesBranch() || p.ref.Commit == "" && p.ref.Name == git.BranchRef(p.branch)
}

// source finds the repository, what to do with it, and the credentials. Nothing is sent to it yet.
func (r *Reconciler) source(ctx context.Context, s *scope) error {
	ref := sourceRef(s.obj)
	if ref.Kind != sourcev1.GitRepositoryKind {
		return outcome.Stall(imagev1.InvalidSourceConfigurationReason, fmt.Errorf("source kind '%s' not supported: invalid source configuration", ref.Kind))
	}
	if s.obj.Spec.GitSpec == nil {
		return outcome.Stall(imagev1.InvalidSourceConfigurationReason,
			fmt.Errorf("source kind '%s' necessitates field .spec.git: invalid source configuration", ref.Kind))
	}
	if err := access.Namespaced(r.Access, s.obj.Namespace, ref); err != nil {
		return outcome.Stall(imagev1.AccessDeniedReason, err)
	}
	repo, err := r.repository(ctx, client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name})
	if err != nil {
		return failedSource(err)
	}
	if err := r.accept(ctx, repo); err != nil {
		return err
	}
	if s.plan, err = newPlan(s.obj, repo); err != nil {
		return failedSource(err)
	}
	if s.plan.signer, err = r.signer(ctx, s.obj); err != nil {
		return failedSource(err)
	}
	return r.connect(ctx, s, repo)
}

// repository reads the source. One that was created together with the object may not have come into the cache yet, which is no failure.
func (r *Reconciler) repository(ctx context.Context, key client.ObjectKey) (*sourcev1.GitRepository, error) {
	repo := &sourcev1.GitRepository{}
	err := r.Client.Get(ctx, key, repo)
	if apierrors.IsNotFound(err) {
		repo = &sourcev1.GitRepository{}
		err = r.Live.Get(ctx, key, repo)
	}
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("referenced git repository does not exist: %w", err)
	}
	return repo, err
}

// failedSource is the outcome of a source that cannot be used at the moment.
func failedSource(err error) error {
	return outcome.Fail(imagev1.SourceManagerFailedReason, fmt.Errorf("failed configuring source manager: %w", err))
}

// sourceRef is the reference to the repository with the namespace filled in.
func sourceRef(o *imagev1.ImageUpdateAutomation) access.Reference {
	ref := o.Spec.SourceRef
	return access.Reference{Kind: ref.Kind, Namespace: cmp.Or(ref.Namespace, o.Namespace), Name: ref.Name}
}

// accept refuses providers that this version does not act on. Flux: image-automation-controller contract, "Git credentials".
func (r *Reconciler) accept(ctx context.Context, repo *sourcev1.GitRepository) error {
	provider := cmp.Or(repo.Spec.Provider, sourcev1.ProviderGeneric)
	switch {
	case provider == sourcev1.ProviderGeneric:
		return nil
	case provider == sourcev1.ProviderGitHub:
		if err := r.checkApp(ctx, repo); err != nil {
			return err
		}
	case repo.Spec.ServiceAccountName != "" && !r.ObjectLevelIdentity:
		return outcome.Stall(imagev1.FeatureGateDisabledReason, errors.New("to use spec.serviceAccountName for provider authentication please enable "+
			"the ObjectLevelWorkloadIdentity feature gate in the controller"))
	}
	return outcome.Stall(imagev1.UnsupportedReason, fmt.Errorf("not supported yet by this version: spec.provider '%s' of GitRepository '%s/%s'",
		provider, repo.Namespace, repo.Name))
}

// checkApp makes sure that there is data of a GitHub App where the provider asks for it.
func (r *Reconciler) checkApp(ctx context.Context, repo *sourcev1.GitRepository) error {
	var values map[string]string
	if repo.Spec.SecretRef != nil {
		var err error
		if values, err = r.Secrets.Values(ctx, repo.Namespace, repo.Spec.SecretRef.Name); err != nil {
			return failedSource(err)
		}
	}
	if values[secrets.KeyGitHubAppID] == "" {
		return outcome.Stall(imagev1.InvalidSourceConfigurationReason,
			errors.New("provider is set to github but no Secret with github app data is referenced: invalid source configuration"))
	}
	return nil
}

// newPlan says what is checked out and where it is pushed. Flux: image-automation-controller contract, "Source resolution".
func newPlan(o *imagev1.ImageUpdateAutomation, repo *sourcev1.GitRepository) (plan, error) {
	p := plan{timeout: repo.GetTimeout()}
	if u, err := url.Parse(repo.Spec.URL); err == nil { // one that does not parse is refused when it is connected to
		p.url = git.Redact(u)
	}
	ref := repo.Spec.Reference
	if o.Spec.GitSpec.Checkout != nil {
		ref = &o.Spec.GitSpec.Checkout.Reference
	}
	checkedOut := defaultBranch
	if ref != nil {
		p.ref = git.Reference{Branch: ref.Branch, Tag: ref.Tag, SemVer: ref.SemVer, Name: ref.Name, Commit: ref.Commit}
		checkedOut = ref.Branch
	}
	if o.Spec.GitSpec.Push != nil {
		p.push = *o.Spec.GitSpec.Push
	}
	p.branch = p.push.Branch
	if p.branch == "" && ref != nil {
		p.branch = ref.Branch
	}
	if p.branch == "" {
		return plan{}, errors.New("push spec not provided, and cannot be inferred from .spec.git.checkout.ref or GitRepository .spec.ref")
	}
	p.switches = p.branch != checkedOut
	return p, nil
}

// signer reads the key that commits are signed with, nil if they are not.
func (r *Reconciler) signer(ctx context.Context, o *imagev1.ImageUpdateAutomation) (git.Signer, error) {
	key := o.Spec.GitSpec.Commit.SigningKey
	if key == nil {
		return nil, nil //nolint:nilnil // no key, no signature
	}
	read := r.Secrets.OpenPGPSigner
	if key.Type == imagev1.SigningKeySSH {
		read = r.Secrets.SSHSigner
	}
	signer, err := read(ctx, o.Namespace, key.SecretRef.Name)
	if apierrors.IsNotFound(err) {
		err = fmt.Errorf("could not find signing key secret '%s': %w", key.SecretRef.Name, err)
	}
	return signer, err
}

// connect reads the credentials and prepares the remote.
func (r *Reconciler) connect(ctx context.Context, s *scope, repo *sourcev1.GitRepository) error {
	name := ""
	if repo.Spec.SecretRef != nil {
		name = repo.Spec.SecretRef.Name
	}
	creds, err := r.Secrets.Git(ctx, repo.Namespace, name, repo.Spec.URL)
	if errors.Is(err, auth.ErrProvider) {
		return outcome.Stall(imagev1.InvalidSourceConfigurationReason, fmt.Errorf("%w: invalid source configuration", err))
	}
	if err == nil && repo.Spec.ProxySecretRef != nil {
		creds.Proxy, err = r.Secrets.Proxy(ctx, repo.Namespace, repo.Spec.ProxySecretRef.Name)
	}
	if err == nil {
		s.remote, err = git.NewRemote(repo.Spec.URL, creds, r.SSH)
	}
	if err != nil {
		return failedSource(err)
	}
	return nil
}
