// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package build holds weir build and weir diff: what a Kustomization makes of a local directory, and how the cluster differs from that. Both
// run the code of the controller, in memory: nothing is written to the directory.
package build

import (
	"bytes"
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/cli/internal/kinds"
	"github.com/weir-gitops/weir/cli/internal/session"
)

// options are the flags that build and diff share.
type options struct {
	session *session.Session

	path, file string
	ignore     []string
	strict     bool
	recursive  bool
	sources    map[string]string
	inMemory   bool
	dryRun     bool
}

// Commands returns weir build and weir diff.
func Commands(s *session.Session) []*cobra.Command {
	build := &cobra.Command{Use: "build", Short: "Render locally what the controllers would apply", Example: "  weir build kustomization apps --path ./apps"}
	build.AddCommand(buildKustomization(s))
	diff := &cobra.Command{Use: "diff", Short: "Compare what would be applied with what is in the cluster", Example: "  weir diff kustomization apps --path ./apps"}
	diff.AddCommand(diffKustomization(s))
	return []*cobra.Command{build, diff}
}

func buildKustomization(s *session.Session) *cobra.Command {
	o := &options{session: s}
	cmd := &cobra.Command{
		Short: "Render a Kustomization from a local directory",
		Long: "Prints what the controller would apply for a Kustomization if its source held this directory: built, substituted and labelled. " +
			"The values of encrypted Secrets are masked. Nothing is written to the directory.",
		Example: "  # The Kustomization of the cluster, with the files of this checkout\n  weir build kustomization apps --path ./clusters/production/apps\n\n" +
			"  # Without a cluster\n  weir build kustomization apps --path ./apps --kustomization-file ./clusters/production/apps.yaml --dry-run",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := s.Bounded(cmd.Context())
			defer cancel()
			return o.build(ctx, args[0])
		},
	}
	o.bind(cmd)
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "do without the cluster: variables from ConfigMaps and Secrets are not loaded; needs --kustomization-file")
	return cmd
}

// bind adds what both commands share.
func (o *options) bind(cmd *cobra.Command) {
	k, _ := kinds.Of(kustomizev1.KustomizationKind)
	cmd.Use, cmd.Aliases, cmd.ValidArgsFunction = k.Name+" NAME", []string{k.Short}, o.session.CompleteNames(k)
	cmd.Args = oneName
	flags := cmd.Flags()
	flags.StringVar(&o.path, "path", "", "local directory that stands for spec.path (required)")
	flags.StringVar(&o.file, "kustomization-file", "", "file that holds the Kustomization, instead of the cluster")
	flags.StringSliceVar(&o.ignore, "ignore-paths", nil, "files below --path to leave out, as patterns of .gitignore separated by commas")
	flags.BoolVar(&o.strict, "strict-substitute", false, "fail on variables that have neither value nor default")
	flags.BoolVarP(&o.recursive, "recursive", "r", false, "go on with the Kustomizations in the result; their sources come from --local-sources")
	flags.StringToStringVar(&o.sources, "local-sources", nil, "local directories of sources, as Kind/namespace/name=path separated by commas")
	flags.BoolVar(&o.inMemory, "in-memory-build", false, "accepted as it is how weir always builds: nothing is written to the directory")
}

// build prints everything, or nothing if anything is wrong.
func (o *options) build(ctx context.Context, name string) error {
	if err := o.checkPath(); err != nil {
		return err
	}
	if err := o.checkFile(); err != nil {
		return err
	}
	if o.dryRun && o.file == "" {
		return errDryRun
	}
	b, err := newBuilder(ctx, o)
	if err != nil {
		return err
	}
	obj, err := b.wanted(ctx, name)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := b.print(ctx, obj, place{local: o.path}, &out); err != nil {
		return err
	}
	_, err = o.session.Out.Write(out.Bytes())
	return err
}

// print renders a Kustomization, then those in it if that was asked for.
func (b *builder) print(ctx context.Context, obj *kustomizev1.Kustomization, at place, out *bytes.Buffer) error {
	built, err := b.build(ctx, obj, at)
	if err != nil {
		return err
	}
	shown, err := built.shown(b.engine)
	if err != nil {
		return fmt.Errorf("%s: %w", subject(obj), err)
	}
	for _, u := range shown {
		if err := printObject(out, u); err != nil {
			return err
		}
	}
	nested, err := b.nested(built)
	if err != nil {
		return err
	}
	for _, n := range nested {
		if err := b.print(ctx, n.obj, n.at, out); err != nil {
			return err
		}
	}
	return nil
}

func printObject(out *bytes.Buffer, u *unstructured.Unstructured) error {
	unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")
	text, err := yaml.Marshal(u.Object)
	if err != nil {
		return fmt.Errorf("print %s %s: %w", u.GetKind(), u.GetName(), err)
	}
	out.WriteString("---\n")
	out.Write(text)
	return nil
}
