// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kinds

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/fluxcd/pkg/apis/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Column is one column of a table.
type Column struct {
	Header string
	Cell   func(k Kind, obj *unstructured.Unstructured) string
}

const (
	// hashLength is how much of a hash a table shows.
	hashLength = 8
	// waiting is shown for an object that no controller has looked at.
	waiting = "waiting to be reconciled"
)

//nolint:gochecknoglobals // columns and the pattern are constants that Go cannot declare as such
var (
	hash = regexp.MustCompile(`\b[0-9a-f]{40,128}\b`)

	suspended = Column{"Suspended", func(_ Kind, obj *unstructured.Unstructured) string { return Title(Suspended(obj)) }}
	ready     = Column{"Ready", func(k Kind, obj *unstructured.Unstructured) string { status, _ := readiness(k, obj); return status }}
	message   = Column{"Message", func(k Kind, obj *unstructured.Unstructured) string {
		_, text := readiness(k, obj)
		return ShortHashes(text)
	}}

	revision        = field("Revision", true, "status", "artifact", "revision")
	wholeRevision   = field("Revision", false, "status", "artifact", "revision")
	appliedRevision = field("Revision", true, "status", "lastAppliedRevision")
	lastScan        = field("Last scan", false, "status", "lastScanResult", "scanTime")
	lastRun         = field("Last run", false, "status", "lastAutomationRunTime")
	policyImage     = field("Image", false, "status", "latestRef", "name")
	policyTag       = field("Tag", false, "status", "latestRef", "tag")
	chartVersion    = Column{"Revision", func(_ Kind, obj *unstructured.Unstructured) string { return ChartVersion(obj) }}
	origin          = Column{"Source", func(_ Kind, obj *unstructured.Unstructured) string { return Reference(obj, "spec", "sourceRef") }}
)

// SourceColumn names the source of an applier, for get --show-source.
func SourceColumn() Column {
	return Column{"Source", func(_ Kind, obj *unstructured.Unstructured) string {
		for _, path := range [][]string{{"spec", "chartRef"}, {"spec", "chart", "spec", "sourceRef"}, {"spec", "sourceRef"}} {
			if ref := Reference(obj, path...); ref != "" {
				return ref
			}
		}
		return ""
	}}
}

func field(header string, short bool, path ...string) Column {
	return Column{header, func(_ Kind, obj *unstructured.Unstructured) string {
		value := text(obj, path...)
		if short {
			return ShortHashes(value)
		}
		return value
	}}
}

// text reads a string of an object; what is absent or something else is empty.
func text(obj *unstructured.Unstructured, path ...string) string {
	value, _, _ := unstructured.NestedString(obj.Object, path...)
	return value
}

// Title spells a flag as tables do.
func Title(b bool) string {
	s := strconv.FormatBool(b)
	return strings.ToUpper(s[:1]) + s[1:]
}

// Suspended tells whether an object asks to be left alone.
func Suspended(obj *unstructured.Unstructured) bool {
	value, _, _ := unstructured.NestedBool(obj.Object, "spec", "suspend")
	return value
}

// Condition is one condition of an object as far as commands show it.
type Condition struct {
	Status, Reason, Message string
	LastTransitionTime      string
	ObservedGeneration      int64
}

// ConditionOf finds the condition of that type, compared without case.
func ConditionOf(obj *unstructured.Unstructured, conditionType string) (Condition, bool) {
	list, _, _ := unstructured.NestedSlice(obj.Object, "status", "conditions")
	for _, item := range list {
		fields, ok := item.(map[string]any)
		if !ok {
			continue
		}
		if name, _, _ := unstructured.NestedString(fields, "type"); !strings.EqualFold(name, conditionType) {
			continue
		}
		var c Condition
		c.Status, _, _ = unstructured.NestedString(fields, "status")
		c.Reason, _, _ = unstructured.NestedString(fields, "reason")
		c.Message, _, _ = unstructured.NestedString(fields, "message")
		c.LastTransitionTime, _, _ = unstructured.NestedString(fields, "lastTransitionTime")
		c.ObservedGeneration, _, _ = unstructured.NestedInt64(fields, "observedGeneration")
		return c, true
	}
	return Condition{}, false
}

// readiness is what the two columns show that matter most.
func readiness(k Kind, obj *unstructured.Unstructured) (status, text string) {
	if k.IsStatic(obj) {
		return "True", k.Kind + " is ready"
	}
	if c, ok := ConditionOf(obj, meta.ReadyCondition); ok {
		return c.Status, c.Message
	}
	return "False", waiting
}

// ShortHashes cuts every hash in a text.
func ShortHashes(text string) string {
	return hash.ReplaceAllStringFunc(text, func(h string) string { return h[:hashLength] })
}

// Reference reads a reference of an object and prints it as Kind/namespace/name.
func Reference(obj *unstructured.Unstructured, path ...string) string {
	kind, name := text(obj, append(slices.Clip(path), "kind")...), text(obj, append(slices.Clip(path), "name")...)
	if name == "" {
		return ""
	}
	namespace := text(obj, append(slices.Clip(path), "namespace")...)
	if namespace == "" {
		namespace = obj.GetNamespace()
	}
	return kind + "/" + namespace + "/" + name
}

// ChartVersion is the version of the chart that a HelmRelease runs, else of the last one it tried.
func ChartVersion(obj *unstructured.Unstructured) string {
	history, _, _ := unstructured.NestedSlice(obj.Object, "status", "history")
	if len(history) > 0 {
		if newest, ok := history[0].(map[string]any); ok {
			version, _, _ := unstructured.NestedString(newest, "chartVersion")
			return version
		}
	}
	return text(obj, "status", "lastAttemptedRevision")
}

func fetched(obj *unstructured.Unstructured) string {
	return "fetched revision " + text(obj, "status", "artifact", "revision")
}

func applied(obj *unstructured.Unstructured) string {
	if revision := text(obj, "status", "lastAppliedRevision"); revision != "" {
		return "applied revision " + revision
	}
	return "applied revision " + ChartVersion(obj)
}

func scanned(obj *unstructured.Unstructured) string {
	count, _, _ := unstructured.NestedInt64(obj.Object, "status", "lastScanResult", "tagCount")
	return fmt.Sprintf("scan fetched %d tags", count)
}

func selected(obj *unstructured.Unstructured) string {
	ref := text(obj, "status", "latestRef", "name")
	if tag := text(obj, "status", "latestRef", "tag"); tag != "" {
		ref += ":" + tag
	}
	if digest := text(obj, "status", "latestRef", "digest"); digest != "" {
		ref += "@" + digest
	}
	return "selected ref " + ref
}

func readyMessage(obj *unstructured.Unstructured) string {
	c, _ := ConditionOf(obj, meta.ReadyCondition)
	return c.Message
}
