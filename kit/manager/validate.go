// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"

	"github.com/fluxcd/pkg/runtime/controller"
	"k8s.io/apimachinery/pkg/labels"
)

// minRenewRatio is how many times longer than the retry period the renew deadline has to be (client-go: leaderelection.JitterFactor).
const minRenewRatio = 1.2

// Validate reports every problem of the shared flags at once.
func (o *CommonOptions) Validate() error {
	return errors.Join(
		checkListen("metrics-addr", o.MetricsAddr),
		checkListen("health-addr", o.HealthAddr),
		checkEventsAddr(o.EventsAddr),
		o.checkWork(),
		o.checkLog(),
		o.checkLeaderElection(),
		o.checkWatch(),
	)
}

// checkListen accepts what net.Listen does, plus "0" for off (controller-runtime's convention).
func checkListen(flag, addr string) error {
	if addr == "0" {
		return nil
	}
	return CheckAddress(flag, addr)
}

// CheckAddress accepts the value of a flag that is an address to listen on.
func CheckAddress(flag, addr string) error {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return fmt.Errorf("--%s: %q is not host:port", flag, addr)
	}
	return nil
}

func checkEventsAddr(addr string) error {
	if addr == "" {
		return nil
	}
	u, err := url.Parse(addr)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		// The text of a URL that does not parse may hold a password, so it is not repeated.
		return errors.New("--events-addr: not an http:// or https:// URL")
	}
	return nil
}

func (o *CommonOptions) checkWork() error {
	var errs []error
	if o.Concurrent < 1 {
		errs = append(errs, fmt.Errorf("--concurrent: %d is less than 1", o.Concurrent))
	}
	if o.Jitter.Percentage >= 100 {
		errs = append(errs, fmt.Errorf("--interval-jitter-percentage: %d is not within 0 to 99", o.Jitter.Percentage))
	}
	if o.RateLimit.MinRetryDelay <= 0 || o.RateLimit.MaxRetryDelay < o.RateLimit.MinRetryDelay {
		errs = append(errs, fmt.Errorf("--min-retry-delay, --max-retry-delay: need 0 < min <= max, got %s and %s",
			o.RateLimit.MinRetryDelay, o.RateLimit.MaxRetryDelay))
	}
	if o.DependencyRetry <= 0 {
		errs = append(errs, fmt.Errorf("--requeue-dependency: %s is not positive", o.DependencyRetry))
	}
	return errors.Join(errs...)
}

func (o *CommonOptions) checkLog() error {
	var errs []error
	if _, ok := logLevel(o.Log.LogLevel); !ok {
		errs = append(errs, fmt.Errorf("--log-level: %q is none of trace, debug, info, error", o.Log.LogLevel))
	}
	if !slices.Contains([]string{encodingJSON, encodingConsole}, o.Log.LogEncoding) {
		errs = append(errs, fmt.Errorf("--log-encoding: %q is none of json, console", o.Log.LogEncoding))
	}
	return errors.Join(errs...)
}

func (o *CommonOptions) checkLeaderElection() error {
	le := o.LeaderElection
	if !le.Enable {
		return nil
	}
	if le.RetryPeriod <= 0 || float64(le.RenewDeadline) <= minRenewRatio*float64(le.RetryPeriod) || le.LeaseDuration <= le.RenewDeadline {
		return fmt.Errorf("--leader-election-*: need lease duration > renew deadline > %g * retry period, got %s, %s and %s",
			minRenewRatio, le.LeaseDuration, le.RenewDeadline, le.RetryPeriod)
	}
	return nil
}

func (o *CommonOptions) checkWatch() error {
	var errs []error
	if _, err := controller.GetWatchSelector(o.Watch); err != nil {
		errs = append(errs, fmt.Errorf("--watch-label-selector: %w", err))
	}
	if _, err := labels.Parse(o.Watch.ConfigsLabelSelector); err != nil {
		errs = append(errs, fmt.Errorf("--watch-configs-label-selector: %w", err))
	}
	if !o.Watch.AllNamespaces && o.Namespace == "" {
		errs = append(errs, fmt.Errorf("--watch-all-namespaces=false needs the environment variable %s", controller.EnvRuntimeNamespace))
	}
	return errors.Join(errs...)
}
