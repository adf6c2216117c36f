// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package app holds the flags of image-automation-controller and builds what it is made of.
package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/kit/manager"
)

// Names of the feature gates. Flux: image-automation-controller contract, "Feature gates".
const (
	gateForcePushBranch     = "GitForcePushBranch"
	gateShallowClone        = "GitShallowClone"
	gateAllReferences       = "GitAllBranchReferences"
	gateSparseCheckout      = "GitSparseCheckout"
	gateFluxStorage         = "FluxStorage"
	gateObjectLevelIdentity = "ObjectLevelWorkloadIdentity"
)

// gates are the feature gates with their defaults. Three of them ask for what Weir does anyway and change nothing: mirrors are shallow and
// incremental, nothing is checked out, and tags are stored in files.
func gates() map[string]bool {
	return map[string]bool{
		gateForcePushBranch: true, gateShallowClone: true, gateAllReferences: true, gateSparseCheckout: false, gateFluxStorage: false,
		manager.GateCacheSecretsAndConfigMaps: false, gateObjectLevelIdentity: false,
	}
}

// Options are the flags of image-automation-controller.
type Options struct {
	manager.CommonOptions

	// StoragePath is the directory of the tags.
	StoragePath string
	// CompressionThreshold is the size, in KiB, from which on a file of tags is compressed.
	CompressionThreshold int
	// GCInterval is the number of minutes between two looks for tags that nobody needs any more; 0 turns that off.
	GCInterval uint16
	// GitCachePath is the folder of the mirrors of Git repositories. It belongs to one process.
	GitCachePath string
	// SSH are preferences of SSH connections.
	SSH git.SSHAlgorithms

	later laterOptions
}

// laterOptions are flags without effect in this version. They are accepted, so that Deployments written for the compatibility target start.
type laterOptions struct {
	valueLogFileSize      int64
	tokenCacheMaxSize     int
	tokenCacheMaxDuration time.Duration
	defaultServiceAccount string
}

const (
	// shutdownTimeout is what the Deployment grants the pod.
	// Flux: image-automation-controller contract, "Shipped manifest".
	shutdownTimeout = 10 * time.Second
	// gitCacheFolder is the name of the default folder of mirrors.
	gitCacheFolder = "weir-git"
)

// NewOptions returns the defaults.
func NewOptions() *Options {
	return &Options{CommonOptions: manager.CommonOptions{
		Omit:            []string{"interval-jitter-percentage"},
		ShutdownTimeout: shutdownTimeout,
	}}
}

// BindFlags registers the flags.
func (o *Options) BindFlags(fs *pflag.FlagSet) {
	o.CommonOptions.BindFlags(fs)
	fs.StringVar(&o.StoragePath, "storage-path", "/data", "Directory of the tags that scans found.")
	fs.IntVar(&o.CompressionThreshold, "storage-compression-threshold", 64, "Size from which on a file of tags is compressed, KiB.")
	fs.Uint16Var(&o.GCInterval, "gc-interval", 10, "Minutes between two looks for tags of objects that are gone; 0 turns that off.")
	fs.StringVar(&o.GitCachePath, "git-cache-path", filepath.Join(os.TempDir(), gitCacheFolder),
		"Folder of the mirrors of Git repositories, which no other process may use; created when it does not exist.")
	o.SSH.BindFlags(fs)
	o.later.bind(fs)
}

func (l *laterOptions) bind(fs *pflag.FlagSet) {
	const later = " Accepted, without effect in this version."
	fs.Int64Var(&l.valueLogFileSize, "storage-value-log-file-size", 256<<20, "Size of a log file of the tag database, bytes."+later)
	fs.IntVar(&l.tokenCacheMaxSize, "token-cache-max-size", 100, "Number of cached cloud tokens; 0 turns the cache off."+later)
	fs.DurationVar(&l.tokenCacheMaxDuration, "token-cache-max-duration", time.Hour, "Longest life of a cached cloud token (duration)."+later)
	fs.StringVar(&l.defaultServiceAccount, "default-service-account", "",
		"Service account whose cloud identity objects use that name none; needs the feature gate "+gateObjectLevelIdentity+"."+later)
}

// Validate reports every problem of the parsed values at once.
func (o *Options) Validate() error {
	errs := []error{o.CommonOptions.Validate(), o.SSH.Validate()}
	if o.CompressionThreshold <= 0 && o.Gates.Enabled(gateFluxStorage) {
		errs = append(errs, fmt.Errorf("--storage-compression-threshold: %d is not positive", o.CompressionThreshold))
	}
	if o.later.defaultServiceAccount != "" && !o.Gates.Enabled(gateObjectLevelIdentity) {
		errs = append(errs, fmt.Errorf("--default-service-account needs the feature gate %s", gateObjectLevelIdentity))
	}
	return errors.Join(errs...)
}
