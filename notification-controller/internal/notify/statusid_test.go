// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package notify_test

import (
	"strings"
	"testing"

	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	"github.com/weir-gitops/weir/notification-controller/internal/notify"
)

func TestStatusID(t *testing.T) {
	cases := map[string]struct {
		reason, kind, expr, want, fails string
	}{
		"Default":       {reason: "Contract, 12: kind, name and the first part of the uid.", kind: "github", want: "kustomization/apps/0c9c2e41"},
		"Other":         {reason: "Other services have no commit statuses.", kind: "slack", want: ""},
		"Literal":       {reason: "An expression may be a text.", kind: "gitlab", expr: "'a'", want: "a"},
		"Variables":     {reason: "Event, alert and provider are at hand.", kind: "gitea", expr: "event.involvedObject.name + '/' + alert.metadata.name + '/' + provider.metadata.name + '/' + event.metadata.summary", want: "apps/al/p/a summary"},
		"Joined":        {reason: "With a literal the type is known.", kind: "gitea", expr: "'' + event.involvedObject.name + '/' + alert.metadata.name + '/' + provider.metadata.name + '/' + event.metadata.summary", want: "apps/al/p/a summary"},
		"Bare":          {reason: "A bare field could be anything.", kind: "github", expr: "event.involvedObject.name", fails: "output type mismatch"},
		"Undeclared":    {reason: "Other variables do not exist.", kind: "github", expr: "string(foo)", fails: "undeclared"},
		"NotText":       {reason: "An id is a text.", kind: "github", expr: "1 + 1", fails: "output type mismatch"},
		"MissingKey":    {reason: "A missing key is an error.", kind: "github", expr: "string(event.metadata.nope)", fails: "no such key"},
		"Empty":         {reason: "An empty id would fall on the status of somebody else.", kind: "github", expr: "''", fails: "empty"},
		"First":         {reason: "The extensions of the contract are there.", kind: "github", expr: "event.metadata.revision.split('@').first().value() + ''", want: "main"},
		"LowerAndSplit": {reason: "The extensions of the contract are there.", kind: "github", expr: "string(event.involvedObject.kind).lowerAscii().substring(0, 4)", want: "kust"},
		"Sized":         {reason: "What it may cost is bounded.", kind: "github", expr: strings.Repeat(" ", 5000) + "'a'", fails: "too long"},
	}
	ids, err := notify.NewStatusIDs()
	if err != nil {
		t.Fatal(err)
	}
	alert := &notificationv1beta3.Alert{}
	alert.Name = "al"
	for key, tc := range cases {
		t.Run(key, func(t *testing.T) {
			p := provider(tc.kind, func(s *notificationv1beta3.ProviderSpec) { s.CommitStatusExpr = tc.expr })
			for range 2 { // compiled and kept
				got, err := ids.StatusID(t.Context(), message().Event, alert, p)
				if tc.fails != "" {
					if class, _ := notify.Classify(err); err == nil || class != notify.Permanent || !strings.Contains(err.Error(), tc.fails) {
						t.Errorf("%s got %q, %v", tc.reason, got, err)
					}
					continue
				}
				if err != nil || got != tc.want {
					t.Errorf("%s got %q, %v", tc.reason, got, err)
				}
			}
		})
	}
}
