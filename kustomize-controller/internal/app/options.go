// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package app holds the flags of kustomize-controller and builds what it is made of.
package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/weir-gitops/weir/kit/apply"
	"github.com/weir-gitops/weir/kit/manager"
)

// Names of the feature gates. Flux: kustomize-controller contract, "Feature gates".
const (
	gateStrictSubstitutions     = "StrictPostBuildSubstitutions"
	gateCacheConfigs            = "CacheSecretsAndConfigMaps"
	gateNoPollerCache           = "DisableStatusPollerCache"
	gateNoFailFast              = "DisableFailFastBehavior"
	gateGroupChangeLog          = "GroupChangeLog"
	gateAdditiveDependencyCheck = "AdditiveCELDependencyCheck"
	gateExternalArtifact        = "ExternalArtifact"
	gateCancelHealthCheck       = "CancelHealthCheckOnNewRevision"
	gateNoConfigWatchers        = "DisableConfigWatchers"
	gateDirectSourceFetch       = "DirectSourceFetch"
	gateMigrateAPIVersion       = "MigrateAPIVersion"
	gateObjectLevelIdentity     = "ObjectLevelWorkloadIdentity"
)

// gates are the feature gates with their defaults. Two of them ask for what Weir does anyway and change nothing: health is fed by watches, so
// there is no poller to cache for, and a newer revision always ends the wait for an older one.
func gates() map[string]bool {
	return map[string]bool{
		gateStrictSubstitutions: true, gateCacheConfigs: false, gateNoPollerCache: true, gateNoFailFast: false, gateGroupChangeLog: false,
		gateAdditiveDependencyCheck: false, gateExternalArtifact: false, gateCancelHealthCheck: false, gateNoConfigWatchers: false,
		gateDirectSourceFetch: false, gateMigrateAPIVersion: false, gateObjectLevelIdentity: false,
	}
}

// Options are the flags of kustomize-controller.
type Options struct {
	manager.CommonOptions

	// ConcurrentSSA is how many objects of one Kustomization are dry-run or applied at once.
	ConcurrentSSA int
	// NoRemoteBases refuses kustomization files that load from Git or HTTP.
	NoRemoteBases bool
	// HTTPRetry is how often the download of an artifact is tried again.
	HTTPRetry int
	// DefaultServiceAccount acts for Kustomizations that name none.
	DefaultServiceAccount string
	// OverrideManagers are more field managers whose fields are taken over.
	OverrideManagers []string
	// StageKinds are the kinds, as a comma list of group/Kind, that are applied in a stage of their own.
	StageKinds string
	// ArtifactCachePath is the folder of the unpacked artifacts. It belongs to one process.
	ArtifactCachePath string
	// ArtifactCacheSize bounds the unpacked artifacts on disk, in bytes.
	ArtifactCacheSize int64
	// BuildCacheSize bounds the rendered manifests kept in memory, in bytes.
	BuildCacheSize int64

	unsupported unsupportedOptions
}

// unsupportedOptions are flags that the contract has and this version cannot honour. They are accepted only empty, so that nobody believes in
// a protection or a key that is not there.
type unsupportedOptions struct {
	decryptionAccount, kubeConfigAccount, ageSecret, vaultConfigMap string
	kubeConfigExec, kubeConfigTLS                                   bool
	tokenCacheSize                                                  int
	tokenCacheDuration                                              string
}

const mebibyte = 1 << 20

// artifactFolder is the name of the default folder of unpacked artifacts. It must not begin with "kustomize-": what does belongs to the
// clones that kustomize makes of remote bases, which builds may read.
const artifactFolder = "weir-artifacts"

// NewOptions returns the defaults.
func NewOptions() *Options {
	return &Options{CommonOptions: manager.CommonOptions{Concurrent: 4}}
}

