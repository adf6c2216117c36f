// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package incident sends events to services that watch over systems, a file for each.
package incident

import (
	"context"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	eventv1 "github.com/weir-gitops/weir/api/event/v1beta1"
	"github.com/weir-gitops/weir/notification-controller/internal/notify/delivery"
)

// alertmanager posts to Prometheus Alertmanager.
type alertmanager struct {
	poster *delivery.Poster
	auth   http.Header
}

// AlertManager returns the notifier of the alerts URL of a Prometheus Alertmanager.
func AlertManager(o delivery.Options) (delivery.Notifier, error) {
	poster, err := delivery.NewPoster(o)
	if err != nil {
		return nil, err
	}
	auth := delivery.Bearer(o.Token)
	if o.Username != "" && o.Password != "" {
		auth = delivery.Basic(o.Username, o.Password)
	}
	return &alertmanager{poster: poster, auth: auth}, nil
}

// promAlert is one alert. Flux: notification-controller contract, "alertmanager".
type promAlert struct {
	Status      string            `json:"status"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    string            `json:"startsAt"`
	EndsAt      string            `json:"endsAt"`
}

// Notify implements delivery.Notifier.
func (a *alertmanager) Notify(ctx context.Context, m delivery.Message) error {
	e := m.Event
	annotations := map[string]string{"message": e.Message}
	labels := make(map[string]string, len(e.Metadata)+7)
	for key, value := range e.Metadata {
		if key == eventv1.SummaryKey {
			annotations[key] = value
			continue
		}
		labels[key] = value
	}
	labels["alertname"] = "Flux" + e.InvolvedObject.Kind + title(e.Reason)
	labels["severity"] = e.Severity
	labels["reason"] = e.Reason
	labels["kind"] = e.InvolvedObject.Kind
	labels["name"] = e.InvolvedObject.Name
	labels["namespace"] = e.InvolvedObject.Namespace
	labels["reportingcontroller"] = e.ReportingController
	alert := promAlert{
		Status: "firing", Labels: labels, Annotations: annotations,
		StartsAt: e.Timestamp.UTC().Format(time.RFC3339),
		EndsAt:   time.Time{}.Format(time.RFC3339),
	}
	return a.poster.Post(ctx, []promAlert{alert}, a.auth)
}

// title makes the first letter large and all others small.
func title(word string) string {
	_, size := utf8.DecodeRuneInString(word)
	return strings.ToUpper(word[:size]) + strings.ToLower(word[size:])
}
