// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
	"k8s.io/apimachinery/pkg/runtime"

	eventv1 "github.com/weir-gitops/weir/api/event/v1beta1"
	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	"github.com/weir-gitops/weir/kit/expression"
	"github.com/weir-gitops/weir/notification-controller/internal/notify/delivery"
)

// maxTemplates bounds the expressions that are kept ready to run.
const maxTemplates = 256

// StatusIDs makes the IDs of commit statuses. It may be used from any goroutine.
type StatusIDs struct {
	language  *expression.Language
	templates *lru.Cache[string, *expression.Template]
}

// NewStatusIDs returns a maker of IDs.
func NewStatusIDs() (*StatusIDs, error) {
	language, err := expression.New("event", "alert", "provider")
	if err != nil {
		return nil, err
	}
	templates, err := lru.New[string, *expression.Template](maxTemplates)
	if err != nil {
		return nil, err
	}
	return &StatusIDs{language: language, templates: templates}, nil
}

// StatusID returns the ID of the commit status for an event, whose metadata is merged; empty for services without commit statuses. Its errors
// are permanent. Flux: notification-controller contract, "Commit status ID".
func (s *StatusIDs) StatusID(
	ctx context.Context, event eventv1.Event, alert *notificationv1beta3.Alert, provider *notificationv1beta3.Provider,
) (string, error) {
	if !WritesStatus(provider.Spec.Type) {
		return "", nil
	}
	text := provider.Spec.CommitStatusExpr
	if text == "" {
		uid, _, _ := strings.Cut(string(provider.UID), "-")
		return strings.ToLower(event.InvolvedObject.Kind + "/" + event.InvolvedObject.Name + "/" + uid), nil
	}
	template, err := s.template(text)
	if err != nil {
		return "", delivery.Invalid("spec.commitStatusExpr: %s", err)
	}
	variables := make(map[string]any, 3)
	for name, value := range map[string]any{"event": &event, "alert": alert, "provider": provider} {
		object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(value)
		if err != nil {
			return "", delivery.Invalid("convert %s: %s", name, err)
		}
		variables[name] = object
	}
	id, err := template.Text(ctx, variables)
	if err != nil {
		return "", delivery.Invalid("spec.commitStatusExpr: %s", err)
	}
	if id == "" {
		return "", delivery.Invalid("spec.commitStatusExpr makes an empty id")
	}
	return id, nil
}

func (s *StatusIDs) template(text string) (*expression.Template, error) {
	if template, ok := s.templates.Get(text); ok {
		return template, nil
	}
	template, err := s.language.Template(text)
	if err == nil {
		s.templates.Add(text, template)
	}
	return template, err
}
