// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package install holds the commands about the installation itself: install, uninstall, check and version.
package install

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/cli/internal/applier"
	"github.com/weir-gitops/weir/cli/internal/bundle"
	"github.com/weir-gitops/weir/cli/internal/session"
	"github.com/weir-gitops/weir/kit/manager/version"
	"github.com/weir-gitops/weir/manifests"
)

// fluxNames are those under which the managed-by label names this tool; the command of the API's origin counts as the same.
func fluxNames() []string { return []string{"", "flux", "weir"} }

// installation is one run of install.
type installation struct {
	bundle.Options

	session       *session.Session
	files         fs.FS
	dir           string
	wanted        string // version
	registryCreds string
	export, force bool
	manifests     string
}

// Commands returns the commands of the group.
func Commands(s *session.Session) []*cobra.Command {
	return []*cobra.Command{installCommand(s), uninstallCommand(s), checkCommand(s), versionCommand(s)}
}

func installCommand(s *session.Session) *cobra.Command {
	o := &installation{session: s, Options: bundle.Default()}
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Install or upgrade the controllers, without Git",
		Long: "Installs the controllers that were released with this command into the cluster and waits until they run. Run it again to upgrade.\n" +
			"With --export it only prints the manifests, to commit them to a repository.",
		Example: "  # Install everything\n  weir install --components-extra=image-automation-controller\n\n" +
			"  # Commit it instead\n  weir install --export > clusters/production/flux-system/gotk-components.yaml",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.export, "export", false, "print the manifests and do nothing else")
	flags.StringVarP(&o.wanted, "version", "v", version.String(), "version to install; this command carries its own only")
	flags.StringSliceVar(&o.Components, "components", o.Components, "controllers to install")
	flags.StringSliceVar(&o.Extra, "components-extra", nil, "controllers to install besides --components: "+bundle.Image)
	flags.StringVar(&o.Registry, "registry", o.Registry, "registry and path in front of the names of the images")
	flags.StringVar(&o.ImagePullSecret, "image-pull-secret", "", "Secret of the controllers' namespace with credentials for the registry")
	flags.StringVar(&o.registryCreds, "registry-creds", "", "user:password to create --image-pull-secret from")
	flags.BoolVar(&o.WatchAllNamespaces, "watch-all-namespaces", true, "work for every namespace, else for that of the controllers only")
	flags.BoolVar(&o.NetworkPolicy, "network-policy", true, "restrict who may reach the controllers")
	flags.StringVar(&o.LogLevel, "log-level", o.LogLevel, "what controllers log: trace, debug, info, error")
	flags.StringVar(&o.ClusterDomain, "cluster-domain", o.ClusterDomain, "DNS domain of the cluster")
	flags.StringSliceVar(&o.TolerationKeys, "toleration-keys", nil, "taints that controllers tolerate")
	flags.BoolVar(&o.force, "force", false, "do not ask before overriding the installation of another tool")
	flags.StringVar(&o.manifests, "manifests", "", "kustomize folder to install in place of the manifests of this command")
	_ = flags.MarkHidden("manifests")
	return cmd
}

func (o *installation) run(ctx context.Context) error {
	if err := o.validate(); err != nil {
		return err
	}
	ctx, cancel := o.session.Bounded(ctx)
	defer cancel()
	if !o.export {
		o.session.Generated("generating manifests")
	}
	objects, err := bundle.Objects(ctx, o.files, o.dir, o.Options)
	if err != nil {
		return err
	}
	if o.export {
		return bundle.Write(o.session.Out, objects, o.Options)
	}
	if o.session.Verbose {
		if err := bundle.Write(o.session.Out, objects, o.Options); err != nil {
			return err
		}
	}
	o.session.Success("manifests build completed")
	c, err := o.session.Client()
	if err != nil {
		return err
	}
	if err := o.consent(ctx, c); err != nil {
		return err
	}
	o.session.Action("installing components in %s namespace", o.Namespace)
	if err := applier.Apply(ctx, c, objects, func(change applier.Change) { fmt.Fprintln(o.session.Out, change) }); err != nil {
		return fmt.Errorf("install failed: %w", err)
	}
	if err := o.credentials(ctx, c); err != nil {
		return err
	}
	return o.verify(ctx, c)
}

// validate settles what follows from flags and refuses what cannot be installed.
func (o *installation) validate() error {
	o.Namespace, o.Version = o.session.Namespace, version.String()
	switch {
	case o.wanted == "latest", o.wanted == o.Version:
	case !strings.HasPrefix(o.wanted, "v"):
		return fmt.Errorf("version %s is not one: it has to start with v, or be latest", o.wanted)
	default:
		return fmt.Errorf("version %s cannot be installed: this command carries %s; use the weir of that version", o.wanted, o.Version)
	}
	if o.registryCreds != "" && o.ImagePullSecret == "" {
		return errors.New("--registry-creds needs --image-pull-secret")
	}
	if o.registryCreds != "" {
		if _, err := o.PullSecret(o.registryCreds); err != nil {
			return err
		}
	}
	o.files, o.dir = manifests.Files, "install"
	if o.manifests != "" {
		root, err := os.OpenRoot(o.manifests)
		if err != nil {
			return fmt.Errorf("--manifests: %w", err)
		}
		o.files, o.dir = root.FS(), "."
	}
	return o.Validate()
}

// consent refuses a cluster that Git manages, and asks before the installation of another tool is overridden.
func (o *installation) consent(ctx context.Context, c client.Client) error {
	found, err := installed(ctx, c)
	if err != nil || found == nil {
		return err
	}
	if found.bootstrapped {
		return fmt.Errorf("this cluster has been bootstrapped with %s: change the manifests in Git to upgrade it", found.version)
	}
	if o.force || slices.Contains(fluxNames(), found.managedBy) {
		return nil
	}
	o.session.Warning("version %s is managed by %s", found.version, found.managedBy)
	return o.session.Confirm(ctx, "Override this installation?", "force")
}

// credentials creates the Secret for the registry, if there is one to create.
func (o *installation) credentials(ctx context.Context, c client.Client) error {
	if o.registryCreds == "" {
		return nil
	}
	o.session.Action("applying image pull secret %s", o.ImagePullSecret)
	secret, err := o.PullSecret(o.registryCreds)
	if err != nil {
		return err
	}
	if err := upsertSecret(ctx, c, secret); err != nil {
		return fmt.Errorf("image pull secret: %w", err)
	}
	o.session.Success("image pull secret applied")
	return nil
}

// verify waits until every controller runs.
func (o *installation) verify(ctx context.Context, c client.WithWatch) error {
	wanted, err := o.Wanted()
	if err != nil {
		return err
	}
	o.session.Waiting("verifying installation")
	errs := health(ctx, o.session, c, wanted)
	for i, name := range wanted {
		report(o.session, name, errs[i])
	}
	if errors.Join(errs...) != nil {
		return errors.New("install failed")
	}
	o.session.Success("install finished")
	return nil
}
