// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package chat

import (
	"cmp"
	"context"
	"strings"

	"github.com/weir-gitops/weir/notification-controller/internal/notify/delivery"
)

// discordSuffix is the end of addresses that take messages in the form of Slack.
const discordSuffix = "/slack"

// discord posts to a webhook of Discord.
type discord struct {
	poster   *delivery.Poster
	username string
}

// Discord returns the notifier of a webhook of Discord.
func Discord(o delivery.Options) (delivery.Notifier, error) {
	u, err := delivery.ParseAddress(o.Address)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(u.Path, discordSuffix) {
		u = u.JoinPath(discordSuffix)
	}
	return &discord{poster: delivery.To(u, o), username: o.Username}, nil
}

// Notify implements delivery.Notifier.
func (d *discord) Notify(ctx context.Context, m delivery.Message) error {
	document := slackMessage{Username: cmp.Or(d.username, m.Event.ReportingController), Attachments: []attachment{attach(m)}}
	return d.poster.Post(ctx, document, nil)
}
