// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package env

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// profile takes CPU profiles of the controllers, if wanted. The function it
// returns waits for them.
func (e *Env) profile(ctx context.Context, step string) func() error {
	if e.options.Profiles == "" {
		return func() error { return nil }
	}
	errs := make([]error, len(e.controllers))
	var taking sync.WaitGroup
	for i, c := range e.controllers {
		name := strings.NewReplacer(" ", "-", ",", "").Replace(step) + "-" + c.Name() + ".pprof"
		taking.Go(func() {
			errs[i] = download(ctx, filepath.Join(e.options.Profiles, name),
				fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", c.Metrics, int(e.options.ProfileTime/time.Second)))
		})
	}
	return func() error {
		taking.Wait()
		return errors.Join(errs...)
	}
}

// download stores what a URL gives.
func download(ctx context.Context, path, url string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("create folder for profiles: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("take profile: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("take profile: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("take profile: %s", response.Status)
	}
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("store profile: %w", err)
	}
	_, err = io.Copy(file, response.Body)
	return errors.Join(err, file.Close())
}
