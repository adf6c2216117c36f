// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"slices"
	"strings"
)

// Action is what happened to an object.
type Action string

// The actions, as they appear in events and logs.
const (
	Created    Action = "created"
	Configured Action = "configured"
	Unchanged  Action = "unchanged"
	Skipped    Action = "skipped"
	Deleted    Action = "deleted"
	Unknown    Action = "unknown"
)

// Change tells what happened to one object.
type Change struct {
	Entry

	Subject string
	Action  Action
}

// Contested names an object that somebody else keeps changing back.
type Contested struct {
	Entry

	Subject string
	// Manager is the field manager that wrote last before us, empty if unknown.
	Manager string
	// Owner is the other owner that applies the same object, zero if there is none.
	Owner Owner
	// Times counts the corrections in a row.
	Times int
}

// Changes are the results of one call, in the order in which objects were worked on.
type Changes struct {
	Items     []Change
	Contested []Contested
}

// Append adds the results of a later call.
func (c *Changes) Append(more Changes) {
	c.Items = append(c.Items, more.Items...)
	c.Contested = append(c.Contested, more.Contested...)
}

// Changed returns what was created or configured.
func (c Changes) Changed() []Change { return c.Only(Created, Configured) }

// Only returns the changes with one of the given actions.
func (c Changes) Only(actions ...Action) []Change {
	var list []Change
	for _, item := range c.Items {
		if slices.Contains(actions, item.Action) {
			list = append(list, item)
		}
	}
	return list
}

// Lines returns one "<subject> <action>" per line; without actions, of all.
func (c Changes) Lines(actions ...Action) string {
	items := c.Items
	if len(actions) > 0 {
		items = c.Only(actions...)
	}
	lines := make([]string, 0, len(items))
	for _, item := range items {
		lines = append(lines, item.Subject+" "+string(item.Action))
	}
	return strings.Join(lines, "\n")
}

// Map returns subject → action.
func (c Changes) Map() map[string]Action {
	m := make(map[string]Action, len(c.Items))
	for _, item := range c.Items {
		m[item.Subject] = item.Action
	}
	return m
}

// Grouped returns action → subjects.
func (c Changes) Grouped() map[Action][]string {
	m := map[Action][]string{}
	for _, item := range c.Items {
		m[item.Action] = append(m[item.Action], item.Subject)
	}
	return m
}
