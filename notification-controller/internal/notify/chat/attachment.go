// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package chat

import (
	"strings"

	"github.com/slack-go/slack"

	"github.com/weir-gitops/weir/notification-controller/internal/notify/delivery"
)

// Colours of Slack.
const (
	slackGood   = "good"
	slackDanger = "danger"
)

// slackMessage is the form of Slack's incoming webhooks. That of the library leaves out empty members and adds others that are null, which
// servers that only speak like Slack do not take. Flux: notification-controller contract, "slack".
type slackMessage struct {
	Channel     string       `json:"channel"`
	Username    string       `json:"username"`
	IconURL     string       `json:"icon_url"`
	IconEmoji   string       `json:"icon_emoji"`
	Attachments []attachment `json:"attachments"`
}

type attachment struct {
	Fallback   string                  `json:"fallback"`
	Color      string                  `json:"color"`
	AuthorName string                  `json:"author_name"`
	Text       string                  `json:"text"`
	MarkdownIn []string                `json:"mrkdwn_in"`
	Fields     []slack.AttachmentField `json:"fields"`
}

// attach describes the message, without fallback.
func attach(m delivery.Message) attachment {
	a := attachment{Color: slackGood, AuthorName: m.Object(), Text: m.Event.Message, MarkdownIn: []string{"text"}, Fields: []slack.AttachmentField{}}
	if m.IsError() {
		a.Color = slackDanger
	}
	for _, key := range m.Keys() {
		a.Fields = append(a.Fields, slack.AttachmentField{Title: key, Value: m.Event.Metadata[key]})
	}
	return a
}

// fallback is what a client without attachments shows.
func fallback(m delivery.Message) string {
	first, _, _ := strings.Cut(m.Event.Message, "\n")
	return m.Object() + ": " + first
}
