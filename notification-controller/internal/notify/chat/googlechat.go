// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package chat

import (
	"context"

	"github.com/weir-gitops/weir/notification-controller/internal/notify/delivery"
)

// googleChat posts to a webhook of Google Chat.
type googleChat struct {
	poster *delivery.Poster
}

// GoogleChat returns the notifier of a webhook of Google Chat.
func GoogleChat(o delivery.Options) (delivery.Notifier, error) {
	poster, err := delivery.NewPoster(o)
	if err != nil {
		return nil, err
	}
	return &googleChat{poster: poster}, nil
}

// Notify implements delivery.Notifier.
func (g *googleChat) Notify(ctx context.Context, m delivery.Message) error {
	return g.poster.Post(ctx, googleCards(m), nil)
}

// The members that are not used are null. Flux: notification-controller contract, "googlechat".
type (
	googleMessage struct {
		Cards []googleCard `json:"cards"`
	}
	googleCard struct {
		Header   googleHeader    `json:"header"`
		Sections []googleSection `json:"sections"`
	}
	googleHeader struct {
		Title      string  `json:"title"`
		Subtitle   string  `json:"subtitle"`
		ImageURL   *string `json:"imageUrl"`
		ImageStyle *string `json:"imageStyle"`
	}
	googleSection struct {
		Header  string         `json:"header"`
		Widgets []googleWidget `json:"widgets"`
	}
	googleWidget struct {
		TextParagraph *googleText `json:"textParagraph"`
		KeyValue      *googlePair `json:"keyValue"`
	}
	googleText struct {
		Text string `json:"text"`
	}
	googlePair struct {
		TopLabel         string  `json:"topLabel"`
		Content          string  `json:"content"`
		ContentMultiline bool    `json:"contentMultiline"`
		BottomLabel      *string `json:"bottomLabel"`
		Icon             *string `json:"icon"`
	}
)

func googleCards(m delivery.Message) googleMessage {
	text := m.Event.Message
	if m.IsError() {
		text = `<font color="#ff0000">` + text + `</font>`
	}
	sections := []googleSection{{Widgets: []googleWidget{{TextParagraph: &googleText{Text: text}}}}}
	if len(m.Event.Metadata) > 0 {
		var pairs googleSection
		for _, key := range m.Keys() {
			pairs.Widgets = append(pairs.Widgets, googleWidget{KeyValue: &googlePair{TopLabel: key, Content: m.Event.Metadata[key]}})
		}
		sections = append(sections, pairs)
	}
	return googleMessage{Cards: []googleCard{{
		Header:   googleHeader{Title: m.Object(), Subtitle: m.Event.ReportingController},
		Sections: sections,
	}}}
}
