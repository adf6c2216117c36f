// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package forge

import (
	"context"

	"code.gitea.io/sdk/gitea"

	"github.com/weir-gitops/weir/notification-controller/internal/notify/delivery"
)

// giteaPage is how many statuses are looked at. Flux: notification-controller contract, "Status providers".
const giteaPage = 50

// giteaHost writes commit statuses on Gitea and Forgejo.
type giteaHost struct {
	*host

	owner, name string
}

// Gitea returns the notifier of a repository on Gitea or Forgejo.
func Gitea(o delivery.Options) (delivery.Notifier, error) {
	h, err := newHost(o, "gitea", false)
	if err != nil {
		return nil, err
	}
	g := &giteaHost{host: h}
	if g.owner, g.name, err = h.repo.pair(); err != nil {
		return nil, err
	}
	h.pending, h.write = true, g.create
	return h, nil
}

// create asks for the version of the server first, as the client does when it is made.
func (g *giteaHost) create(ctx context.Context, exchange *delivery.Exchange, s status) error {
	client, err := gitea.NewClient(g.repo.base.String(), gitea.SetContext(ctx), gitea.SetToken(g.token), gitea.SetHTTPClient(exchange.Client()))
	if err != nil {
		return exchange.Error(ctx, "ask for the version of the server", err)
	}
	state := giteaState(s)
	listed, _, err := client.ListStatuses(g.owner, g.name, s.commit, gitea.ListStatusesOption{ListOptions: gitea.ListOptions{Page: 1, PageSize: giteaPage}})
	if err != nil {
		return exchange.Error(ctx, "list commit statuses", err)
	}
	for _, old := range listed {
		if old.Context != s.id {
			continue
		}
		if old.State == state && old.Description == s.description {
			return nil
		}
		break
	}
	_, _, err = client.CreateStatus(g.owner, g.name, s.commit, gitea.CreateStatusOption{State: state, Description: s.description, Context: s.id})
	return exchange.Error(ctx, "create commit status", err)
}

func giteaState(s status) gitea.StatusState {
	switch {
	case s.pending:
		return gitea.StatusPending
	case s.failed:
		return gitea.StatusFailure
	}
	return gitea.StatusSuccess
}
