// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package forge

import (
	"cmp"
	"context"

	"code.gitea.io/sdk/gitea"

	"github.com/weir-gitops/weir/notification-controller/internal/notify/delivery"
)

// giteaPage is how many statuses are looked at. Flux: notification-controller contract, "Status providers".
const giteaPage = 50

// giteaHost writes commit statuses on Gitea and Forgejo.
type giteaHost struct {
	o           delivery.Options
	repo        repository
	owner, name string
	token       string
}

// Gitea returns the notifier of a repository on Gitea or Forgejo.
func Gitea(o delivery.Options) (delivery.Notifier, error) {
	repo, err := parseRepository(o.Address)
	if err != nil {
		return nil, err
	}
	owner, name, err := repo.pair()
	if err != nil {
		return nil, err
	}
	g := &giteaHost{o: o, repo: repo, owner: owner, name: name, token: cmp.Or(o.Token, o.Password)}
	if g.token == "" {
		return nil, delivery.Invalid("gitea needs a token")
	}
	return g, nil
}

// Notify implements delivery.Notifier.
func (g *giteaHost) Notify(ctx context.Context, m delivery.Message) error {
	s, err := newStatus(m)
	if err != nil {
		return err
	}
	exchange := delivery.NewExchange(g.o)
	// The client asks for the version of the server first, so it is made no earlier than here.
	client, err := gitea.NewClient(g.repo.base.String(), gitea.SetContext(ctx), gitea.SetToken(g.token), gitea.SetHTTPClient(exchange.Client()))
	if err != nil {
		return exchange.Error(ctx, "ask for the version of the server", err)
	}
	state := giteaState(m, s)
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

func giteaState(m delivery.Message, s status) gitea.StatusState {
	switch {
	case progressing(m):
		return gitea.StatusPending
	case s.failed:
		return gitea.StatusFailure
	}
	return gitea.StatusSuccess
}
