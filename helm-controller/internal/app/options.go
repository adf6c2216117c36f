// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package app holds the flags of helm-controller and builds what it is made of.
package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"github.com/weir-gitops/weir/kit/artifact"
	"github.com/weir-gitops/weir/kit/manager"
)

// Names of the feature gates. Flux: helm-controller contract, section 17.1.
const (
	gateAdditiveDependencyCheck = "AdditiveCELDependencyCheck"
	gateAdoptLegacyReleases     = "AdoptLegacyReleases"
	gateAllowDNSLookups         = "AllowDNSLookups"
	gateCancelHealthCheck       = "CancelHealthCheckOnNewRevision"
	gateCorrectDrift            = "CorrectDrift"
	gateDetectDrift             = "DetectDrift"
	gateRetryOnFailure          = "DefaultToRetryOnFailure"
	gateDirectSourceFetch       = "DirectSourceFetch"
	gateNoDigestTracking        = "DisableChartDigestTracking"
	gateNoConfigWatchers        = "DisableConfigWatchers"
	gateExternalArtifact        = "ExternalArtifact"
	gateObjectLevelIdentity     = "ObjectLevelWorkloadIdentity"
	gateOOMWatch                = "OOMWatch"
	gateHelm3Defaults           = "UseHelm3Defaults"
)

// gates are the feature gates with their defaults. AdoptLegacyReleases, CorrectDrift and DetectDrift are remnants that change nothing.
func gates() map[string]bool {
	return map[string]bool{
		gateAdditiveDependencyCheck: false, gateAdoptLegacyReleases: false, gateAllowDNSLookups: false,
		manager.GateCacheSecretsAndConfigMaps: false, gateCancelHealthCheck: false, gateCorrectDrift: false, gateDetectDrift: false,
		gateRetryOnFailure: false, gateDirectSourceFetch: false, gateNoDigestTracking: false, gateNoConfigWatchers: false,
		gateExternalArtifact: false, gateObjectLevelIdentity: false, gateOOMWatch: false, gateHelm3Defaults: false,
	}
}

const (
	// shutdownTimeout is what the Deployment grants the pod. Flux: helm-controller contract, section 17.1.
	shutdownTimeout = 600 * time.Second
	// artifactFolder is the name of the default folder of unpacked charts.
	artifactFolder = "weir-charts"

	mebibyte = 1 << 20
)

// Options are the flags of helm-controller.
type Options struct {
	manager.CommonOptions

	// DefaultServiceAccount acts for HelmReleases that name none.
	DefaultServiceAccount string
	// HTTPRetry is how often the download of a chart is tried again.
	HTTPRetry int
	// HTTPTimeout bounds one attempt of a download.
	HTTPTimeout time.Duration
	// OverrideManagers are more field managers whose fields drift detection takes over.
	OverrideManagers []string
	// DigestAlgorithm makes the digests of snapshots and values.
	DigestAlgorithm string
	// ArtifactCachePath is the folder of the unpacked charts. It belongs to one process.
	ArtifactCachePath string
	// ArtifactCacheSize bounds the unpacked charts on disk, in bytes.
	ArtifactCacheSize int64
	// OOM says when the process ends itself for want of memory.
	OOM oomOptions

	unsupported unsupportedOptions
}

// unsupportedOptions are flags that the contract has and this version cannot honour. Those that would choose an identity are accepted only
// empty, so that nobody believes in a protection that is not there.
type unsupportedOptions struct {
	kubeConfigAccount             string
	kubeConfigExec, kubeConfigTLS bool
	tokenCacheSize                int
	tokenCacheDuration            time.Duration
}

// NewOptions returns the defaults.
func NewOptions() *Options {
	return &Options{CommonOptions: manager.CommonOptions{Concurrent: 4, ShutdownTimeout: shutdownTimeout}}
}

// BindFlags registers the flags.
func (o *Options) BindFlags(fs *pflag.FlagSet) {
	o.CommonOptions.BindFlags(fs)
	fs.StringVar(&o.DefaultServiceAccount, "default-service-account", "", "service account that acts for HelmReleases that name none")
	fs.DurationVar(&o.ShutdownTimeout, "graceful-shutdown-timeout", o.ShutdownTimeout, "longest time that the process takes to end after a signal; running Helm actions get nearly all of it (duration)")
	fs.IntVar(&o.HTTPRetry, "http-retry", 9, "number of times the download of a chart is tried again")
	fs.DurationVar(&o.HTTPTimeout, "http-timeout", 30*time.Second, "longest time of one attempt to download a chart (duration)")
	fs.StringArrayVar(&o.OverrideManagers, "override-manager", nil, "field manager whose fields drift detection takes over; may be repeated")
	fs.StringVar(&o.DigestAlgorithm, "snapshot-digest-algo", string(artifact.SHA256),
		"hash that makes the digests in the status: sha256, sha384, sha512, blake3 or sha1")
	fs.StringVar(&o.ArtifactCachePath, "artifact-cache-path", filepath.Join(os.TempDir(), artifactFolder),
		"folder of unpacked charts, which no other process may use")
	fs.Int64Var(&o.ArtifactCacheSize, "artifact-cache-size", 256*mebibyte, "bytes of unpacked charts kept on disk for the next run")
	o.OOM.bind(fs)
	o.unsupported.bind(fs)
}

func (u *unsupportedOptions) bind(fs *pflag.FlagSet) {
	const later = "; without effect until remote clusters are supported"
	fs.StringVar(&u.kubeConfigAccount, "default-kubeconfig-service-account", "",
		"service account for remote clusters (not supported yet by this version: only the empty value is accepted)")
	fs.BoolVar(&u.kubeConfigExec, "insecure-kubeconfig-exec", false, "allow exec plugins in kubeconfigs"+later)
	fs.BoolVar(&u.kubeConfigTLS, "insecure-kubeconfig-tls", false, "allow kubeconfigs without TLS checks"+later)
	fs.IntVar(&u.tokenCacheSize, "token-cache-max-size", 100, "number of cached cloud tokens"+later)
	fs.DurationVar(&u.tokenCacheDuration, "token-cache-max-duration", time.Hour, "longest life of a cached cloud token (duration)"+later)
}

// Validate reports every problem at once.
func (o *Options) Validate() error {
	errs := []error{o.CommonOptions.Validate(), o.OOM.validate()}
	if o.unsupported.kubeConfigAccount != "" {
		errs = append(errs, errors.New("--default-kubeconfig-service-account is not supported yet by this version"))
	}
	if o.HTTPRetry < 0 {
		errs = append(errs, fmt.Errorf("--http-retry must not be negative, not %d", o.HTTPRetry))
	}
	if o.HTTPTimeout <= 0 {
		errs = append(errs, fmt.Errorf("--http-timeout must be positive, not %s", o.HTTPTimeout))
	}
	if o.ShutdownTimeout <= 0 {
		errs = append(errs, fmt.Errorf("--graceful-shutdown-timeout must be positive, not %s", o.ShutdownTimeout))
	}
	if o.ArtifactCacheSize < 0 {
		errs = append(errs, errors.New("--artifact-cache-size must not be negative"))
	}
	if _, err := artifact.ParseAlgorithm(o.DigestAlgorithm); err != nil {
		errs = append(errs, fmt.Errorf("--snapshot-digest-algo: %w", err))
	}
	return errors.Join(errs...)
}