// BindFlags registers the flags.
func (o *Options) BindFlags(fs *pflag.FlagSet) {
	o.CommonOptions.BindFlags(fs)
	fs.IntVar(&o.ConcurrentSSA, "concurrent-ssa", 4, "number of objects of one Kustomization that are dry-run or applied at once")
	fs.BoolVar(&o.NoRemoteBases, "no-remote-bases", false, "refuse kustomization files that load from Git or HTTP")
	fs.IntVar(&o.HTTPRetry, "http-retry", 9, "number of times the download of an artifact is tried again")
	fs.StringVar(&o.DefaultServiceAccount, "default-service-account", "", "service account that acts for Kustomizations that name none")
	fs.StringArrayVar(&o.OverrideManagers, "override-manager", nil, "field manager whose fields are taken over, besides kubectl's; may be repeated")
	fs.StringVar(&o.StageKinds, "custom-apply-stage-kinds", "", "kinds, as a comma list of group/Kind, that are applied after classes and before everything else")
	fs.StringVar(&o.ArtifactCachePath, "artifact-cache-path", filepath.Join(os.TempDir(), artifactFolder),
		"folder of unpacked artifacts, which no other process may use")
	fs.Int64Var(&o.ArtifactCacheSize, "artifact-cache-size", 512*mebibyte, "bytes of unpacked artifacts kept on disk for the next run")
	fs.Int64Var(&o.BuildCacheSize, "build-cache-size", 32*mebibyte, "bytes of rendered manifests kept in memory for the next run")
	o.unsupported.bind(fs)
}

func (u *unsupportedOptions) bind(fs *pflag.FlagSet) {
	const later = " (not supported yet by this version: only the empty value is accepted)"
	fs.StringVar(&u.decryptionAccount, "default-decryption-service-account", "", "service account for decryption"+later)
	fs.StringVar(&u.kubeConfigAccount, "default-kubeconfig-service-account", "", "service account for remote clusters"+later)
	fs.StringVar(&u.ageSecret, "sops-age-secret", "", "Secret with age keys for all Kustomizations"+later)
	fs.StringVar(&u.vaultConfigMap, "sops-vault-configmap", "", "ConfigMap with Vault instances"+later)
	fs.BoolVar(&u.kubeConfigExec, "insecure-kubeconfig-exec", false, "allow exec plugins in kubeconfigs; without effect until remote clusters are supported")
	fs.BoolVar(&u.kubeConfigTLS, "insecure-kubeconfig-tls", false, "allow kubeconfigs without TLS checks; without effect until remote clusters are supported")
	fs.IntVar(&u.tokenCacheSize, "token-cache-max-size", 100, "number of cached cloud tokens; without effect until cloud identities are supported")
	fs.StringVar(&u.tokenCacheDuration, "token-cache-max-duration", "1h", "longest life of a cached cloud token; without effect until cloud identities are supported")
}

// Validate reports every problem at once.
func (o *Options) Validate() error {
	errs := []error{o.CommonOptions.Validate(), o.unsupported.validate()}
	if o.ConcurrentSSA < 1 {
		errs = append(errs, fmt.Errorf("--concurrent-ssa must be at least 1, not %d", o.ConcurrentSSA))
	}
	if o.HTTPRetry < 0 {
		errs = append(errs, fmt.Errorf("--http-retry must not be negative, not %d", o.HTTPRetry))
	}
	if o.ArtifactCacheSize < 0 || o.BuildCacheSize < 0 {
		errs = append(errs, errors.New("--artifact-cache-size and --build-cache-size must not be negative"))
	}
	if _, err := apply.ParseStageKinds(o.StageKinds); err != nil {
		errs = append(errs, fmt.Errorf("--custom-apply-stage-kinds: %w", err))
	}
	return errors.Join(errs...)
}

func (u *unsupportedOptions) validate() error {
	var errs []error
	for flag, value := range map[string]string{
		"default-decryption-service-account": u.decryptionAccount, "default-kubeconfig-service-account": u.kubeConfigAccount,
		"sops-age-secret": u.ageSecret, "sops-vault-configmap": u.vaultConfigMap,
	} {
		if value != "" {
			errs = append(errs, fmt.Errorf("--%s is not supported yet by this version", flag))
		}
	}
	return errors.Join(errs...)
}
