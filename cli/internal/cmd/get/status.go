// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package get

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/weir-gitops/weir/cli/internal/kinds"
)

// statusSelector keeps objects by the status of a condition; the zero value keeps all.
type statusSelector struct {
	condition, status string
	not               bool
}

func parseStatus(selector string) (statusSelector, error) {
	if selector == "" {
		return statusSelector{}, nil
	}
	condition, status, found := strings.Cut(selector, "!=")
	not := found
	if !found {
		condition, status, found = strings.Cut(selector, "=")
	}
	if !found || condition == "" || status == "" || strings.Contains(status, "=") {
		return statusSelector{}, fmt.Errorf("status selector %q: want type=status or type!=status", selector)
	}
	return statusSelector{condition: condition, status: status, not: not}, nil
}

// matches looks at the condition as the table shows it, so that what nobody reconciles counts as ready here too.
func (s statusSelector) matches(k kinds.Kind, obj *unstructured.Unstructured) bool {
	if s.condition == "" {
		return true
	}
	c, _ := kinds.ConditionOf(obj, s.condition)
	if k.IsStatic(obj) && strings.EqualFold(s.condition, "Ready") {
		c.Status = "True"
	}
	return strings.EqualFold(c.Status, s.status) != s.not
}
