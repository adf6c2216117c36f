// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package chat

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/slack-go/slack"

	"github.com/weir-gitops/weir/notification-controller/internal/notify/delivery"
)

// The address that stands for Slack's own API, which answers 200 even if it refuses. Flux: notification-controller contract, "slack".
const (
	slackAPI    = "https://slack.com/api/"
	slackMethod = slackAPI + "chat.postMessage"
)

// slackHook posts to an incoming webhook, or to a server that speaks like Slack.
type slackHook struct {
	poster *delivery.Poster
	o      delivery.Options
}

// slackBot posts through the API of Slack.
type slackBot struct {
	o delivery.Options
}

// Slack returns the notifier of a Slack address.
func Slack(o delivery.Options) (delivery.Notifier, error) {
	if o.Address == slackMethod {
		return &slackBot{o: o}, nil
	}
	poster, err := delivery.NewPoster(o)
	if err != nil {
		return nil, err
	}
	return &slackHook{poster: poster, o: o}, nil
}

// Notify implements delivery.Notifier.
func (s *slackHook) Notify(ctx context.Context, m delivery.Message) error {
	a := attach(m)
	a.Fallback = fallback(m)
	document := slackMessage{
		Channel: s.o.Channel, Username: cmp.Or(s.o.Username, m.Event.ReportingController), Attachments: []attachment{a},
	}
	return s.poster.Post(ctx, document, delivery.Bearer(s.o.Token))
}

// Notify implements delivery.Notifier.
func (s *slackBot) Notify(ctx context.Context, m delivery.Message) error {
	a := attach(m)
	exchange := delivery.NewExchange(s.o)
	api := slack.New(s.o.Token, slack.OptionHTTPClient(exchange.Client()), slack.OptionAPIURL(slackAPI))
	_, _, err := api.PostMessageContext(ctx, s.o.Channel,
		slack.MsgOptionUsername(cmp.Or(s.o.Username, m.Event.ReportingController)),
		slack.MsgOptionAttachments(slack.Attachment{
			Fallback: fallback(m), Color: a.Color, AuthorName: a.AuthorName, Text: a.Text, MarkdownIn: a.MarkdownIn, Fields: a.Fields,
		}),
	)
	if refused, ok := errors.AsType[slack.SlackErrorResponse](err); ok && slackMayRecover(refused.Err) {
		return delivery.Unavailable("post message: %s", refused.Err)
	}
	return exchange.Error(ctx, "post message", err)
}

// slackMayRecover tells the error codes of Slack that are about its own state.
func slackMayRecover(code string) bool {
	return slices.Contains([]string{"fatal_error", "internal_error", "ratelimited", "rate_limited", "request_timeout", "service_unavailable", "team_added_to_org"}, code)
}
