// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package create

import (
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
)

// defaultHealthTimeout is how long health is waited for; contract, --health-check-timeout.
const defaultHealthTimeout = 2 * time.Minute

// kustomization is one run of create kustomization.
type kustomization struct {
	*options

	source, path, targetNamespace, serviceAccount    string
	decryptionProvider, decryptionSecret, kubeConfig string
	prune, wait                                      bool
	healthChecks, dependsOn                          []string
	healthTimeout, retryInterval                     time.Duration
}

func (o *options) kustomizationCommand() *cobra.Command {
	n := &kustomization{options: o}
	cmd := &cobra.Command{
		Use:     "kustomization NAME",
		Aliases: []string{"ks"},
		Short:   "Create or update a Kustomization",
		Long:    "Creates or updates a Kustomization and waits until it is applied.",
		Example: "  weir create kustomization podinfo --source=GitRepository/podinfo --path=./kustomize --prune --interval=10m --wait\n\n" +
			"  # Commit it instead\n  weir create kustomization apps --source=fleet --path=./apps/production --prune --depends-on=infrastructure --export > apps.yaml",
		Args: nameArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			spec, err := n.spec()
			if err != nil {
				return err
			}
			k := kind(kustomizev1.KustomizationKind)
			obj, err := n.object(k, args[0], &kustomizev1.Kustomization{Spec: spec})
			if err != nil {
				return err
			}
			return n.finish(cmd.Context(), k, obj, nil)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&n.source, "source", "", "source of the manifests as [Kind/]name[.namespace]; the kind is GitRepository, OCIRepository, Bucket or ExternalArtifact (default GitRepository)")
	flags.StringVar(&n.path, "path", "./", "folder of the source to build")
	flags.BoolVar(&n.prune, "prune", false, "delete what is no longer in the source")
	flags.BoolVar(&n.wait, "wait", false, "wait until everything that is applied is healthy")
	flags.StringSliceVar(&n.healthChecks, "health-check", nil, "object that has to be healthy as Kind/name.namespace; the kind is Deployment, DaemonSet, StatefulSet or HelmRelease")
	flags.DurationVar(&n.healthTimeout, "health-check-timeout", defaultHealthTimeout, "limit for --wait and --health-check")
	flags.StringSliceVar(&n.dependsOn, "depends-on", nil, "Kustomization that has to be ready first as [namespace/]name")
	flags.StringVar(&n.serviceAccount, "service-account", "", "service account to apply as")
	flags.StringVar(&n.targetNamespace, "target-namespace", "", "namespace of everything that is applied")
	flags.StringVar(&n.decryptionProvider, "decryption-provider", "", "how manifests are encrypted: sops")
	flags.StringVar(&n.decryptionSecret, "decryption-secret", "", "Secret with the keys to decrypt manifests")
	flags.StringVar(&n.kubeConfig, "kubeconfig-secret-ref", "", "Secret with the kubeconfig of the cluster to apply to")
	flags.DurationVar(&n.retryInterval, "retry-interval", 0, "time until the next attempt after a failure; 0 is --interval")
	flags.String("validation", "", "without effect")
	_ = flags.MarkHidden("validation") // accepted from old scripts: the API server validates what is applied
	return cmd
}

func (n *kustomization) spec() (kustomizev1.KustomizationSpec, error) {
	spec := kustomizev1.KustomizationSpec{
		Interval: metav1.Duration{Duration: n.interval}, Prune: n.prune, Wait: n.wait, ServiceAccountName: n.serviceAccount,
		TargetNamespace: n.targetNamespace, KubeConfig: kubeConfigReference(n.kubeConfig),
	}
	if n.source == "" {
		return spec, errors.New("--source is required")
	}
	source, err := parseReference("source", n.source, sourcev1.GitRepositoryKind,
		sourcev1.GitRepositoryKind, sourcev1.OCIRepositoryKind, sourcev1.BucketKind, sourcev1.ExternalArtifactKind)
	if err != nil {
		return spec, err
	}
	spec.SourceRef = kustomizev1.CrossNamespaceSourceReference{Kind: source.kind, Name: source.name, Namespace: source.namespace}
	if spec.Path, err = below(n.path); err != nil {
		return spec, err
	}
	if spec.DependsOn, err = parseDependencies(n.dependsOn); err != nil {
		return spec, err
	}
	if spec.Decryption, err = n.decryption(); err != nil {
		return spec, err
	}
	checks, err := parseHealthChecks(n.healthChecks)
	if err != nil {
		return spec, err
	}
	if !n.wait { // everything is waited for, those too
		spec.HealthChecks = checks
	}
	if n.wait || len(checks) > 0 {
		spec.Timeout = &metav1.Duration{Duration: n.healthTimeout}
	}
	if n.retryInterval > 0 {
		spec.RetryInterval = &metav1.Duration{Duration: n.retryInterval}
	}
	return spec, nil
}

func (n *kustomization) decryption() (*kustomizev1.Decryption, error) {
	if err := oneOf("decryption-provider", n.decryptionProvider, kustomizev1.DecryptionProviderSOPS); err != nil {
		return nil, err
	}
	if n.decryptionProvider == "" && n.decryptionSecret == "" {
		return nil, nil
	}
	return &kustomizev1.Decryption{Provider: kustomizev1.DecryptionProviderSOPS, SecretRef: secretReference(n.decryptionSecret)}, nil
}

// below returns a folder of the source as ./…; what leads out of the source is cut off.
func below(folder string) (string, error) {
	if path.IsAbs(folder) {
		return "", fmt.Errorf("invalid --path '%s': it has to start with ./", folder)
	}
	return "." + path.Join("/", folder), nil
}

func parseHealthChecks(texts []string) ([]meta.NamespacedObjectKindReference, error) {
	var checks []meta.NamespacedObjectKindReference
	for _, text := range texts {
		r, err := parseReference("health-check", text, "", "Deployment", "DaemonSet", "StatefulSet", helmv2.HelmReleaseKind)
		if err != nil {
			return nil, err
		}
		if r.namespace == "" {
			return nil, fmt.Errorf("invalid --health-check '%s': want Kind/name.namespace", text)
		}
		version := appsv1.SchemeGroupVersion
		if r.kind == helmv2.HelmReleaseKind {
			version = helmv2.GroupVersion
		}
		checks = append(checks, meta.NamespacedObjectKindReference{APIVersion: version.String(), Kind: r.kind, Name: r.name, Namespace: r.namespace})
	}
	return checks, nil
}
