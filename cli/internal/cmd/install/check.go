// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/cli/internal/bundle"
	"github.com/weir-gitops/weir/cli/internal/session"
	"github.com/weir-gitops/weir/kit/manager/version"
)

// supported are the versions of Kubernetes that controllers work with.
const supported = ">=1.33.0-0"

func checkCommand(s *session.Session) *cobra.Command {
	var pre bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the cluster, the controllers and their kinds",
		Long: "Checks that the cluster is new enough, that the controllers are ready and that their kinds are installed. A released weir also asks " +
			"GitHub whether there is a newer release; without an answer within " + releaseTimeout.String() + " the check goes on without it.",
		Example: "  # Before installing\n  weir check --pre\n\n  # After it\n  weir check",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s.Action("checking prerequisites")
			asked, stop := context.WithTimeout(cmd.Context(), releaseTimeout) // takes nothing from the time of the checks
			defer stop()
			checkRelease(asked, s, newestRelease, version.String())
			ctx, cancel := s.Bounded(cmd.Context())
			defer cancel()
			return check(ctx, s, pre)
		},
	}
	cmd.Flags().BoolVar(&pre, "pre", false, "check only what an installation needs")
	cmd.Flags().StringSlice("components", nil, "accepted; what runs is found by its label")
	cmd.Flags().StringSlice("components-extra", nil, "accepted; what runs is found by its label")
	cmd.Flags().Duration("poll-interval", 5*time.Second, "accepted; what changes is watched")
	return cmd
}

func check(ctx context.Context, s *session.Session, pre bool) error {
	failed := &session.ExitError{Code: 1, Err: errors.New("check failed")}
	if err := checkKubernetes(ctx, s); err != nil {
		s.Failed(err)
		return failed
	}
	if pre {
		s.Success("prerequisites checks passed")
		return nil
	}
	c, err := s.Client()
	if err != nil {
		return err
	}
	well := checkDistribution(ctx, s, c)
	s.Action("checking controllers")
	well = checkControllers(ctx, s, c) && well
	s.Action("checking crds")
	well = checkDefinitions(ctx, s, c) && well
	if !well {
		return failed
	}
	s.Success("all checks passed")
	return nil
}

func checkKubernetes(ctx context.Context, s *session.Session) error {
	info, err := s.Reach(ctx)
	if err != nil {
		return err
	}
	v, err := semver.NewVersion(info.GitVersion)
	if err != nil {
		return fmt.Errorf("kubernetes version %q: %w", info.GitVersion, err)
	}
	constraint, err := semver.NewConstraint(supported)
	if err != nil {
		return err
	}
	if !constraint.Check(v) {
		return fmt.Errorf("version %s of Kubernetes does not match %s", info.GitVersion, supported)
	}
	s.Success("Kubernetes %s %s", info.GitVersion, supported)
	return nil
}

func checkDistribution(ctx context.Context, s *session.Session, c client.Client) bool {
	s.Action("checking version in cluster")
	found, err := installed(ctx, c)
	if err != nil {
		s.Failure("%v", err)
		return false
	}
	if found == nil {
		s.Failure("nothing is installed, as %s does not exist; weir install does that", marker)
		return false
	}
	s.Success("distribution: %s", found.distribution)
	s.Success("bootstrapped: %t", found.bootstrapped)
	return true
}

func ofInstallation() client.MatchingLabels {
	return client.MatchingLabels{bundle.PartOf: bundle.PartOfValue}
}

func checkControllers(ctx context.Context, s *session.Session, c client.WithWatch) bool {
	var list appsv1.DeploymentList
	if err := c.List(ctx, &list, client.InNamespace(s.Namespace), ofInstallation()); err != nil {
		s.Failure("list deployments: %v", err)
		return false
	}
	if len(list.Items) == 0 {
		s.Failure("no controllers found in the %q namespace with the label %s=%s", s.Namespace, bundle.PartOf, bundle.PartOfValue)
		return false
	}
	names := make([]string, len(list.Items))
	for i := range list.Items {
		names[i] = list.Items[i].Name
	}
	errs := health(ctx, s, c, names)
	for i := range list.Items {
		report(s, names[i], errs[i])
		for _, container := range list.Items[i].Spec.Template.Spec.Containers {
			s.Action("%s", container.Image)
		}
	}
	return errors.Join(errs...) == nil
}

func checkDefinitions(ctx context.Context, s *session.Session, c client.Client) bool {
	var list apiextensionsv1.CustomResourceDefinitionList
	if err := c.List(ctx, &list, ofInstallation()); err != nil {
		s.Failure("list custom resource definitions: %v", err)
		return false
	}
	if len(list.Items) == 0 {
		s.Failure("no crds found with the label %s=%s", bundle.PartOf, bundle.PartOfValue)
		return false
	}
	well := true
	for i := range list.Items {
		crd := &list.Items[i]
		stored := crd.Status.StoredVersions
		if len(stored) == 0 {
			s.Failure("%s has no stored version", crd.Name)
			well = false
			continue
		}
		s.Success("%s/%s", crd.Name, stored[len(stored)-1])
	}
	return well
}
