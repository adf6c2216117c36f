// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package role runs one component of the control plane in this process: the unchanged command of etcd, kube-apiserver,
// kube-controller-manager or kube-scheduler, with its own flags.
package role

import (
	"os"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

// Names of the components that this binary can be.
const (
	Etcd              = "etcd"
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
)

// segmentBytes is the size of a file of etcd's log. Two are allocated at once; etcd's own 64 MB would make every data folder,
// also those of test suites, a hundred megabytes larger than what is in it.
const segmentBytes = 8 << 20

// Known tells whether name is a component of this binary.
func Known(name string) bool {
	switch name {
	case Etcd, APIServer, ControllerManager, Scheduler:
		return true
	}
	return false
}

// Run is the component of that name, with args as its command line, until it ends. It returns the exit code.
func Run(name string, args []string) int {
	if name == Etcd {
		// etcd's own main parses the slice it is given, but usage texts and the grpc-proxy command read os.Args.
		os.Args = append([]string{name}, args...)
		wal.SegmentSizeBytes = segmentBytes
		etcdmain.Main(os.Args)
		return 0
	}
	command := kubernetes(name)
	command.SetArgs(args)
	return cli.Run(command)
}

// kubernetes is built on demand: each of these commands registers flags of the same names with global state.
func kubernetes(name string) *cobra.Command {
	switch name {
	case APIServer:
		return apiserver.NewAPIServerCommand()
	case ControllerManager:
		return controllermanager.NewControllerManagerCommand()
	default:
		return scheduler.NewSchedulerCommand()
	}
}
