// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
)

const (
	// cgroupRoot is where the control group of a container is mounted.
	cgroupRoot = "/sys/fs/cgroup"
	// minOOMInterval keeps the watch from using up what it guards.
	// Flux: helm-controller contract, section 17.1.
	minOOMInterval = 50 * time.Millisecond
	// maxCounterBytes bounds what is read of a counter, which is a number of at most twenty digits.
	maxCounterBytes = 64
)

// oomOptions say when the process ends itself because its memory is almost used up: an orderly end lets Helm actions record what they did,
// which the kernel would not.
type oomOptions struct {
	interval           time.Duration
	threshold          uint8 // percent
	maxPath, usagePath string
}

func (o *oomOptions) bind(fs *pflag.FlagSet) {
	fs.DurationVar(&o.interval, "oom-watch-interval", 500*time.Millisecond, "time between two looks at the memory in use, at least 50ms (duration)")
	fs.Uint8Var(&o.threshold, "oom-watch-memory-threshold", 95, "percent of the memory limit at which the process ends, 1 to 100")
	fs.StringVar(&o.maxPath, "oom-watch-max-memory-path", "", "file with the memory limit; empty finds it below "+cgroupRoot)
	fs.StringVar(&o.usagePath, "oom-watch-current-memory-path", "", "file with the memory in use; empty finds it below "+cgroupRoot)
}

func (o *oomOptions) validate() error {
	var errs []error
	if o.interval < minOOMInterval {
		errs = append(errs, fmt.Errorf("--oom-watch-interval must be at least %s, not %s", minOOMInterval, o.interval))
	}
	if o.threshold < 1 || o.threshold > 100 {
		errs = append(errs, fmt.Errorf("--oom-watch-memory-threshold must be 1 to 100, not %d", o.threshold))
	}
	return errors.Join(errs...)
}

// oomWatcher ends the process when the memory in use reaches the limit. It is a runnable of the manager: its error makes the manager end as
// it does after a signal.
type oomWatcher struct {
	interval  time.Duration
	limit     uint64 // bytes in use from which on the process ends
	usagePath string
	log       logr.Logger
}

// newOOMWatcher finds the files of the control group below root. A limit that is not a number is an error: there would be nothing to watch.
func newOOMWatcher(o oomOptions, root string, log logr.Logger) (*oomWatcher, error) {
	maxPath, usagePath := o.maxPath, o.usagePath
	if maxPath == "" {
		maxPath = firstFile(filepath.Join(root, "memory.max"), filepath.Join(root, "memory", "memory.limit_in_bytes"))
	}
	if usagePath == "" {
		usagePath = firstFile(filepath.Join(root, "memory.current"), filepath.Join(root, "memory", "memory.usage_in_bytes"))
	}
	limit, err := readCounter(maxPath)
	if err != nil {
		return nil, fmt.Errorf("OOM watch: read the memory limit: %w", err)
	}
	if _, err := readCounter(usagePath); err != nil {
		return nil, fmt.Errorf("OOM watch: read the memory in use: %w", err)
	}
	// Not limit*percent/100, which overflows for the huge number that version 1 has for no limit.
	threshold := uint64(math.Ceil(float64(limit) / 100 * float64(o.threshold)))
	return &oomWatcher{interval: o.interval, limit: threshold, usagePath: usagePath, log: log}, nil
}

// firstFile returns the first path that exists, or the last.
func firstFile(paths ...string) string {
	for _, path := range paths[:len(paths)-1] {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return paths[len(paths)-1]
}

// Start looks at the memory in use until ctx ends or the limit is reached.
func (w *oomWatcher) Start(ctx context.Context) error {
	ticker := time.NewTicker(w.interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		used, err := readCounter(w.usagePath)
		if err != nil {
			w.log.Error(err, "memory in use cannot be read")
			continue
		}
		if used >= w.limit {
			return fmt.Errorf("memory in use reached the threshold: %d of %d bytes", used, w.limit)
		}
	}
}

// NeedLeaderElection says no: a replica that waits can run out of memory, too.
func (w *oomWatcher) NeedLeaderElection() bool { return false }

func readCounter(path string) (uint64, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close() // read only
	text, err := io.ReadAll(io.LimitReader(file, maxCounterBytes))
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", path, err)
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is not a number of bytes", path, strings.TrimSpace(string(text)))
	}
	return n, nil
}
