// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package alert

import (
	"maps"
	"slices"
	"strings"

	eventv1 "github.com/weir-gitops/weir/api/event/v1beta1"
	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	"github.com/weir-gitops/weir/notification-controller/internal/intake"
)

// Where metadata comes from, as the report of a conflict says it (contract notification-controller, section 3.7).
const (
	fromAnnotations = "involved object annotations"
	fromMetadata    = "Alert object .spec.eventMetadata"
	fromSummary     = "Alert object .spec.summary"
	fromController  = "involved object controller metadata"
)

// origin is a place that metadata comes from.
type origin struct {
	label string
	data  map[string]string
}

// merge makes the metadata that is sent, without prefixes, and names the places that a key with more than one comes from.
func merge(event eventv1.Event, spec notificationv1beta3.AlertSpec) (merged, conflicts map[string]string) {
	origins := []origin{ // later ones win
		{fromAnnotations, stripped(event.Metadata, eventv1.AnnotationPrefix)},
		{fromMetadata, spec.EventMetadata},
		{fromSummary, summary(spec)},
		{fromController, stripped(event.Metadata, intake.Prefix(event))},
	}
	merged, conflicts = make(map[string]string), make(map[string]string)
	sources := make(map[string][]string)
	for _, o := range origins {
		maps.Copy(merged, o.data)
		for key := range o.data {
			sources[key] = append(sources[key], o.label)
		}
	}
	for key, labels := range sources {
		if len(labels) > 1 {
			conflicts[key] = strings.Join(labels, ", ")
		}
	}
	return merged, conflicts
}

func summary(spec notificationv1beta3.AlertSpec) map[string]string {
	if spec.Summary == "" {
		return nil
	}
	return map[string]string{eventv1.SummaryKey: spec.Summary}
}

// stripped returns what has the prefix, without it.
func stripped(metadata map[string]string, prefix string) map[string]string {
	if prefix == "" {
		return nil
	}
	found := make(map[string]string)
	for key, value := range metadata {
		if name, ok := strings.CutPrefix(key, prefix); ok && name != "" {
			found[name] = value
		}
	}
	return found
}

// conflictMessage says all of them in one stable text.
func conflictMessage(conflicts map[string]string) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(conflicts)) {
		parts = append(parts, key+" ("+conflicts[key]+")")
	}
	return "metadata comes from more than one place, the last one named wins: " + strings.Join(parts, "; ")
}
