// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package forge

import (
	"cmp"
	"context"

	"github.com/weir-gitops/weir/notification-controller/internal/notify/delivery"
)

// host is what the notifiers of all Git hosts have in common.
type host struct {
	o     delivery.Options
	repo  repository
	token string
	// pending says that the host has a state for work that is not done. Others are not told of it.
	pending bool
	// write creates a commit status unless it is there already.
	write func(ctx context.Context, exchange *delivery.Exchange, s status) error
}

// newHost reads the address of a repository. A token is needed unless there are other credentials.
func newHost(o delivery.Options, name string, otherwise bool) (*host, error) {
	repo, err := parseRepository(o.Address)
	if err != nil {
		return nil, err
	}
	h := &host{o: o, repo: repo, token: cmp.Or(o.Token, o.Password)}
	if h.token == "" && !otherwise {
		return nil, delivery.Invalid("%s needs a token", name)
	}
	return h, nil
}

// Notify implements delivery.Notifier.
func (h *host) Notify(ctx context.Context, m delivery.Message) error {
	if progressing(m) && !h.pending {
		return nil
	}
	s, err := newStatus(m)
	if err != nil {
		return err
	}
	return h.write(ctx, delivery.NewExchange(h.o), s)
}
