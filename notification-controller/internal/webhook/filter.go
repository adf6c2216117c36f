// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"

	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	"github.com/weir-gitops/weir/kit/expression"
)

// maxFilters bounds the filters that are kept ready to run.
const maxFilters = 512

// Filters compiles filters of Receivers, and keeps them ready to run. It may be used from any goroutine.
type Filters struct {
	language *expression.Language
	compiled *lru.Cache[string, *expression.Condition]
}

// NewFilters returns a compiler of filters: conditions over res, the object, and req, the request.
func NewFilters() (*Filters, error) {
	language, err := expression.New("res", "req")
	if err != nil {
		return nil, err
	}
	compiled, err := lru.New[string, *expression.Condition](maxFilters)
	if err != nil {
		return nil, err
	}
	return &Filters{language: language, compiled: compiled}, nil
}

// Compile returns the condition of a filter, nil for an empty one.
func (f *Filters) Compile(text string) (*expression.Condition, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // no filter is a valid answer, and no fault
	}
	if found, ok := f.compiled.Get(text); ok {
		return found, nil
	}
	condition, err := f.language.Condition(text)
	if err == nil {
		f.compiled.Add(text, condition)
	}
	return condition, err
}

// filter holds all conditions of an object, and the request they look at.
type filter struct {
	conditions []*expression.Condition
	req        map[string]any
}

// passes reports whether all conditions hold for the object.
func (f filter) passes(ctx context.Context, res map[string]any) (bool, error) {
	for _, condition := range f.conditions {
		holds, err := condition.Holds(ctx, map[string]any{"res": res, "req": f.req})
		if err != nil || !holds {
			return false, err
		}
	}
	return true, nil
}

// filtered reports whether any filter of a receiver looks at requests.
func filtered(receiver *notificationv1.Receiver) bool {
	if receiver.Spec.ResourceFilter != "" {
		return true
	}
	for _, resource := range receiver.Spec.Resources {
		if resource.Filter != "" {
			return true
		}
	}
	return false
}

// variables returns the body of a request as filters see it: empty unless it is JSON. Flux: notification-controller contract, "Targets".
func variables(r request) (map[string]any, error) {
	if !isJSON(r.header) {
		return map[string]any{}, nil
	}
	var document map[string]any
	if err := json.Unmarshal(r.body, &document); err != nil || document == nil {
		return nil, errors.New("the body is no JSON object")
	}
	return document, nil
}

func isJSON(header http.Header) bool {
	for value := range strings.SplitSeq(header.Get("Content-Type"), ",") {
		if contentType, _, err := mime.ParseMediaType(strings.TrimSpace(value)); err == nil && contentType == typeJSON {
			return true
		}
	}
	return false
}
