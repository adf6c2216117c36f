// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/weir-gitops/weir/hack/cluster/internal/instance"
	"github.com/weir-gitops/weir/hack/cluster/internal/plane"
)

// kubeconfig prints or writes a kubeconfig.
type kubeconfig struct {
	selection
	user           string
	serviceAccount string
	duration       time.Duration
	output         string
}

func kubeconfigCommand() *cobra.Command {
	var k kubeconfig
	cmd := &cobra.Command{
		Use:   "kubeconfig",
		Short: "Print a kubeconfig: the administrator's, a user's or a service account's",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return k.run(cmd) },
	}
	k.bind(cmd)
	f := cmd.Flags()
	f.StringVar(&k.user, "user", "", "for a user that `up --user` was given")
	f.StringVar(&k.serviceAccount, "service-account", "", "for the service account NAMESPACE/NAME, which must exist")
	f.DurationVar(&k.duration, "duration", 24*time.Hour, "how long the service account's token is valid, at least 10m")
	f.StringVar(&k.output, "output", "-", "file to write, readable by its owner only; - for standard output")
	cmd.MarkFlagsMutuallyExclusive("user", "service-account")
	return cmd
}

func (k *kubeconfig) run(cmd *cobra.Command) error {
	folder, err := k.folder()
	if err != nil {
		return err
	}
	if err := folder.Check(); err != nil {
		return err
	}
	if !folder.Running() {
		return errors.New("the cluster is not running")
	}
	data, err := k.render(cmd.Context(), folder)
	if err != nil {
		return err
	}
	if k.output == "-" {
		_, err := cmd.OutOrStdout().Write(data)
		return err
	}
	if err := os.MkdirAll(filepath.Dir(k.output), 0o700); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	return instance.WriteFile(k.output, data)
}

func (k *kubeconfig) render(ctx context.Context, folder instance.Folder) ([]byte, error) {
	state, err := folder.Load()
	if err != nil {
		return nil, err
	}
	switch {
	case k.serviceAccount != "":
		return plane.ServiceAccountKubeconfig(ctx, folder, state, k.serviceAccount, k.duration)
	case k.user != "":
		return plane.UserKubeconfig(folder, state, k.user)
	default:
		return os.ReadFile(folder.Kubeconfig())
	}
}
