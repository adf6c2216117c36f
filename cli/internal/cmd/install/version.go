// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/cli/internal/bundle"
	"github.com/weir-gitops/weir/cli/internal/session"
	"github.com/weir-gitops/weir/kit/manager/version"
)

func versionCommand(s *session.Session) *cobra.Command {
	var clientOnly bool
	var output string
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version of this command and of the controllers",
		Example: "  weir version\n\n  # Without a cluster\n  weir version --client",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "yaml" && output != "json" {
				return fmt.Errorf("output format %q is not one of yaml, json", output)
			}
			ctx, cancel := s.Bounded(cmd.Context())
			defer cancel()
			v := versions{Command: version.String()}
			if !clientOnly {
				if err := v.read(ctx, s); err != nil {
					return err
				}
			}
			return v.print(s, output)
		},
	}
	cmd.Flags().BoolVar(&clientOnly, "client", false, "do not ask the cluster")
	cmd.Flags().StringVarP(&output, "output", "o", "yaml", "yaml or json")
	return cmd
}

// versions is what runs where.
type versions struct {
	Command, Distribution string
	// Controllers maps names of images to their tags.
	Controllers map[string]string
}

func (v *versions) read(ctx context.Context, s *session.Session) error {
	c, err := s.Client()
	if err != nil {
		return err
	}
	found, err := installed(ctx, c)
	if err != nil {
		return err
	}
	if found != nil {
		v.Distribution = found.distribution
	}
	var list appsv1.DeploymentList
	if err := c.List(ctx, &list, client.InNamespace(s.Namespace), ofInstallation()); err != nil {
		return err
	}
	if len(list.Items) == 0 {
		return fmt.Errorf("no deployments found in the %q namespace with the label %s=%s", s.Namespace, bundle.PartOf, bundle.PartOfValue)
	}
	v.Controllers = map[string]string{}
	for i := range list.Items {
		for _, container := range list.Items[i].Spec.Template.Spec.Containers {
			name, tag, err := splitImage(container.Image)
			if err != nil {
				return err
			}
			v.Controllers[name] = tag
		}
	}
	return nil
}

// splitImage returns the last part of the name of an image, and its tag with the digest that may follow.
func splitImage(image string) (name, tag string, err error) {
	last := image[strings.LastIndex(image, "/")+1:]
	repository, digest, pinned := strings.Cut(last, "@")
	name, tag, found := strings.Cut(repository, ":")
	if !found {
		return "", "", fmt.Errorf("image %s has no tag", image)
	}
	if pinned {
		tag += "@" + digest
	}
	return name, tag, nil
}

// print writes the command first, then the distribution, then the controllers by name; JSON has all keys in one order.
func (v *versions) print(s *session.Session, output string) error {
	if output == "json" {
		flat := maps.Clone(v.Controllers)
		if flat == nil {
			flat = map[string]string{}
		}
		flat["flux"] = v.Command
		if v.Distribution != "" {
			flat["distribution"] = v.Distribution
		}
		data, err := json.MarshalIndent(flat, "", "  ")
		if err != nil {
			return err
		}
		fmt.Fprintln(s.Out, string(data))
		return nil
	}
	fmt.Fprintln(s.Out, "flux:", v.Command)
	if v.Distribution != "" {
		fmt.Fprintln(s.Out, "distribution:", v.Distribution)
	}
	for _, name := range slices.Sorted(maps.Keys(v.Controllers)) {
		fmt.Fprintf(s.Out, "%s: %s\n", name, v.Controllers[name])
	}
	return nil
}
