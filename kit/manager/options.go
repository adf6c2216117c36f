// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/fluxcd/pkg/runtime/acl"
	"github.com/fluxcd/pkg/runtime/controller"
	"github.com/fluxcd/pkg/runtime/jitter"
	"github.com/fluxcd/pkg/runtime/leaderelection"
	"github.com/fluxcd/pkg/runtime/logger"
	"github.com/spf13/pflag"
	cliflag "k8s.io/component-base/cli/flag"

	"github.com/weir-gitops/weir/kit/events"
)

const (
	// defaultConcurrent is the default of --concurrent where a controller names no other.
	defaultConcurrent = 4
	// defaultShutdown is how long running reconciles may take to end. It leaves room below the 60 s that the Deployments grant a pod.
	defaultShutdown = 30 * time.Second
)

// Options are the flags of one controller: a struct that embeds CommonOptions and adds its own. BindFlags and Validate of the whole call
// those of the embedded part.
type Options interface {
	// BindFlags registers the flags with their defaults.
	BindFlags(fs *pflag.FlagSet)
	// Validate reports every problem of the parsed values at once.
	Validate() error
	// Common returns the embedded part.
	Common() *CommonOptions
}

// CommonOptions are the flags that the controllers share. Fields that a controller sets before BindFlags are marked as such.
type CommonOptions struct {
	// Concurrent is how many objects of each kind are reconciled at once. Set before BindFlags it is the default of --concurrent; 0 means 4.
	Concurrent int
	// Omit names shared flags that the contract of this controller does not have. They keep their defaults and are unknown on the command
	// line. Set before BindFlags.
	Omit []string
	// ShutdownTimeout is how long the process may take to end after a signal, which is what its Deployment grants the pod; 0 means 30s. Running
	// reconciles get what the last events leave of it. Set at any time before Run reads it, by a flag of the controller where there is one.
	ShutdownTimeout time.Duration

	// MetricsAddr is where metrics and pprof are served; "0" turns them off.
	MetricsAddr string
	// HealthAddr is where /healthz and /readyz are served; "0" turns them off.
	HealthAddr string
	// EventsAddr is the URL that events are posted to; empty turns delivery off.
	EventsAddr string
	// DependencyRetry is the time until something that waits for another object is tried again when no watch woke it.
	DependencyRetry time.Duration

	// Access holds the rule for references across namespaces.
	Access acl.Options
	// Client limits the requests to the API server.
	Client ClientOptions
	// Jitter spreads intervals.
	Jitter jitter.IntervalOptions
	// LeaderElection says whether and how one of several replicas is elected.
	LeaderElection leaderelection.Options
	// Log says how much is logged, and in which form.
	Log logger.Options
	// RateLimit bounds the back-off after errors.
	RateLimit controller.RateLimiterOptions
	// Watch says which objects are seen.
	Watch controller.WatchOptions

	// Namespace is the namespace that the process runs in, from RUNTIME_NAMESPACE; empty outside a cluster.
	Namespace string
	// Gates holds the state of every feature gate of the program after parsing.
	Gates Gates

	gates map[string]bool
}

// ClientOptions limit the requests to an API server that does not share itself out. Those of fluxcd/pkg/runtime/client are the same, but come
// with kubectl and kustomize.
type ClientOptions struct {
	// QPS is the number of requests per second on average, Burst that of requests at once.
	QPS   float32
	Burst int
}

// BindFlags registers the flags.
func (o *ClientOptions) BindFlags(fs *pflag.FlagSet) {
	fs.Float32Var(&o.QPS, "kube-api-qps", 50, "The maximum queries-per-second of requests sent to the Kubernetes API.")
	fs.IntVar(&o.Burst, "kube-api-burst", 300, "The maximum burst queries-per-second of requests sent to the Kubernetes API.")
}

// Common returns the options themselves. It makes any struct that embeds CommonOptions satisfy Options.
func (o *CommonOptions) Common() *CommonOptions { return o }

// BindFlags registers the shared flags except those in Omit. Defaults of two addresses come from METRICS_ADDR and EVENTS_ADDR.
func (o *CommonOptions) BindFlags(fs *pflag.FlagSet) {
	o.Namespace = os.Getenv(controller.EnvRuntimeNamespace)
	o.ShutdownTimeout = cmp.Or(o.ShutdownTimeout, defaultShutdown)

	shared := pflag.NewFlagSet("shared", pflag.ContinueOnError)
	o.bindOwn(shared)
	o.Access.BindFlags(shared)
	o.Client.BindFlags(shared)
	o.Jitter.BindFlags(shared)
	o.LeaderElection.BindFlags(shared)
	o.Log.BindFlags(shared)
	o.RateLimit.BindFlags(shared)
	o.Watch.BindFlags(shared)
	shared.VisitAll(func(f *pflag.Flag) {
		if !slices.Contains(o.Omit, f.Name) {
			fs.AddFlag(f)
		}
	})
}

func (o *CommonOptions) bindOwn(fs *pflag.FlagSet) {
	fs.StringVar(&o.MetricsAddr, "metrics-addr", FromEnv("METRICS_ADDR", ":8080"),
		"Address that metrics and /debug/pprof/ are served on, host:port; 0 turns them off. Env METRICS_ADDR sets the default.")
	fs.StringVar(&o.HealthAddr, "health-addr", ":9440",
		"Address that /healthz and /readyz are served on, host:port; 0 turns them off.")
	fs.StringVar(&o.EventsAddr, "events-addr", FromEnv("EVENTS_ADDR", ""),
		"URL of the notification-controller that events are posted to; empty turns that off. Env EVENTS_ADDR sets the default.")
	fs.IntVar(&o.Concurrent, "concurrent", cmp.Or(o.Concurrent, defaultConcurrent),
		"How many objects of each kind are reconciled at the same time.")
	fs.DurationVar(&o.DependencyRetry, "requeue-dependency", 30*time.Second,
		"Time until an object that waits for another one is tried again when no watch woke it (duration).")
	fs.Var(cliflag.NewMapStringBool(&o.gates), "feature-gates",
		"Comma list of Name=true or Name=false that turns features on or off.")
}

// restMargin is for the rest of the end: the signal has to arrive, and the process to exit.
const restMargin = time.Second

// reconcilesEnd is how long running reconciles, and what else the manager runs, may take to end after a signal: at least half of the whole.
func (o *CommonOptions) reconcilesEnd() time.Duration {
	return max(o.ShutdownTimeout-restMargin-shutdownMargin-events.LongestEnd(o.EventsAddr), o.ShutdownTimeout/2)
}

// FromEnv returns the environment variable name, or fallback when it is unset or empty. Controllers use it for defaults of their own flags.
func FromEnv(name, fallback string) string {
	return cmp.Or(os.Getenv(name), fallback)
}

// WatchedNamespace is the only namespace whose objects are seen, empty for all.
func (o *CommonOptions) WatchedNamespace() string {
	if o.Watch.AllNamespaces {
		return ""
	}
	return o.Namespace
}

// leaseName is the name of the leader lease. Shards of one controller hold leases of their own.
func (o *CommonOptions) leaseName(program string) string {
	base := program + "-leader-election"
	if o.Watch.LabelSelector == "" {
		return base
	}
	return leaderelection.GenerateID(base, o.Watch.LabelSelector)
}

// usage is the text of --help.
func usage(name string, fs *pflag.FlagSet) string {
	return fmt.Sprintf("%s\n\nUsage:\n  %s [flags]\n\nFlags:\n%s", name, name, fs.FlagUsages())
}
