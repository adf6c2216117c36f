// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"github.com/weir-gitops/weir/kit/artifact"
	"github.com/weir-gitops/weir/kit/artifact/fetch"
	"github.com/weir-gitops/weir/kit/artifact/store"
	chartkit "github.com/weir-gitops/weir/kit/helmchart"
	"github.com/weir-gitops/weir/kit/manager"
	"github.com/weir-gitops/weir/kit/oci"
	"github.com/weir-gitops/weir/source-controller/internal/helmchart"
	"github.com/weir-gitops/weir/source-controller/internal/helmhttp"
	"github.com/weir-gitops/weir/source-controller/internal/helmindex"
	"github.com/weir-gitops/weir/source-controller/internal/helmrepository"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// unpackPatience is how long a chart waits for its source tree to be unpacked, which is work on this machine and not a wait for another one.
const unpackPatience = 10 * time.Minute

// HelmOptions are the flags of HelmRepository and HelmChart.
type HelmOptions struct {
	// MaxIndexBytes, MaxChartBytes and MaxChartFileBytes bound an index, a packaged chart and a file in a chart.
	MaxIndexBytes, MaxChartBytes, MaxChartFileBytes int64
	// CacheSize turns the counting of index lookups on. Indexes themselves are on disk and need no cache.
	CacheSize int
	// CacheTTL and CachePurgeInterval have no effect.
	CacheTTL, CachePurgeInterval string
}

func (o *HelmOptions) bindFlags(fs *pflag.FlagSet) {
	const onDisk = " Indexes are looked up on disk, so that this has no effect."
	fs.Int64Var(&o.MaxIndexBytes, "helm-index-max-size", 50<<20, "Largest Helm repository index, bytes.")
	fs.Int64Var(&o.MaxChartBytes, "helm-chart-max-size", 10<<20, "Largest Helm chart archive, bytes.")
	fs.Int64Var(&o.MaxChartFileBytes, "helm-chart-file-max-size", 5<<20, "Largest file in a Helm chart, bytes.")
	fs.IntVar(&o.CacheSize, "helm-cache-max-size", 0,
		"Number of Helm repository indexes kept in memory. Indexes are looked up on disk; more than 0 turns on the metric gotk_cache_events_total.")
	fs.StringVar(&o.CacheTTL, "helm-cache-ttl", "15m", "Time that an index is kept in memory (duration)."+onDisk)
	fs.StringVar(&o.CachePurgeInterval, "helm-cache-purge-interval", "1m", "Time between two looks for indexes to drop (duration)."+onDisk)
}

func (o *HelmOptions) validate() error {
	var errs []error
	for flag, text := range map[string]string{"--helm-cache-ttl": o.CacheTTL, "--helm-cache-purge-interval": o.CachePurgeInterval} {
		if _, err := time.ParseDuration(text); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", flag, err))
		}
	}
	for flag, size := range map[string]int64{
		"--helm-index-max-size": o.MaxIndexBytes, "--helm-chart-max-size": o.MaxChartBytes, "--helm-chart-file-max-size": o.MaxChartFileBytes,
	} {
		if size <= 0 {
			errs = append(errs, fmt.Errorf("%s: %d is not positive", flag, size))
		}
	}
	return errors.Join(errs...)
}

// shared are the dependencies that several kinds have.
type shared struct {
	publish.Base
	registries *oci.Client
}

// setupHelm registers HelmRepository and HelmChart.
func setupHelm(ctx context.Context, rt *manager.Runtime, opts *Options, with shared) error {
	algorithm, err := artifact.ParseAlgorithm(opts.DigestAlgorithm)
	if err != nil {
		return err
	}
	trees, err := newTrees(rt, opts, with.Store)
	if err != nil {
		return err
	}
	var lookups *helmindex.Lookups
	if opts.Helm.CacheSize > 0 {
		if lookups, err = helmindex.NewLookups(rt.Registry); err != nil {
			return err
		}
	}
	servers := helmhttp.NewClient()
	repositories := &helmrepository.Reconciler{
		Base: with.Base, HTTP: servers, MaxIndexBytes: opts.Helm.MaxIndexBytes, Algorithm: algorithm, Lookups: lookups,
	}
	charts := &helmchart.Reconciler{
		Base: with.Base, Trees: trees, HTTP: servers, Registries: with.registries,
		Limits:        chartkit.Limits{ArchiveBytes: opts.Helm.MaxChartBytes, FileBytes: opts.Helm.MaxChartFileBytes},
		MaxIndexBytes: opts.Helm.MaxIndexBytes, Retry: opts.DependencyRetry, Lookups: lookups,
	}
	return errors.Join(
		repositories.Setup(rt.Manager, rt.ControllerOptions()),
		charts.Setup(ctx, rt.Manager, rt.ControllerOptions()),
	)
}

// newTrees makes the cache of source trees that charts are built from. It reads artifacts from the storage of this process and is emptied when
// the process starts. Every storage has a folder of its own, so that two processes on one machine do not meet.
func newTrees(rt *manager.Runtime, opts *Options, artifacts *store.Store) (*fetch.Cache, error) {
	absolute, err := filepath.Abs(opts.StoragePath)
	if err != nil {
		return nil, fmt.Errorf("find storage: %w", err)
	}
	sum := sha256.Sum256([]byte(absolute))
	dir := filepath.Join(os.TempDir(), name+"-trees-"+hex.EncodeToString(sum[:4]))
	trees, err := fetch.New(fetch.Options{
		Dir:        dir,
		Patience:   unpackPatience,
		Client:     &http.Client{Transport: helmchart.LocalStorage{Store: artifacts}},
		Registerer: rt.Registry,
	})
	if err != nil {
		return nil, fmt.Errorf("open cache of source trees: %w", err)
	}
	// The empty folder stays: the next process may have taken it already.
	rt.AtEnd(trees.Close)
	return trees, nil
}
