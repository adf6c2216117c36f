// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package forge

import (
	"context"

	gitlab "gitlab.com/gitlab-org/api/client-go"

	"github.com/weir-gitops/weir/notification-controller/internal/notify/delivery"
)

// gitLab writes commit statuses on GitLab.
type gitLab struct{ *host }

// GitLab returns the notifier of a project on GitLab.
func GitLab(o delivery.Options) (delivery.Notifier, error) {
	h, err := newHost(o, "gitlab", false)
	if err != nil {
		return nil, err
	}
	h.write = gitLab{host: h}.create
	return h, nil
}

func (g gitLab) create(ctx context.Context, exchange *delivery.Exchange, s status) error {
	client, err := gitlab.NewClient(g.token,
		gitlab.WithBaseURL(g.repo.base.String()), gitlab.WithHTTPClient(exchange.Client()),
		// Retries are the sender's, and nothing here may wait for a limiter.
		gitlab.WithoutRetries(), gitlab.WithCustomLimiter(unlimited{}))
	if err != nil {
		return exchange.Error(ctx, "address", err)
	}
	state := gitlab.Success
	if s.failed {
		state = gitlab.Failed
	}
	listed, _, err := client.Commits.GetCommitStatuses(g.repo.path, s.commit, &gitlab.GetCommitStatusesOptions{Name: &s.id}, gitlab.WithContext(ctx))
	if err != nil {
		return exchange.Error(ctx, "list commit statuses", err)
	}
	for _, old := range listed {
		if old.SHA == s.commit && old.Name == s.id && old.Status == string(state) && old.Description == s.description {
			return nil
		}
	}
	_, _, err = client.Commits.SetCommitStatus(g.repo.path, s.commit,
		&gitlab.SetCommitStatusOptions{State: state, Name: &s.id, Description: &s.description}, gitlab.WithContext(ctx))
	return exchange.Error(ctx, "create commit status", err)
}

// unlimited is a limiter that never waits.
type unlimited struct{}

// Wait implements gitlab.RateLimiter.
func (unlimited) Wait(context.Context) error { return nil }
