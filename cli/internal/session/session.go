// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package session is what every command shares: the streams, the global flags, the namespace that follows from them, and the connection
// to the cluster.
package session

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/cli/internal/terminal"
)

const (
	// DefaultNamespace is where the controllers are, and what existing repositories name.
	DefaultNamespace = "flux-system"
	// namespaceVariable replaces the default, followVariable acts like --ns-follows-kube-context when it is not empty.
	namespaceVariable = "FLUX_SYSTEM_NAMESPACE"
	followVariable    = "FLUX_NS_FOLLOWS_KUBE_CONTEXT"
	timeoutFlag       = "timeout"
	defaultTimeout    = 5 * time.Minute
	defaultQPS        = 50
	defaultBurst      = 300
)

// Session is one run of the command.
type Session struct {
	terminal.Terminal

	// Namespace is where the objects and the components are; set by Complete.
	Namespace string
	// Timeout bounds the whole operation.
	Timeout time.Duration
	// Verbose asks for generated objects to be printed.
	Verbose bool
	// Scheme knows the kinds that typed clients read and write.
	Scheme *runtime.Scheme

	flags         *pflag.FlagSet
	connection    *genericclioptions.ConfigFlags
	followContext bool
	qps           float32
	burst         int
	server        string // set by Config: the address of the API server
}

// New returns a session on these streams, for the kinds of this scheme.
func New(t terminal.Terminal, scheme *runtime.Scheme) *Session {
	return &Session{Terminal: t, Scheme: scheme}
}

// Bind adds the global flags.
func (s *Session) Bind(flags *pflag.FlagSet) {
	s.flags = flags
	s.connection = genericclioptions.NewConfigFlags(false)
	s.connection.Timeout, s.connection.WrapConfigFn = nil, s.limits
	s.connection.Namespace = new(DefaultNamespace)
	// -s means --silent in several commands.
	own := pflag.NewFlagSet("connection", pflag.ContinueOnError)
	s.connection.AddFlags(own)
	own.VisitAll(func(f *pflag.Flag) {
		if f.Name == "server" {
			f.Shorthand = ""
		}
		if f.Name == "namespace" {
			f.Usage = "namespace of the objects, and of the components (env " + namespaceVariable + ")"
		}
		flags.AddFlag(f)
	})
	flags.DurationVar(&s.Timeout, timeoutFlag, defaultTimeout, "limit for the whole operation; watching and following end with it only if it is given")
	flags.BoolVar(&s.Verbose, "verbose", false, "print generated objects")
	flags.BoolVar(&s.followContext, "ns-follows-kube-context", false,
		"take the namespace from the kubeconfig context when --namespace is not given (env "+followVariable+")")
	flags.Float32Var(&s.qps, "kube-api-qps", defaultQPS, "requests a second to the API server")
	flags.IntVar(&s.burst, "kube-api-burst", defaultBurst, "requests that may exceed --kube-api-qps for a moment")
}

// Complete settles the namespace and refuses one that no cluster would take.
func (s *Session) Complete() error {
	s.Namespace = *s.connection.Namespace
	if !s.flags.Changed("namespace") {
		s.Namespace = s.defaultNamespace()
	}
	if problems := validation.IsDNS1123Label(s.Namespace); len(problems) > 0 {
		return fmt.Errorf("namespace %q must be a valid DNS label: %s", s.Namespace, strings.Join(problems, ", "))
	}
	return nil
}

func (s *Session) defaultNamespace() string {
	if s.followContext || os.Getenv(followVariable) != "" {
		loader := s.connection.ToRawKubeConfigLoader()
		if raw, err := loader.RawConfig(); err == nil {
			name := raw.CurrentContext
			if *s.connection.Context != "" {
				name = *s.connection.Context
			}
			if c := raw.Contexts[name]; c != nil && c.Namespace != "" {
				return c.Namespace
			}
		}
	}
	if wanted := os.Getenv(namespaceVariable); wanted != "" {
		if len(validation.IsDNS1123Label(wanted)) == 0 {
			return wanted
		}
		s.Warning("%s %q is no valid DNS label and is ignored", namespaceVariable, wanted)
	}
	return DefaultNamespace
}

// SystemNamespace is where the controllers are when nobody says otherwise.
func SystemNamespace() string {
	if wanted := os.Getenv(namespaceVariable); wanted != "" && len(validation.IsDNS1123Label(wanted)) == 0 {
		return wanted
	}
	return DefaultNamespace
}

// Bounded ends with the session's timeout.
func (s *Session) Bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, s.Timeout, fmt.Errorf("timed out after %s", s.Timeout))
}

// Stream ends with the timeout only if somebody asked for one: who watches decides how long.
func (s *Session) Stream(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.flags.Changed(timeoutFlag) {
		return s.Bounded(ctx)
	}
	return context.WithCancel(ctx)
}

// Config is the connection that kubeconfig and flags describe.
func (s *Session) Config() (*rest.Config, error) {
	config, err := s.connection.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("kubernetes client: %w", err)
	}
	if err := s.configured(config); err != nil {
		return nil, err
	}
	s.server = config.Host
	if base, _, err := rest.DefaultServerUrlFor(config); err == nil { // a kubeconfig may leave out the scheme
		s.server = base.String()
	}
	return config, nil
}

// limits makes a connection keep to the flags.
func (s *Session) limits(config *rest.Config) *rest.Config {
	config.QPS, config.Burst = s.qps, s.burst
	if s.flags.Changed(timeoutFlag) { // for what libraries ask without a context
		config.Timeout = s.Timeout
	}
	return config
}

// Reach asks the API server for its version, which needs no rights.
func (s *Session) Reach(ctx context.Context) (*version.Info, error) {
	config, err := s.Config()
	if err != nil {
		return nil, err
	}
	d, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("kubernetes client: %w", err)
	}
	answer, err := d.RESTClient().Get().AbsPath("/version").Do(ctx).Raw() // ServerVersion takes no context
	if err != nil {
		return nil, fmt.Errorf("kubernetes API: %w", err)
	}
	info := &version.Info{}
	if err := json.Unmarshal(answer, info); err != nil {
		return nil, fmt.Errorf("kubernetes API: version: %w", err)
	}
	return info, nil
}

// Client reads and writes objects of the cluster.
func (s *Session) Client() (client.WithWatch, error) {
	config, err := s.Config()
	if err != nil {
		return nil, err
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: s.Scheme})
	if err != nil {
		return nil, fmt.Errorf("kubernetes client: %w", err)
	}
	return c, nil
}

// Getter is the connection for libraries that find out themselves what the cluster serves.
func (s *Session) Getter() genericclioptions.RESTClientGetter { return s.connection }
