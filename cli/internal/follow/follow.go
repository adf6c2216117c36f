// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package follow tells of objects as they are and of every change after that.
package follow

import (
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// pause is how long to wait before a watch that ended is opened again.
const pause = time.Second

// Take gets objects: those that are there all at once, then each change by itself. It tells whether that is enough.
type Take func(changes []watch.Event) (enough bool, err error)

// Objects hands over what a list finds, and then every change, until take has enough or fails, or ctx ends, whose cause is returned. API
// servers end watches after a while: then everything is listed again, and what was handed over before is left out.
func Objects(ctx context.Context, c client.WithWatch, list client.ObjectList, options []client.ListOption, take Take) error {
	f := &follower{client: c, options: options, take: take, versions: map[types.UID]string{}}
	for first := true; ; first = false {
		enough, err := f.once(ctx, list, first)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case enough || err != nil:
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// follower is one run of Objects.
type follower struct {
	client  client.WithWatch
	options []client.ListOption
	take    Take
	// versions are those in which objects were handed over.
	versions map[types.UID]string
}

// once lists, and watches from there until the watch ends. The first list is handed over even if there is nothing in it.
func (f *follower) once(ctx context.Context, list client.ObjectList, first bool) (enough bool, err error) {
	if err := f.client.List(ctx, list, f.options...); err != nil {
		return false, err
	}
	items, err := meta.ExtractList(list)
	if err != nil {
		return false, err
	}
	var found []watch.Event
	for _, item := range items {
		if event := (watch.Event{Type: watch.Added, Object: item}); f.isNew(event) {
			found = append(found, event)
		}
	}
	if first || len(found) > 0 {
		if enough, err := f.take(found); enough || err != nil {
			return enough, err
		}
	}
	// A list with a watch from its version misses nothing in between.
	from := &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.GetResourceVersion()}}
	watching, err := f.client.Watch(ctx, list, append(slices.Clip(f.options), from)...)
	if err != nil {
		return false, err
	}
	defer watching.Stop()
	for event := range watching.ResultChan() {
		if !f.isNew(event) {
			continue
		}
		if enough, err := f.take([]watch.Event{event}); enough || err != nil {
			return enough, err
		}
	}
	return false, nil
}

// isNew tells whether an event is about an object in a state that was not handed over, and notes that it is now.
func (f *follower) isNew(event watch.Event) bool {
	if event.Type != watch.Added && event.Type != watch.Modified && event.Type != watch.Deleted {
		return false
	}
	obj, err := meta.Accessor(event.Object)
	if err != nil || f.versions[obj.GetUID()] == obj.GetResourceVersion() {
		return false
	}
	f.versions[obj.GetUID()] = obj.GetResourceVersion()
	return true
}
