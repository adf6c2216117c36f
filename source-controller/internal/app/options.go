// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package app holds the flags of source-controller and builds what it is made of.
package app

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/weir-gitops/weir/kit/artifact"
	"github.com/weir-gitops/weir/kit/artifact/store"
	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/kit/manager"
)

// Feature gates. Flux: source-controller contract, "Feature gate".
const (
	gateObjectLevelIdentity = "ObjectLevelWorkloadIdentity"
	// gateOptimizedGitClones is historical and documented; what it names is always on. Quirk Q14 of the contract: accepted, without effect.
	gateOptimizedGitClones = "OptimizedGitClones"
)

// gates are the feature gates with their defaults.
func gates() map[string]bool {
	return map[string]bool{
		manager.GateCacheSecretsAndConfigMaps: false,
		gateObjectLevelIdentity:               false,
		gateOptimizedGitClones:                true,
	}
}

// Options are the flags of source-controller.
type Options struct {
	manager.CommonOptions

	// StoragePath is the directory of the artifacts.
	StoragePath string
	// StorageAddr is where artifacts are served, StorageAdvAddr where clients are told to fetch them.
	StorageAddr, StorageAdvAddr string
	// RetentionTTL and RetentionRecords say how long and how many artifacts of an object are kept.
	RetentionTTL     time.Duration
	RetentionRecords int
	// DigestAlgorithm names the hash of new artifacts.
	DigestAlgorithm string
	// SSH are preferences of SSH connections.
	SSH git.SSHAlgorithms

	// Helm are the flags of Helm repositories and charts.
	Helm HelmOptions

	later laterOptions
}

// laterOptions are flags of kinds and features that this version does not have yet. They are accepted, so that Deployments written for the
// compatibility target start, and have no effect.
type laterOptions struct {
	tokenCacheMaxSize     int
	tokenCacheMaxDuration time.Duration
	defaultServiceAccount string
}

// shutdownTimeout is what the Deployment grants the pod.
// Flux: source-controller contract, "Deployment shape".
const shutdownTimeout = 10 * time.Second

// NewOptions returns the defaults.
func NewOptions() *Options {
	return &Options{CommonOptions: manager.CommonOptions{
		Concurrent:      2,
		Omit:            []string{"no-cross-namespace-refs"},
		ShutdownTimeout: shutdownTimeout,
	}}
}

// BindFlags registers the flags.
func (o *Options) BindFlags(fs *pflag.FlagSet) {
	o.CommonOptions.BindFlags(fs)
	fs.StringVar(&o.StoragePath, "storage-path", manager.FromEnv("STORAGE_PATH", "/data"),
		"Directory of the artifacts; it has to exist. Env STORAGE_PATH sets the default.")
	fs.StringVar(&o.StorageAddr, "storage-addr", manager.FromEnv("STORAGE_ADDRESS", ":9090"),
		"Address that artifacts are served on, host:port. Env STORAGE_ADDRESS sets the default.")
	fs.StringVar(&o.StorageAdvAddr, "storage-adv-addr", manager.FromEnv("STORAGE_ADV_ADDR", ""),
		"Address that clients are told to fetch artifacts from, host[:port]; empty derives it from --storage-addr. Env STORAGE_ADV_ADDR sets the default.")
	fs.DurationVar(&o.RetentionTTL, "artifact-retention-ttl", time.Minute,
		"Time that an artifact stays after a newer one replaced it (duration).")
	fs.IntVar(&o.RetentionRecords, "artifact-retention-records", 2,
		"How many artifacts of an object are kept at most, the current one included.")
	fs.StringVar(&o.DigestAlgorithm, "artifact-digest-algo", string(artifact.SHA256),
		"Hash that names the content of artifacts: sha256, sha384, sha512, blake3 or sha1.")
	o.SSH.BindFlags(fs)
	o.Helm.bindFlags(fs)
	o.later.bind(fs)
}

func (l *laterOptions) bind(fs *pflag.FlagSet) {
	const later = " Accepted, without effect in this version."
	fs.IntVar(&l.tokenCacheMaxSize, "token-cache-max-size", 100, "Number of cached cloud tokens; 0 turns the cache off."+later)
	fs.DurationVar(&l.tokenCacheMaxDuration, "token-cache-max-duration", time.Hour, "Longest life of a cached cloud token (duration)."+later)
	fs.StringVar(&l.defaultServiceAccount, "default-service-account", "",
		"Service account whose cloud identity objects use that name none; needs the feature gate "+gateObjectLevelIdentity+"."+later)
}

// Validate reports every problem of the parsed values at once.
func (o *Options) Validate() error {
	errs := []error{o.CommonOptions.Validate(), o.Helm.validate(), o.SSH.Validate()}
	if info, err := os.Stat(o.StoragePath); err != nil || !info.IsDir() {
		errs = append(errs, fmt.Errorf("--storage-path: %s is not a directory", o.StoragePath))
	}
	if _, err := artifact.ParseAlgorithm(o.DigestAlgorithm); err != nil {
		errs = append(errs, fmt.Errorf("--artifact-digest-algo: %w", err))
	}
	if _, err := o.host(); err != nil {
		errs = append(errs, fmt.Errorf("--storage-addr: %w", err))
	}
	if o.later.defaultServiceAccount != "" && !o.Gates.Enabled(gateObjectLevelIdentity) {
		errs = append(errs, fmt.Errorf("--default-service-account needs the feature gate %s", gateObjectLevelIdentity))
	}
	return errors.Join(errs...)
}

// host is the address that clients fetch artifacts from.
func (o *Options) host() (string, error) {
	hostname, _ := os.Hostname()
	return store.Host(o.StorageAdvAddr, o.StorageAddr, cmp.Or(os.Getenv("HOSTNAME"), hostname))
}

// store opens the storage as the flags say.
func (o *Options) store() (*store.Store, error) {
	host, err := o.host()
	if err != nil {
		return nil, err
	}
	algorithm, err := artifact.ParseAlgorithm(o.DigestAlgorithm)
	if err != nil {
		return nil, err
	}
	return store.Open(store.Options{
		Path:      o.StoragePath,
		Host:      host,
		Algorithm: algorithm,
		TTL:       o.RetentionTTL,
		Records:   o.RetentionRecords,
	})
}
