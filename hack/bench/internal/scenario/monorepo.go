// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/weir-gitops/weir/hack/bench/internal/env"
	"github.com/weir-gitops/weir/hack/bench/internal/fleet"
	"github.com/weir-gitops/weir/hack/bench/internal/observe"
	"github.com/weir-gitops/weir/hack/bench/internal/result"
)

// monorepo is a GitRepository of 20,000 files.
func monorepo(ctx context.Context, e *env.Env) error {
	files := fleet.Monorepo{Files: 20_000}
	repo, err := e.Git.Create(ctx, result.Monorepo)
	if err != nil {
		return err
	}
	e.Progress("generating a repository of %d files", files.Files)
	commit, err := repo.Stage(ctx, "all files", files.All())
	if err != nil {
		return err
	}
	if err := repo.Push(ctx, commit); err != nil {
		return err
	}
	watch, err := observe.Start(ctx, e.Client, observe.Scope{Resource: gitRepositories(), Namespace: env.SystemNamespace})
	if err != nil {
		return err
	}
	defer watch.Stop()
	err = e.Step(ctx, result.FirstFetch, func(ctx context.Context, s *result.Step) error {
		start := time.Now()
		_, err := system(e, gitRepositories()).Create(ctx, gitRepository(result.Monorepo, repo.URL), metav1.CreateOptions{})
		if err != nil {
			return fmt.Errorf("create GitRepository: %w", err)
		}
		return settle(ctx, watch, stored(commit, result.Monorepo), start, s)
	})
	if err != nil {
		return err
	}
	if commit, err = repo.Stage(ctx, "one line", files.OneLine(2)); err != nil {
		return err
	}
	err = e.Step(ctx, result.OneLinePush, func(ctx context.Context, s *result.Step) error {
		start := time.Now()
		if err := repo.Push(ctx, commit); err != nil {
			return err
		}
		if _, err := request(ctx, e, gitRepositories(), result.Monorepo); err != nil {
			return err
		}
		return settle(ctx, watch, stored(commit, result.Monorepo), start, s)
	})
	if err != nil {
		return err
	}
	source, err := system(e, gitRepositories()).Get(ctx, result.Monorepo, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("read GitRepository: %w", err)
	}
	url, digest := observe.Field(source, "status", "artifact", "url"), observe.Field(source, "status", "artifact", "digest")
	return verifyArtifact(ctx, url, digest, files.All(), files.OneLine(2))
}
