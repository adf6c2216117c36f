// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/weir-gitops/weir/cli/internal/table"
)

// eventTable prints rows of events, each once, with one header before the first.
type eventTable struct {
	out        io.Writer
	namespaces bool
	started    bool
	printed    map[types.UID]string // versions
}

func (t *eventTable) print(events []corev1.Event) {
	if t.printed == nil {
		t.printed = map[types.UID]string{}
	}
	events = slices.DeleteFunc(events, func(e corev1.Event) bool {
		seen := t.printed[e.UID] == e.ResourceVersion
		t.printed[e.UID] = e.ResourceVersion
		return seen
	})
	if len(events) == 0 {
		return
	}
	slices.SortStableFunc(events, func(a, b corev1.Event) int { return lastSeen(&a).Compare(lastSeen(&b)) })
	header := []string{"Last seen", "Type", "Reason", "Object", "Message"}
	if t.namespaces {
		header = slices.Insert(header, 0, "Namespace")
	}
	rows := make([][]string, 0, len(events))
	for i := range events {
		e := &events[i]
		row := []string{age(e, time.Now()), e.Type, e.Reason, e.InvolvedObject.Kind + "/" + e.InvolvedObject.Name, oneLine(e.Message)}
		if t.namespaces {
			row = slices.Insert(row, 0, e.Namespace)
		}
		rows = append(rows, row)
	}
	if t.started {
		header = nil
	}
	table.Print(t.out, header, rows)
	t.started = true
}

// oneLine keeps a message within its row.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), " ")
}

func firstSeen(e *corev1.Event) time.Time {
	if e.EventTime.IsZero() {
		return e.FirstTimestamp.Time
	}
	return e.EventTime.Time
}

func lastSeen(e *corev1.Event) time.Time {
	switch {
	case e.Series != nil:
		return e.Series.LastObservedTime.Time
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	default:
		return firstSeen(e)
	}
}

// age tells when an event was last seen, and for one that was repeated how often and over which time.
func age(e *corev1.Event, now time.Time) string {
	count := e.Count
	if e.Series != nil {
		count = e.Series.Count
	}
	if count > 1 {
		return fmt.Sprintf("%s (x%d over %s)", since(lastSeen(e), now), count, since(firstSeen(e), now))
	}
	return since(cmp.Or(firstSeen(e), lastSeen(e)), now)
}

func since(t, now time.Time) string {
	if t.IsZero() {
		return "<unknown>"
	}
	return duration.HumanDuration(now.Sub(t))
}
