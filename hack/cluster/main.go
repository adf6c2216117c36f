// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Weir-cluster is a Kubernetes control plane in one program: by the name it is called, or by its first argument, it is
// etcd, kube-apiserver, kube-controller-manager or kube-scheduler, and otherwise the command that runs all of them.
package main

import (
	"os"
	"path/filepath"

	"github.com/weir-gitops/weir/hack/cluster/internal/command"
	"github.com/weir-gitops/weir/hack/cluster/internal/lifeline"
	"github.com/weir-gitops/weir/hack/cluster/internal/role"
)

func main() {
	name, args := filepath.Base(os.Args[0]), os.Args[1:]
	if role.Known(name) {
		// A test suite that was killed, or that ran into its timeout, must not leave its servers behind.
		lifeline.HoldParent()
		os.Exit(role.Run(name, args))
	}
	if len(args) > 0 && role.Known(args[0]) {
		lifeline.Hold()
		os.Exit(role.Run(args[0], args[1:]))
	}
	os.Exit(command.Run(args))
}
