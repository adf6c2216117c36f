// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/fluxcd/pkg/runtime/logger"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/kit/manager/version"
)

// Program describes one controller binary.
type Program struct {
	// Name is the name of the controller, as in "source-controller": its lease, its events, its field manager.
	Name string
	// Options receives the flags.
	Options Options
	// Gates lists the feature gates that exist, with their defaults.
	Gates map[string]bool
	// Scheme holds the types that the controller reads and writes.
	Scheme *runtime.Scheme
	// Kinds are the kinds that the controller reconciles, one empty object each: those that --watch-label-selector splits among shards.
	Kinds []client.Object
	// Setup builds the dependencies and registers the kinds with the manager. The context lasts as long as the process should.
	Setup func(ctx context.Context, rt *Runtime) error
	// Config replaces the cluster that the environment names. With it several programs may share a process, as in tests: names of
	// controllers need not be unique then.
	Config *rest.Config
	// Namespace replaces the namespace that the environment names. Programs that share a process have no environment of their own.
	Namespace string
}

// Main runs the program of this process and ends it: 0 after a signal, 1 after an error.
func Main(p Program) {
	os.Exit(Run(ctrl.SetupSignalHandler(), p, os.Args[1:], os.Stdout, os.Stderr))
}

// Run runs the program until ctx ends or something fails, and returns the exit code. Help and version go to stdout; logs and errors to stderr.
func Run(ctx context.Context, p Program, args []string, stdout, stderr io.Writer) int {
	done, err := p.Parse(args, stdout)
	if err != nil {
		fmt.Fprintf(stderr, "%s: cannot start:\n%s\n", p.Name, indent(err))
		return 1
	}
	if done {
		return 0
	}
	log := newLogger(p.Options.Common().Log, stderr)
	if p.Config == nil {
		// The loggers of libraries belong to the process, and must not be set while another program of the process may use them.
		logger.SetLogger(log)
	}
	if err := p.run(ctx, log); err != nil {
		log.WithName("setup").Error(err, "controller ended")
		return 1
	}
	return 0
}

// Parse fills the options of the program and reports every problem of the arguments at once. It returns true when they asked for a text only.
func (p *Program) Parse(args []string, stdout io.Writer) (bool, error) {
	fs := pflag.NewFlagSet(p.Name, pflag.ContinueOnError)
	fs.Usage = func() {}
	p.Options.BindFlags(fs)
	if p.Namespace != "" {
		p.Options.Common().Namespace = p.Namespace
	}
	showVersion := fs.Bool("version", false, "Print the version and exit.")
	switch err := fs.Parse(args); {
	case errors.Is(err, pflag.ErrHelp):
		fmt.Fprint(stdout, usage(p.Name, fs))
		return true, nil
	case err != nil:
		return false, err
	case *showVersion:
		fmt.Fprintln(stdout, p.Name, version.String())
		return true, nil
	}
	return false, p.check(fs.Args())
}

// check reports every problem of the parsed arguments at once.
func (p *Program) check(rest []string) error {
	var errs []error
	for _, arg := range rest {
		errs = append(errs, fmt.Errorf("argument %q belongs to no flag; write a boolean flag as --flag=value", arg))
	}
	common := p.Options.Common()
	gates, err := resolveGates(p.Gates, common.gates)
	common.Gates = gates
	return errors.Join(errors.Join(errs...), err, p.Options.Validate())
}

// Scheme returns a scheme of the kinds of Kubernetes and of what the functions add.
func Scheme(add ...func(*runtime.Scheme) error) *runtime.Scheme {
	s := runtime.NewScheme()
	for _, f := range append(add, clientgoscheme.AddToScheme) {
		utilruntime.Must(f(s))
	}
	return s
}

// indent puts every line of a joined error on its own, marked.
func indent(err error) string {
	return "  - " + strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "\n  - ")
}
