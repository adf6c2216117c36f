// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package cmd

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/cli/internal/bundle"
	"github.com/weir-gitops/weir/cli/internal/kinds"
	"github.com/weir-gitops/weir/cli/internal/session"
)

// complete makes the values of flags complete in shells. Nothing else completes to the files of the working directory.
func complete(s *session.Session, root *cobra.Command) error {
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	completions := flagValues(s)
	var walk func(cmd *cobra.Command) error
	walk = func(cmd *cobra.Command) (err error) {
		cmd.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
			if values := completionOf(completions, cmd, f); values != nil && err == nil {
				err = cmd.RegisterFlagCompletionFunc(f.Name, values)
			}
		})
		for _, below := range cmd.Commands() {
			if err == nil {
				err = walk(below)
			}
		}
		return err
	}
	return walk(root)
}

// completionOf finds how a flag completes: as that of one command, else as every flag of that name.
func completionOf(completions map[string]cobra.CompletionFunc, cmd *cobra.Command, f *pflag.Flag) cobra.CompletionFunc {
	_, path, _ := strings.Cut(cmd.CommandPath(), " ")
	if values := completions[path+" --"+f.Name]; values != nil {
		return values
	}
	return completions["--"+f.Name]
}

// flagValues tells how the values of flags complete: by the name of the flag, with the command in front where one means something else by it.
func flagValues(s *session.Session) map[string]cobra.CompletionFunc {
	core := corev1.SchemeGroupVersion
	secrets, namespaces := s.CompleteObjects(core.WithKind("Secret")), s.CompleteObjects(core.WithKind("Namespace"))
	source := sourcev1.GroupVersion
	return map[string]cobra.CompletionFunc{
		"--namespace": namespaces, "--flux-namespace": namespaces, "--target-namespace": namespaces, "--storage-namespace": namespaces,
		"--context": s.CompleteContexts, "--kubeconfig": files, "--certificate-authority": files, "--client-certificate": files, "--client-key": files,
		"--cache-dir": folders, "--path": folders, "--manifests": folders, "--ca-file": files, "--private-key-file": files,
		"--kustomization-file": yamlFiles, "--values": yamlFiles,

		"--output": values("yaml", "json"), "--types": several("Normal", "Warning"), "--for": s.CompleteKinds,
		"--status-selector": values("ready=true", "ready=false", "ready=unknown", "ready!=true"),
		"--level":           values("debug", "info", "error"), "logs --kind": values(kinds.Names()...), "logs --name": ofKind(s),

		"--components":       several(bundle.Source, bundle.Kustomize, bundle.Helm, bundle.Notification, bundle.Image),
		"--components-extra": several(bundle.Image), "--log-level": values("trace", "debug", "info", "error"), "--image-pull-secret": secrets,

		"--ssh-key-algorithm": values("rsa", "ecdsa", "ed25519"), "--ssh-ecdsa-curve": values("p256", "p384", "p521"),
		"--provider":   values(sourcev1.ProviderGeneric, sourcev1.ProviderGitHub, sourcev1.ProviderAWS, sourcev1.ProviderAzure),
		"--secret-ref": secrets, "--proxy-secret-ref": secrets, "--decryption-secret": secrets, "--kubeconfig-secret-ref": secrets,
		"--service-account":     s.CompleteObjects(core.WithKind("ServiceAccount")),
		"--decryption-provider": values(kustomizev1.DecryptionProviderSOPS), "--reconcile-strategy": values("ChartVersion", "Revision"),
		"--crds":                            values("Skip", "Create", "CreateReplace"),
		"create kustomization --source":     s.CompleteReferences(kindsOf(source, "GitRepository", "OCIRepository", "Bucket", "ExternalArtifact")...),
		"create helmrelease --source":       s.CompleteReferences(kindsOf(source, "HelmRepository", "GitRepository", "Bucket")...),
		"--chart-ref":                       s.CompleteReferences(kindsOf(source, "OCIRepository", "HelmChart")...),
		"--values-from":                     list(s.CompleteReferences(kindsOf(core, "Secret", "ConfigMap")...)),
		"create kustomization --depends-on": list(s.CompleteObjects(kustomizev1.GroupVersion.WithKind(kustomizev1.KustomizationKind))),
		"create helmrelease --depends-on":   list(s.CompleteObjects(helmv2.GroupVersion.WithKind(helmv2.HelmReleaseKind))),
	}
}

func kindsOf(gv schema.GroupVersion, names ...string) []schema.GroupVersionKind {
	all := make([]schema.GroupVersionKind, 0, len(names))
	for _, name := range names {
		all = append(all, gv.WithKind(name))
	}
	return all
}

func files(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

func folders(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

func yamlFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt
}

func values(of ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(of, cobra.ShellCompDirectiveNoFileComp)
}

// several completes a list with commas, each value once.
func several(of ...string) cobra.CompletionFunc { return list(values(of...)) }

// list completes a list with commas, each value once.
func list(of cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		before := typed[:strings.LastIndexByte(typed, ',')+1]
		found, directive := of(cmd, args, strings.TrimPrefix(typed, before))
		var more []string
		for _, value := range found {
			if !slices.Contains(strings.Split(before, ","), value) {
				more = append(more, before+value)
			}
		}
		return more, directive
	}
}

// ofKind completes the names of the objects of the kind that another flag of the line names.
func ofKind(s *session.Session) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		name, err := cmd.Flags().GetString("kind")
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		k, known := kinds.Named(name)
		if !known {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return s.CompleteObjects(k.GroupVersionKind)(cmd, args, typed)
	}
}
