// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package incident

import (
	"context"
	"net/http"
	"strings"

	"github.com/weir-gitops/weir/notification-controller/internal/notify/delivery"
)

// grafana writes annotations.
type grafana struct {
	poster *delivery.Poster
	auth   http.Header
}

// Grafana returns the notifier of the annotations URL of a Grafana.
func Grafana(o delivery.Options) (delivery.Notifier, error) {
	poster, err := delivery.NewPoster(o)
	if err != nil {
		return nil, err
	}
	auth := delivery.Bearer(o.Token)
	if o.Token == "" && o.Username != "" && o.Password != "" {
		auth = delivery.Basic(o.Username, o.Password)
	}
	return &grafana{poster: poster, auth: auth}, nil
}

// annotation is a Graphite annotation. Flux: notification-controller contract, "grafana".
type annotation struct {
	When int64    `json:"when"` // seconds since 1970
	Text string   `json:"text"`
	Tags []string `json:"tags"`
}

// Notify implements delivery.Notifier.
func (g *grafana) Notify(ctx context.Context, m delivery.Message) error {
	e := m.Event
	tags := []string{"flux", e.ReportingController}
	for _, key := range m.Keys() {
		tags = append(tags, noColon(key)+": "+noColon(e.Metadata[key]))
	}
	tags = append(tags, "kind: "+e.InvolvedObject.Kind, "name: "+e.InvolvedObject.Name, "namespace: "+e.InvolvedObject.Namespace)
	return g.poster.Post(ctx, annotation{When: e.Timestamp.Unix(), Text: m.Object(), Tags: tags}, g.auth)
}

// noColon keeps key and value of a tag apart.
func noColon(text string) string { return strings.ReplaceAll(text, ":", "|") }
