// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package chat

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/weir-gitops/weir/notification-controller/internal/notify/delivery"
)

// TestMSTeamsSchema holds the vectors of the contract, 12.
func TestMSTeamsSchema(t *testing.T) {
	for address, legacy := range map[string]bool{
		"https://xxx.webhook.office.com:443/x": true, "https://xxx.webhook.office.com/x": true, "https://xxx-webhook.office.com/x": false,
		"https://prod.westeurope.logic.azure.com:443/workflows/x": false, "http://127.0.0.1:1/x": false,
	} {
		n, err := MSTeams(delivery.Options{Address: address})
		if err != nil {
			t.Fatal(err)
		}
		if got := n.(*teams).legacy; got != legacy {
			t.Errorf("%s: legacy %t", address, got)
		}
	}
}

// answer is a service that keeps the last request and answers the same to all.
type answer struct {
	status int
	body   string
	url    string
	sent   map[string]any
}

// RoundTrip implements http.RoundTripper.
func (a *answer) RoundTrip(r *http.Request) (*http.Response, error) {
	a.url = r.URL.String()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	_ = json.Unmarshal(b, &a.sent)
	return &http.Response{
		StatusCode: a.status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(a.body)), Request: r,
	}, nil
}

func TestMSTeamsLegacy(t *testing.T) {
	service := &answer{status: http.StatusOK}
	n, err := MSTeams(delivery.Options{Address: "https://x.webhook.office.com/x", Transport: service})
	if err != nil {
		t.Fatal(err)
	}
	m := delivery.Message{}
	m.Event.InvolvedObject.Kind, m.Event.InvolvedObject.Name, m.Event.InvolvedObject.Namespace = "GitRepository", "webapp", "apps"
	m.Event.Message, m.Event.Severity, m.Event.Metadata = "it broke", "error", map[string]string{"b": "2", "a": "1"}
	if err := n.Notify(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(service.sent)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"@context":"http://schema.org/extensions","@type":"MessageCard","sections":[{"activitySubtitle":"gitrepository/webapp.apps","activityTitle":"it broke","facts":[{"name":"a","value":"1"},{"name":"b","value":"2"}]}],"summary":"gitrepository/webapp.apps","themeColor":"FF0000"}`
	if string(got) != want {
		t.Errorf("got %s", got)
	}
}

func TestDiscordAddress(t *testing.T) {
	for address, want := range map[string]string{
		"https://d.invalid/api/webhooks/1/t":           "https://d.invalid/api/webhooks/1/t/slack",
		"https://d.invalid/api/webhooks/1/t/":          "https://d.invalid/api/webhooks/1/t/slack",
		"https://d.invalid/api/webhooks/1/t/slack":     "https://d.invalid/api/webhooks/1/t/slack",
		"https://d.invalid/api/webhooks/1/t?thread=1":  "https://d.invalid/api/webhooks/1/t/slack?thread=1",
		"https://d.invalid/api/webhooks/1/t/slack?a=b": "https://d.invalid/api/webhooks/1/t/slack?a=b",
	} {
		service := &answer{status: http.StatusNoContent}
		n, err := Discord(delivery.Options{Address: address, Transport: service})
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Notify(t.Context(), delivery.Message{}); err != nil || service.url != want {
			t.Errorf("%s: got %s, %v", address, service.url, err)
		}
	}
}

// TestSlackAPI: the body decides, not the status.
func TestSlackAPI(t *testing.T) {
	cases := map[string]struct {
		reason, body, text string
		status             int
		class              delivery.Class
	}{
		"OK":          {reason: "Taken.", status: 200, body: `{"ok":true,"channel":"C","ts":"1"}`},
		"Refused":     {reason: "Contract, 13: 200 with ok:false.", status: 200, body: `{"ok":false,"error":"channel_not_found"}`, text: "channel_not_found"},
		"Internal":    {reason: "Slack's own trouble passes.", status: 200, body: `{"ok":false,"error":"internal_error"}`, text: "internal_error", class: delivery.Retryable},
		"RateLimited": {reason: "So does that of a busy sender.", status: 429, body: ``, text: "429", class: delivery.Retryable},
		"Broken":      {reason: "An answer that is no JSON.", status: 200, body: `<html>`, text: "post message"},
	}
	for key, tc := range cases {
		t.Run(key, func(t *testing.T) {
			service := &answer{status: tc.status, body: tc.body}
			n, err := Slack(delivery.Options{Address: "https://slack.com/api/chat.postMessage", Token: "xoxb-1", Transport: service})
			if err != nil {
				t.Fatal(err)
			}
			err = n.Notify(t.Context(), delivery.Message{})
			if tc.text == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			class, _ := delivery.Classify(err)
			if err == nil || class != tc.class || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("%s got %v", tc.reason, err)
			}
		})
	}
}

// TestSlackCompatible: another server that answers 200 has taken the message, whatever it says.
func TestSlackCompatible(t *testing.T) {
	n, err := Slack(delivery.Options{Address: "https://mattermost.invalid/hooks/x", Transport: &answer{status: 200, body: `{"ok":false}`}})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Notify(t.Context(), delivery.Message{}); err != nil {
		t.Error(err)
	}
}
