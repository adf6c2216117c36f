// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package plane

import (
	"time"

	"github.com/weir-gitops/weir/hack/cluster/internal/instance"
	"github.com/weir-gitops/weir/hack/cluster/internal/users"
)

// Options says what cluster to run.
type Options struct {
	// Folder holds the data.
	Folder instance.Folder
	// Name is the context in the kubeconfig.
	Name string
	// Audit asks for a log of requests.
	Audit bool
	// Nodes is how many nodes are simulated. 0 runs neither kwok nor nodes: pods stay pending.
	Nodes int
	// Users authenticate by bearer token, beside the administrator.
	Users []users.User
	// Kwok is the path of the program that simulates nodes.
	Kwok string
	// Wait is how long the start may take.
	Wait time.Duration
}
