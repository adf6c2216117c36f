// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package create

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
)

const (
	schemeSSH   = "ssh"
	schemeHTTP  = "http"
	schemeHTTPS = "https"
)

// gitSource is one run of create source git.
type gitSource struct {
	*options
	credentials

	fetchTimeout                              *time.Duration
	url, branch, tag, semver, refName, commit string
	secretRef, proxySecretRef, provider       string
	recurseSubmodules, silent                 bool
	ignorePaths, sparseCheckout               []string
}

func (o *options) sourceCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "source", Short: "Create or update sources", Example: "  weir create source git fleet --url=https://example.com/fleet.git --branch=main"}
	timeout := cmd.PersistentFlags().Duration("fetch-timeout", 0, "limit for fetching the source; 0 leaves it to the controller")
	cmd.AddCommand(o.gitCommand(timeout))
	return cmd
}

func (o *options) gitCommand(fetchTimeout *time.Duration) *cobra.Command {
	g := &gitSource{options: o, fetchTimeout: fetchTimeout}
	cmd := &cobra.Command{
		Use:   "git NAME",
		Short: "Create or update a GitRepository",
		Long: "Creates or updates a GitRepository and waits until it is fetched. For an SSH address a deploy key is made (or read with --private-key-file),\n" +
			"the key of the server is asked for, and both are stored in a Secret of the same name, unless --secret-ref names one.",
		Example: "  # A public repository\n  weir create source git podinfo --url=https://github.com/stefanprodan/podinfo --branch=master\n\n" +
			"  # A private one over SSH\n  weir create source git fleet --url=ssh://git@example.com/fleet.git --branch=main\n\n" +
			"  # Commit it instead\n  weir create source git podinfo --url=https://github.com/stefanprodan/podinfo --tag-semver='>=6.0.0' --export > podinfo.yaml",
		Args: nameArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return g.run(cmd.Context(), args[0]) },
	}
	flags := cmd.Flags()
	flags.StringVar(&g.url, "url", "", "address of the repository: ssh, http or https")
	flags.StringVar(&g.branch, "branch", "", "branch to follow")
	flags.StringVar(&g.tag, "tag", "", "tag to follow")
	flags.StringVar(&g.semver, "tag-semver", "", "range of versions, the highest tag within is followed")
	flags.StringVar(&g.refName, "ref-name", "", "full name of the reference to follow, such as refs/pull/1/head")
	flags.StringVar(&g.commit, "commit", "", "hash of a commit, of --branch if that is given")
	flags.StringVar(&g.secretRef, "secret-ref", "", "Secret with credentials that exists")
	flags.StringVar(&g.proxySecretRef, "proxy-secret-ref", "", "Secret with the address of a proxy")
	flags.StringVar(&g.provider, "provider", "", "where credentials come from: generic, github, aws, azure")
	flags.BoolVar(&g.recurseSubmodules, "recurse-submodules", false, "fetch submodules as well")
	flags.StringSliceVar(&g.ignorePaths, "ignore-paths", nil, "paths to leave out, as in .gitignore")
	flags.StringSliceVar(&g.sparseCheckout, "sparse-checkout-paths", nil, "folders to fetch, in place of the whole repository")
	flags.BoolVarP(&g.silent, "silent", "s", false, "do not ask whether the deploy key was added")
	g.bind(flags)
	return cmd
}

func (g *gitSource) run(ctx context.Context, name string) error {
	address, err := g.validate()
	if err != nil {
		return err
	}
	k := kind(sourcev1.GitRepositoryKind)
	obj, err := g.object(k, name, &sourcev1.GitRepository{Spec: g.spec()})
	if err != nil {
		return err
	}
	if address.Scheme == schemeHTTP && !g.export {
		g.session.Warning("insecure: what is fetched over http can be read and changed on the way")
	}
	return g.finish(ctx, k, obj, func(ctx context.Context, c client.Client) error {
		if g.secretRef != "" {
			return nil
		}
		return g.authenticate(ctx, c, address, obj)
	})
}

// validate refuses what no controller would take.
func (g *gitSource) validate() (*url.URL, error) {
	if g.url == "" {
		return nil, errors.New("--url is required")
	}
	address, err := url.Parse(g.url)
	if err != nil {
		if parse, ok := errors.AsType[*url.Error](err); ok {
			err = parse.Err // the rest quotes the address, which may hold a password
		}
		return nil, fmt.Errorf("--url cannot be parsed: %w", err)
	}
	switch address.Scheme {
	case schemeSSH, schemeHTTP, schemeHTTPS:
	default:
		return nil, fmt.Errorf("--url has the scheme '%s', which is not supported: it has to be ssh, http or https", address.Scheme)
	}
	if address.Host == "" {
		return nil, errors.New("--url names no host")
	}
	if g.branch+g.tag+g.semver+g.refName+g.commit == "" {
		return nil, errors.New("one of --branch, --tag, --tag-semver, --ref-name and --commit is required")
	}
	if err := oneOf("provider", g.provider, sourcev1.ProviderGeneric, sourcev1.ProviderGitHub, sourcev1.ProviderAWS, sourcev1.ProviderAzure); err != nil {
		return nil, err
	}
	return address, g.check(address.Scheme)
}

func (g *gitSource) spec() sourcev1.GitRepositorySpec {
	spec := sourcev1.GitRepositorySpec{
		URL: g.url, Interval: metav1.Duration{Duration: g.interval}, Provider: g.provider, RecurseSubmodules: g.recurseSubmodules,
		SparseCheckout: g.sparseCheckout, SecretRef: secretReference(g.secretRef), ProxySecretRef: secretReference(g.proxySecretRef),
		Reference: &sourcev1.GitRepositoryRef{},
	}
	if *g.fetchTimeout > 0 {
		spec.Timeout = &metav1.Duration{Duration: *g.fetchTimeout}
	}
	if len(g.ignorePaths) > 0 {
		spec.Ignore = new(strings.Join(g.ignorePaths, "\n"))
	}
	switch ref := spec.Reference; {
	case g.commit != "":
		ref.Commit, ref.Branch = g.commit, g.branch
	case g.refName != "":
		ref.Name = g.refName
	case g.semver != "":
		ref.SemVer = g.semver
	case g.tag != "":
		ref.Tag = g.tag
	default:
		ref.Branch = g.branch
	}
	return spec
}

// authenticate stores the credentials that the address needs and makes the object refer to them.
func (g *gitSource) authenticate(ctx context.Context, c client.Client, address *url.URL, obj *unstructured.Unstructured) error {
	data, err := g.secret(ctx, g.session, address, g.silent)
	if err != nil || data == nil {
		return err
	}
	g.session.Action("applying secret with repository credentials")
	if err := upsertSecret(ctx, c, obj, data); err != nil {
		return fmt.Errorf("apply secret %s: %w", obj.GetName(), err)
	}
	g.session.Success("authentication configured")
	return unstructured.SetNestedField(obj.Object, obj.GetName(), "spec", "secretRef", "name")
}
