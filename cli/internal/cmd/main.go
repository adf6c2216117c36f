// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package cmd is the tree of commands. Each package below it is one group, each file one command.
package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"sigs.k8s.io/controller-runtime/pkg/log"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/cli/internal/cmd/build"
	"github.com/weir-gitops/weir/cli/internal/cmd/create"
	"github.com/weir-gitops/weir/cli/internal/cmd/get"
	"github.com/weir-gitops/weir/cli/internal/cmd/install"
	"github.com/weir-gitops/weir/cli/internal/cmd/object"
	"github.com/weir-gitops/weir/cli/internal/cmd/observe"
	"github.com/weir-gitops/weir/cli/internal/session"
	"github.com/weir-gitops/weir/cli/internal/terminal"
	"github.com/weir-gitops/weir/kit/manager/version"
)

// interrupted is the exit code after Ctrl-C, as shells have it, and after SIGTERM.
const interrupted = 130

// Main runs the command and returns its exit code.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	utilruntime.ErrorHandlers = nil //nolint:reassign // they log what is returned as well
	context.AfterFunc(ctx, stop)    // the second Ctrl-C ends the process, whatever it is at
	t := terminal.Terminal{In: stdin, Out: stdout, Err: stderr}
	s, root, err := tree(t)
	if err != nil {
		t.Failure("%v", err)
		return 1
	}
	root.SetArgs(args)
	return run(ctx, s, root)
}

// run says once what went wrong.
func run(ctx context.Context, s *session.Session, root *cobra.Command) int {
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if ctx.Err() != nil {
		s.Failure("interrupted")
		return interrupted
	}
	if coded, ok := errors.AsType[*session.ExitError](err); ok {
		coded.Print(s)
		return coded.Code
	}
	s.Failed(err)
	return 1
}

// tree returns all commands on these streams, and the session that they share.
func tree(t terminal.Terminal) (*session.Session, *cobra.Command, error) {
	log.SetLogger(logr.Discard()) // libraries that log are not heard
	scheme := runtime.NewScheme()
	kinds := runtime.NewSchemeBuilder(corev1.AddToScheme, appsv1.AddToScheme, networkingv1.AddToScheme, rbacv1.AddToScheme,
		apiextensionsv1.AddToScheme, sourcev1.AddToScheme, kustomizev1.AddToScheme, helmv2.AddToScheme, imagev1.AddToScheme,
		notificationv1.AddToScheme, notificationv1beta3.AddToScheme)
	if err := kinds.AddToScheme(scheme); err != nil {
		return nil, nil, fmt.Errorf("scheme: %w", err)
	}
	s := session.New(t, scheme)
	root := &cobra.Command{
		Use:               "weir",
		Short:             "Command line of the Weir GitOps toolkit",
		Long:              "Weir keeps clusters as Git says. This command installs it, shows what it does, and asks it for more.",
		Example:           "  weir install\n  weir get all -A\n  weir reconcile kustomization apps --with-source\n  weir events --for Kustomization/apps",
		SilenceUsage:      true,
		SilenceErrors:     true,
		Version:           strings.TrimPrefix(version.String(), "v"),
		PersistentPreRunE: func(*cobra.Command, []string) error { return s.Complete() },
	}
	root.SetVersionTemplate("weir version {{.Version}}\n")
	root.SetIn(t.In)
	root.SetOut(t.Out)
	root.SetErr(t.Err)
	s.Bind(root.PersistentFlags())
	root.AddCommand(get.Command(s))
	root.AddCommand(object.Commands(s)...)
	root.AddCommand(install.Commands(s)...)
	root.AddCommand(build.Commands(s)...)
	root.AddCommand(create.Command(s), completion())
	root.AddCommand(observe.Commands(s)...)
	strict(root)
	if err := complete(s, root); err != nil {
		return nil, nil, err
	}
	return s, root, nil
}
