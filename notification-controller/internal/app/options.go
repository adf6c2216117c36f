// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package app holds the flags of notification-controller and builds what it is made of.
package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"github.com/weir-gitops/weir/kit/manager"
	"github.com/weir-gitops/weir/notification-controller/internal/alert"
	"github.com/weir-gitops/weir/notification-controller/internal/outbox"
)

// Names of the feature gates. Flux: contract notification-controller, section 1.2.
const (
	gateCacheConfigs     = manager.GateCacheSecretsAndConfigMaps
	gateNoConfigWatchers = "DisableConfigWatchers"
	gateObjectIdentity   = alert.IdentityGate
)

func gates() map[string]bool {
	return map[string]bool{gateCacheConfigs: false, gateNoConfigWatchers: false, gateObjectIdentity: false}
}

const (
	// maxTokenLife is the longest that a token is cached, whatever --token-cache-max-duration says.
	maxTokenLife = time.Hour
	// shutdownTimeout is what the Deployment grants the pod (contract, section 1.4): drainTimeout for what is in the outbox, then time for requests
	// under way and for the Kubernetes Events that tell of failures.
	shutdownTimeout = 10 * time.Second
	drainTimeout    = 5 * time.Second
	mebibyte        = 1 << 20
	// outboxFolder is the name of the default folder of the outbox.
	outboxFolder = "weir-outbox"
)

// Options are the flags of notification-controller.
type Options struct {
	manager.CommonOptions

	// EventsListen is where events are taken. The shared flag of that name, a destination, does not exist here.
	EventsListen string
	// ReceiverAddr is where webhooks are taken.
	ReceiverAddr string
	// Window is the time in which the same event is a duplicate.
	Window time.Duration
	// PathMetrics puts the whole path of a request into its metrics.
	PathMetrics bool
	// TokenCacheSize and TokenCacheDuration bound the cache of tokens.
	TokenCacheSize     int
	TokenCacheDuration time.Duration
	// DefaultServiceAccount is accepted only empty.
	DefaultServiceAccount string
	// OutboxPath is the folder of accepted events. It belongs to one process.
	OutboxPath string
	// OutboxSize bounds that folder, in bytes.
	OutboxSize int64
	// OutboxAge is how long an event may wait for its turn.
	OutboxAge time.Duration

	// drain is drainTimeout, in tests another.
	drain time.Duration
}

// NewOptions returns the defaults.
func NewOptions() *Options {
	return &Options{drain: drainTimeout, CommonOptions: manager.CommonOptions{
		Concurrent:      4,
		ShutdownTimeout: shutdownTimeout,
		Omit:            []string{"events-addr", "watch-label-selector", "interval-jitter-percentage", "requeue-dependency"},
	}}
}

// BindFlags registers the flags.
func (o *Options) BindFlags(fs *pflag.FlagSet) {
	o.CommonOptions.BindFlags(fs)
	o.EventsAddr = "" // whatever the environment says: the controller never posts events to itself
	fs.StringVar(&o.EventsListen, "events-addr", ":9090", "address that events are taken at, host:port")
	fs.StringVar(&o.ReceiverAddr, "receiverAddr", ":9292", "address that webhooks are taken at, host:port")
	fs.DurationVar(&o.Window, "rate-limit-interval", 5*time.Minute,
		"time in which an event that says the same about the same object is a duplicate (duration); 0 and less mean 1s")
	fs.BoolVar(&o.PathMetrics, "export-http-path-metrics", false,
		"put the whole path of requests into the label handler of metrics; the paths of receivers are secrets")
	fs.IntVar(&o.TokenCacheSize, "token-cache-max-size", 100, "number of cached tokens of GitHub Apps; 0 caches none")
	fs.DurationVar(&o.TokenCacheDuration, "token-cache-max-duration", maxTokenLife, "longest life of a cached token (duration), at most 1h")
	fs.StringVar(&o.DefaultServiceAccount, "default-service-account", "",
		"service account for cloud identities (not supported yet by this version: only the empty value is accepted)")
	fs.StringVar(&o.OutboxPath, "outbox-path", filepath.Join(os.TempDir(), outboxFolder),
		"folder of accepted events that are not delivered yet, which no other process may use; what is in it survives as long as its volume")
	fs.Int64Var(&o.OutboxSize, "outbox-max-size", 64*mebibyte, "bytes of accepted events on disk, above which events are answered with 503")
	fs.DurationVar(&o.OutboxAge, "outbox-max-age", time.Hour, "time that an accepted event may wait for its turn before it is given up (duration)")
}

// Validate reports every problem at once.
func (o *Options) Validate() error {
	errs := []error{
		o.CommonOptions.Validate(), o.checkAccount(),
		manager.CheckAddress("events-addr", o.EventsListen), manager.CheckAddress("receiverAddr", o.ReceiverAddr),
	}
	if o.TokenCacheSize < 0 || o.TokenCacheDuration < 0 {
		errs = append(errs, errors.New("--token-cache-max-size and --token-cache-max-duration must not be negative"))
	}
	if o.OutboxPath == "" {
		errs = append(errs, errors.New("--outbox-path must not be empty"))
	}
	if o.OutboxSize < outbox.MinBytes {
		errs = append(errs, fmt.Errorf("--outbox-max-size must be at least %d, not %d", outbox.MinBytes, o.OutboxSize))
	}
	if o.OutboxAge <= 0 {
		errs = append(errs, fmt.Errorf("--outbox-max-age must be positive, not %s", o.OutboxAge))
	}
	return errors.Join(errs...)
}

func (o *Options) checkAccount() error {
	switch {
	case o.DefaultServiceAccount == "":
		return nil
	case !o.Gates.Enabled(gateObjectIdentity):
		return fmt.Errorf("--default-service-account needs the feature gate %s", gateObjectIdentity)
	}
	return errors.New("--default-service-account is not supported yet by this version")
}
