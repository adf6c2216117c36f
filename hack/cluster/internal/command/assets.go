// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/weir-gitops/weir/hack/cluster/internal/role"
)

func assetsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "assets",
		Short: "Print the folder for KUBEBUILDER_ASSETS, in which this program is etcd and kube-apiserver",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			self, err := besides("weir-cluster")
			if err != nil {
				return err
			}
			dir := filepath.Join(filepath.Dir(self), "assets")
			if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // programs are for everybody
				return fmt.Errorf("make assets: %w", err)
			}
			for _, name := range []string{role.Etcd, role.APIServer} {
				link := filepath.Join(dir, name)
				if err := os.Symlink(filepath.Join("..", filepath.Base(self)), link); err != nil && !errors.Is(err, fs.ErrExist) {
					return fmt.Errorf("make assets: %w", err)
				}
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), dir)
			return err
		},
	}
}
