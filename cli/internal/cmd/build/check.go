// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package build

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
)

var (
	errDryRun       = errors.New("--dry-run needs --kustomization-file")
	errAllowMissing = errors.New("--ignore-not-found needs --kustomization-file")
)

func oneName(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return errors.New("one kustomization name is required")
	}
	return nil
}

func (o *options) checkPath() error {
	if o.path == "" {
		return errors.New("--path is required")
	}
	info, err := os.Stat(o.path)
	if err != nil {
		return fmt.Errorf("--path: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("--path: %s is not a directory", o.path)
	}
	return nil
}

func (o *options) checkFile() error {
	if o.file == "" {
		return nil
	}
	info, err := os.Stat(o.file)
	if err != nil {
		return fmt.Errorf("--kustomization-file: %w", err)
	}
	if info.IsDir() {
		return fmt.Errorf("--kustomization-file: %s is a directory", o.file)
	}
	return nil
}

func subject(obj *kustomizev1.Kustomization) string {
	return kustomizev1.KustomizationKind + "/" + obj.Namespace + "/" + obj.Name
}
