// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package observe holds the commands that show what happens and why: events, logs, trace and tree.
package observe

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/cli/internal/follow"
	"github.com/weir-gitops/weir/cli/internal/kinds"
	"github.com/weir-gitops/weir/cli/internal/session"
)

// Commands returns the commands of the group.
func Commands(s *session.Session) []*cobra.Command {
	return []*cobra.Command{eventsCommand(s), logsCommand(s), traceCommand(s), treeCommand(s)}
}

// events is one run of events.
type events struct {
	session *session.Session

	all, watch bool
	of         string
	types      []string

	kind kinds.Kind // empty for all kinds
	name string     // empty for all names
}

// scope is where events are looked for: a namespace, empty for all, and what they are about.
type scope struct {
	namespace, kind, name string
}

func eventsCommand(s *session.Session) *cobra.Command {
	e := &events{session: s}
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Show events of the objects of the toolkit",
		Long: "Shows what controllers said about their objects, the oldest first. With the name of an object the events of its source are shown as well:\n" +
			"what is wrong with an applier is often wrong with its source.",
		Example: "  # What went wrong anywhere\n  weir events -A --types=Warning\n\n  # Follow one applier and its source\n  weir events --for Kustomization/apps --watch",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := e.validate(cmd.Flags().Changed("for")); err != nil {
				return err
			}
			return e.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&e.of, "for", "", "show events of a kind, or of one object as Kind/name")
	flags.BoolVarP(&e.all, "all-namespaces", "A", false, "show the events of every namespace")
	flags.BoolVarP(&e.watch, "watch", "w", false, "show new events until interrupted")
	flags.StringSliceVar(&e.types, "types", nil, "show events of these types only: Normal, Warning")
	return cmd
}

func (e *events) validate(named bool) error {
	for i, t := range e.types {
		known := []string{corev1.EventTypeNormal, corev1.EventTypeWarning}
		j := slices.IndexFunc(known, func(k string) bool { return strings.EqualFold(k, t) })
		if j < 0 {
			return fmt.Errorf("invalid --types '%s': it has to be one of %s", t, strings.Join(known, ", "))
		}
		e.types[i] = known[j]
	}
	if !named {
		return nil
	}
	kind, name, found := strings.Cut(e.of, "/")
	if kind == "" || (found && name == "") {
		return fmt.Errorf("invalid --for '%s': want Kind or Kind/name", e.of)
	}
	known, ok := kinds.Named(kind)
	if !ok {
		return fmt.Errorf("invalid --for '%s': '%s' is no kind of the toolkit; these are: %s", e.of, kind, strings.Join(kinds.Names(), ", "))
	}
	e.kind, e.name = known, name
	return nil
}

func (e *events) run(ctx context.Context) error {
	c, err := e.session.Client()
	if err != nil {
		return err
	}
	bounded, cancel := e.session.Bounded(ctx)
	defer cancel()
	scopes, err := e.scopes(bounded, c)
	if err != nil {
		return err
	}
	var found []corev1.Event
	for _, where := range scopes {
		list := new(corev1.EventList)
		if err := c.List(bounded, list, where.options()...); err != nil {
			return fmt.Errorf("list events: %w", err)
		}
		found = append(found, list.Items...)
	}
	found = slices.DeleteFunc(found, func(event corev1.Event) bool { return !e.takes(&event) })
	out := &eventTable{out: e.session.Out, namespaces: e.all || slices.ContainsFunc(scopes, func(s scope) bool { return s.namespace != e.session.Namespace })}
	out.print(found)
	if e.watch {
		return e.follow(ctx, c, scopes, out)
	}
	if len(found) == 0 {
		e.session.Failure("no events found")
	}
	return nil
}

// scopes lists what was asked for, and with the name of an object what that is made from.
func (e *events) scopes(ctx context.Context, c client.Client) ([]scope, error) {
	namespace := e.session.Namespace
	if e.all {
		namespace = ""
	}
	scopes := []scope{{namespace: namespace, kind: e.kind.Kind, name: e.name}}
	if e.name == "" {
		return scopes, nil
	}
	list := e.kind.List()
	if err := c.List(ctx, list, client.InNamespace(namespace), client.MatchingFields{"metadata.name": e.name}); err != nil && !meta.IsNoMatchError(err) {
		return nil, err
	}
	for i := range list.Items {
		for _, ref := range references(&list.Items[i]) {
			if s := (scope{ref.Namespace, ref.kind, ref.Name}); !slices.Contains(scopes, s) {
				scopes = append(scopes, s)
			}
		}
	}
	return scopes, nil
}

// options select the events of a scope on the server.
func (s scope) options() []client.ListOption {
	fields := client.MatchingFields{}
	if s.kind != "" {
		fields["involvedObject.kind"] = s.kind
	}
	if s.name != "" {
		fields["involvedObject.name"] = s.name
	}
	return []client.ListOption{client.InNamespace(s.namespace), fields}
}

// takes tells whether an event is about a kind of the toolkit and of a type that was asked for.
func (e *events) takes(event *corev1.Event) bool {
	if len(e.types) > 0 && !slices.Contains(e.types, event.Type) {
		return false
	}
	gv, err := schema.ParseGroupVersion(event.InvolvedObject.APIVersion)
	if err != nil {
		return false
	}
	k, known := kinds.Of(event.InvolvedObject.Kind)
	return known && (gv.Group == "" || gv.Group == k.GroupVersionKind.Group)
}

// follow prints events as they come, other than those that were printed before.
func (e *events) follow(ctx context.Context, c client.WithWatch, scopes []scope, out *eventTable) error {
	ctx, cancel := e.session.Stream(ctx)
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	changes := make(chan watch.Event)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer stop(nil)
	for _, where := range scopes {
		watching.Go(func() {
			stop(follow.Objects(ctx, c, new(corev1.EventList), where.options(), func(some []watch.Event) (bool, error) {
				return false, send(ctx, some, changes)
			}))
		})
	}
	for {
		select {
		case change := <-changes:
			if event, ok := change.Object.(*corev1.Event); ok && change.Type != watch.Deleted && e.takes(event) {
				out.print([]corev1.Event{*event})
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// send passes changes on until nobody takes them any more.
func send(ctx context.Context, some []watch.Event, changes chan<- watch.Event) error {
	for _, change := range some {
		select {
		case changes <- change:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
