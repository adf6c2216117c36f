// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/weir-gitops/weir/cli/internal/session"
)

const (
	// newestRelease answers with the newest release of this command.
	newestRelease = "https://api.github.com/repos/weir-gitops/weir/releases/latest"
	// releaseTimeout is how long a check waits for that: it is a courtesy, and there are clusters that reach nothing outside.
	releaseTimeout = time.Second
	// maxReleaseBytes bounds the answer, which has a list of files and a text that people write.
	maxReleaseBytes = 1 << 20
)

// checkRelease says when there is a newer release of this command than the one that runs. That is no failure, and neither is it when nobody can tell.
// A build that is no release is not compared.
func checkRelease(ctx context.Context, s *session.Session, address, running string) {
	own, err := semver.NewVersion(running)
	if err != nil || own.Prerelease() != "" {
		return
	}
	newest, err := askRelease(ctx, address)
	if err == nil && own.LessThan(newest) {
		s.Failure("weir %s <%s (a newer version is available)", own, newest)
	}
}

// askRelease returns the version of the newest release.
func askRelease(ctx context.Context, address string) (*semver.Version, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var release struct {
		Version string `json:"tag_name"`
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxReleaseBytes)).Decode(&release); err != nil {
		return nil, err
	}
	return semver.NewVersion(release.Version) // an answer that is an error names none
}
