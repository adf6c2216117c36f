// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package chat

import (
	"context"
	"slices"
	"strings"

	eventv1 "github.com/weir-gitops/weir/api/event/v1beta1"
	"github.com/weir-gitops/weir/notification-controller/internal/notify/delivery"
)

// Colours of the older form.
const (
	teamsBlue = "0076D7"
	teamsRed  = "FF0000"
)

// teamsLegacyHost is the end of the names of hosts that know the older form alone. Flux: notification-controller contract, "msteams".
const teamsLegacyHost = ".webhook.office.com"

// teams posts to a webhook of Microsoft Teams.
type teams struct {
	poster *delivery.Poster
	legacy bool
}

// MSTeams returns the notifier of a webhook of Microsoft Teams.
func MSTeams(o delivery.Options) (delivery.Notifier, error) {
	u, err := delivery.ParseAddress(o.Address)
	if err != nil {
		return nil, err
	}
	return &teams{poster: delivery.To(u, o), legacy: teamsLegacy(u.Hostname())}, nil
}

// teamsLegacy tells hosts that know the older form alone.
func teamsLegacy(host string) bool { return strings.HasSuffix(host, teamsLegacyHost) }

// Notify implements delivery.Notifier.
func (t *teams) Notify(ctx context.Context, m delivery.Message) error {
	if t.legacy {
		return t.poster.Post(ctx, connectorCard(m), nil)
	}
	return t.poster.Post(ctx, adaptiveCard(m), nil)
}

// teamsCard is a connector card, the older form.
type teamsCard struct {
	Type       string         `json:"@type"`
	Context    string         `json:"@context"`
	ThemeColor string         `json:"themeColor"`
	Summary    string         `json:"summary"`
	Sections   []teamsSection `json:"sections"`
}

type teamsSection struct {
	ActivityTitle    string          `json:"activityTitle"`
	ActivitySubtitle string          `json:"activitySubtitle"`
	Facts            []teamsCardFact `json:"facts"`
}

type teamsCardFact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func connectorCard(m delivery.Message) teamsCard {
	section := teamsSection{ActivityTitle: m.Event.Message, ActivitySubtitle: m.Object(), Facts: []teamsCardFact{}}
	for _, key := range m.Keys() {
		section.Facts = append(section.Facts, teamsCardFact{Name: key, Value: m.Event.Metadata[key]})
	}
	color := teamsBlue
	if m.IsError() {
		color = teamsRed
	}
	return teamsCard{
		Type: "MessageCard", Context: "http://schema.org/extensions", ThemeColor: color, Summary: m.Object(), Sections: []teamsSection{section},
	}
}

// teamsMessage carries an Adaptive Card, the form of today.
type teamsMessage struct {
	Type        string            `json:"type"`
	Attachments []teamsAttachment `json:"attachments"`
}

type teamsAttachment struct {
	ContentType string       `json:"contentType"`
	Content     teamsContent `json:"content"`
}

type teamsContent struct {
	Schema  string           `json:"$schema"`
	Type    string           `json:"type"`
	Version string           `json:"version"`
	MSTeams teamsWidth       `json:"msteams"`
	Body    []teamsContainer `json:"body"`
}

type teamsWidth struct {
	Width string `json:"width"`
}

type teamsContainer struct {
	Type  string      `json:"type"`
	Items []teamsItem `json:"items"`
}

// teamsItem is a TextBlock or a FactSet.
type teamsItem struct {
	Type   string      `json:"type"`
	Text   string      `json:"text,omitempty"`
	Size   string      `json:"size,omitempty"`
	Weight string      `json:"weight,omitempty"`
	Wrap   bool        `json:"wrap,omitempty"`
	Color  string      `json:"color,omitempty"`
	Facts  []teamsFact `json:"facts,omitempty"`
}

type teamsFact struct {
	Title string `json:"title"`
	Value string `json:"value"`
}

func adaptiveCard(m delivery.Message) teamsMessage {
	text := teamsItem{Type: "TextBlock", Text: m.Event.Message, Wrap: true}
	if m.IsError() {
		text.Color = "attention"
	}
	items := []teamsItem{{Type: "TextBlock", Text: m.Object(), Size: "large", Weight: "bolder", Wrap: true}, text}
	if len(m.Event.Metadata) > 0 {
		items = append(items, teamsItem{Type: "FactSet", Facts: teamsFacts(m)})
	}
	content := teamsContent{
		Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.4", MSTeams: teamsWidth{Width: "Full"},
		Body: []teamsContainer{{Type: "Container", Items: items}},
	}
	return teamsMessage{Type: "message", Attachments: []teamsAttachment{{ContentType: "application/vnd.microsoft.card.adaptive", Content: content}}}
}

// teamsFacts lists the metadata, the summary first.
func teamsFacts(m delivery.Message) []teamsFact {
	keys := m.Keys()
	if i := slices.Index(keys, eventv1.SummaryKey); i > 0 {
		keys = slices.Insert(slices.Delete(keys, i, i+1), 0, eventv1.SummaryKey)
	}
	facts := make([]teamsFact, 0, len(keys))
	for _, key := range keys {
		facts = append(facts, teamsFact{Title: key, Value: m.Event.Metadata[key]})
	}
	return facts
}
