// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/cli/internal/table"
)

// watchPause is how long to wait before a watch that ended is opened again.
const watchPause = time.Second

// follow sends the events of a scope from a version on. API servers end watches after a while: then everything is listed again, and who
// receives knows what it has seen.
func (s scope) follow(ctx context.Context, c client.WithWatch, version string, changes chan<- corev1.Event) error {
	for {
		if err := s.watch(ctx, c, version, changes); err != nil {
			return err
		}
		select {
		case <-time.After(watchPause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		list, err := s.list(ctx, c)
		if err != nil {
			return err
		}
		version = list.ResourceVersion
		for i := range list.Items {
			if !send(ctx, changes, &list.Items[i]) {
				return context.Cause(ctx)
			}
		}
	}
}

// watch sends events until the watch ends.
func (s scope) watch(ctx context.Context, c client.WithWatch, version string, changes chan<- corev1.Event) error {
	from := &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: version}}
	watching, err := c.Watch(ctx, new(corev1.EventList), append(s.options(), from)...)
	if err != nil {
		return fmt.Errorf("watch events: %w", err)
	}
	defer watching.Stop()
	for change := range watching.ResultChan() {
		event, ok := change.Object.(*corev1.Event)
		if !ok || (change.Type != watch.Added && change.Type != watch.Modified) {
			continue
		}
		if !send(ctx, changes, event) {
			return context.Cause(ctx)
		}
	}
	return nil
}

// send tells whether somebody took the event.
func send(ctx context.Context, changes chan<- corev1.Event, event *corev1.Event) bool {
	select {
	case changes <- *event:
		return true
	case <-ctx.Done():
		return false
	}
}

// eventTable prints rows of events, with one header before the first.
type eventTable struct {
	out        io.Writer
	namespaces bool
	started    bool
}

func (t *eventTable) print(events []corev1.Event) {
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
