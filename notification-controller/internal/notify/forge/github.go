// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package forge

import (
	"context"
	"net/url"
	"strings"

	"github.com/google/go-github/v82/github"

	"github.com/weir-gitops/weir/notification-controller/internal/notify/delivery"
)

// publicGitHub is the host whose API is elsewhere, and whose certificates nobody replaces.
const publicGitHub = "github.com"

// githubPage is how many statuses are looked at. Flux: notification-controller contract, "Status providers".
const githubPage = 50

// gitHub writes commit statuses on GitHub.
type gitHub struct {
	*host

	owner, name string
}

// GitHub returns the notifier of a repository on GitHub.
func GitHub(o delivery.Options) (delivery.Notifier, error) {
	h, err := newHost(o, "github", o.GitHubApp != nil)
	if err != nil {
		return nil, err
	}
	owner, name, err := h.repo.pair()
	if err != nil {
		return nil, err
	}
	// The client puts both into paths as they are.
	g := &gitHub{host: h, owner: url.PathEscape(owner), name: url.PathEscape(name)}
	h.write = g.authorized
	return h, nil
}

// authorized finds a token and creates the status with it.
func (g *gitHub) authorized(ctx context.Context, exchange *delivery.Exchange, s status) error {
	if g.token != "" {
		return g.create(ctx, exchange, g.token, s)
	}
	return withAppToken(ctx, exchange, g.o.GitHubApp, g.repo, func(token string) error { return g.create(ctx, exchange, token, s) })
}

func (g *gitHub) create(ctx context.Context, exchange *delivery.Exchange, token string, s status) error {
	client, err := githubAPI(exchange, g.repo.base.String(), g.repo.base.Host)
	if err != nil {
		return err
	}
	client = client.WithAuthToken(token)
	state := "success"
	if s.failed {
		state = "failure"
	}
	listed, _, err := client.Repositories.ListStatuses(ctx, g.owner, g.name, s.commit, &github.ListOptions{PerPage: githubPage})
	if err != nil {
		return exchange.Error(ctx, "list commit statuses", err)
	}
	for _, old := range listed {
		if old.GetContext() != s.id {
			continue
		}
		if old.GetState() == state && old.GetDescription() == s.description {
			return nil
		}
		break
	}
	_, _, err = client.Repositories.CreateStatus(ctx, g.owner, g.name, s.commit, github.RepoStatus{State: &state, Context: &s.id, Description: &s.description})
	return exchange.Error(ctx, "create commit status", err)
}

// githubAPI returns a client without credentials.
func githubAPI(exchange *delivery.Exchange, base, host string) (*github.Client, error) {
	client := github.NewClient(exchange.Client())
	// What the service says about its limits is classified like every other answer, and the client lives for one message.
	client.DisableRateLimitCheck = true
	if strings.EqualFold(host, publicGitHub) {
		return client, nil
	}
	client, err := client.WithEnterpriseURLs(base, base)
	if err != nil {
		return nil, delivery.Invalid("address: %s", err)
	}
	return client, nil
}
