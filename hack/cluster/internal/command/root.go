// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package command is the command line of weir-cluster. Data goes to standard output, progress and errors to standard error.
package command

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/component-base/version"

	"github.com/weir-gitops/weir/hack/cluster/internal/instance"
)

// Exit codes.
const (
	exitOK       = 0
	exitNotReady = 1
	exitUsage    = 2
)

// errNotReady ends `status` without a message: the table has said it.
var errNotReady = errors.New("not ready")

// Run executes one command line and returns the exit code.
func Run(args []string) int {
	root := &cobra.Command{
		Use:           "weir-cluster",
		Short:         "A real Kubernetes control plane on this machine, with simulated nodes",
		Version:       version.Get().GitVersion,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(upCommand(), downCommand(), statusCommand(), kubeconfigCommand(), assetsCommand(), superviseCommand())
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
	})
	root.SetArgs(args)
	err := root.Execute()
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errNotReady):
		return exitNotReady
	}
	fmt.Fprintln(os.Stderr, "weir-cluster:", err)
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitNotReady
}

// usageError is a command line that makes no sense.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// selection is how every command names its cluster.
type selection struct {
	name string
	data string
}

func (s *selection) bind(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.name, "name", "default", "name of the cluster")
	cmd.Flags().StringVar(&s.data, "data", "",
		"data folder (default: a folder of that name in $WEIR_CLUSTER_HOME or the user's cache folder)")
}

func (s *selection) folder() (instance.Folder, error) {
	return instance.Locate(s.name, s.data)
}

// output is the -o flag.
type output struct{ format string }

func (o *output) bind(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&o.format, "output", "o", "text", "output format: text or json")
}

func (o *output) validate() error {
	if o.format != "text" && o.format != "json" {
		return usageError{fmt.Errorf("unknown output format %q: want text or json", o.format)}
	}
	return nil
}

func (o *output) json() bool { return o.format == "json" }

// sayf tells a person how it goes.
func sayf(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format+"\n", args...) // nobody is left to tell
}
