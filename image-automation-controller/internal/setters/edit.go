// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package setters

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v3"
)

var (
	// ErrNotYAML says that a file cannot be parsed, such as the template of a chart. Such files are left alone.
	ErrNotYAML = errors.New("not a YAML file")
	// ErrTooLarge says that parsing a file would take too much memory. Such files are left alone as well.
	ErrTooLarge = errors.New("too large for a file with markers")
	// ErrMismatch says that a change would not have the effect it should, and was not made.
	ErrMismatch = errors.New("change would not have the intended effect")
)

// Object identifies what a value belongs to. Fields are empty where the document is no Kubernetes object.
type Object struct {
	// APIVersion is the group and version.
	APIVersion string
	// Kind is the kind.
	Kind string
	// Name is metadata.name.
	Name string
	// Namespace is metadata.namespace.
	Namespace string
}

// Change is a value that was replaced.
type Change struct {
	// OldValue is what it was.
	OldValue string
	// NewValue is what it is now.
	NewValue string
	// Setter is the value of the marker, as in apps:web:tag.
	Setter string
}

// Edit is a change with the object that it is in.
type Edit struct {
	Change

	// Object is what the value belongs to.
	Object Object
}

// Apply returns content with the marked values replaced, and what was replaced in the order of the document. Without any change it returns no
// content. Errors are ErrNotYAML, ErrTooLarge or ErrMismatch.
//
// One document of the file is in memory at a time, while the result is checked two.
func Apply(content []byte, images Images) ([]byte, []Edit, error) {
	return apply(content, images, limits{bytes: MaxFileBytes, marks: maxMarks, documents: maxDocuments, changes: maxChanges})
}

// apply is Apply with limits.
func apply(content []byte, images Images, most limits) ([]byte, []Edit, error) {
	if err := most.check(content); err != nil {
		return nil, nil, err
	}
	e := &editor{source: newSource(content), images: images, wanted: map[place]string{}}
	var mismatch error
	for document, err := range documents(content) {
		if err != nil {
			return nil, nil, err
		}
		if mismatch == nil {
			mismatch = e.document(document)
		}
		if len(e.edits) > most.changes {
			return nil, nil, fmt.Errorf("%w: more than %d values change", ErrTooLarge, most.changes)
		}
	}
	if mismatch == nil && len(e.edits) == 0 {
		return nil, nil, nil
	}
	var changed []byte
	if mismatch == nil {
		changed, mismatch = e.splice()
	}
	if mismatch == nil {
		mismatch = e.verify(changed)
	}
	if mismatch != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrMismatch, mismatch)
	}
	return changed, e.edits, nil
}

// editor collects the changes of a file.
type editor struct {
	*source

	images  Images
	edits   []Edit
	splices []splice
	// wanted are the new values of the scalars that change.
	wanted map[place]string
}

// place is where a scalar begins. No two that have any text begin at the same one.
type place struct{ line, column int }

// placeOf is that of a node.
func placeOf(n *yaml.Node) place { return place{n.Line, n.Column} }

// isEmpty reports whether a scalar has no text at all, which means null.
func isEmpty(n *yaml.Node) bool { return n.Value == "" && n.Style&^yaml.TaggedStyle == 0 }

// splice is new text for a part of the source.
type splice struct {
	span

	text string
}

// document looks through a document.
func (e *editor) document(document *yaml.Node) error {
	for _, root := range document.Content {
		if err := e.children(root, identity(root)); err != nil {
			return err
		}
	}
	return nil
}

// children looks through what is in a collection. Keys are left out, as are aliases: the original is looked at where it stands.
func (e *editor) children(parent *yaml.Node, object Object) error {
	switch parent.Kind {
	case yaml.MappingNode:
		for i := 1; i < len(parent.Content); i += 2 {
			key, value := parent.Content[i-1], parent.Content[i]
			if isList(object) && key.Value == "items" && value.Kind == yaml.SequenceNode {
				if err := e.items(value, object); err != nil {
					return err
				}
				continue
			}
			if err := e.node(value, parent, object); err != nil {
				return err
			}
		}
	case yaml.SequenceNode:
		for _, item := range parent.Content {
			if err := e.node(item, parent, object); err != nil {
				return err
			}
		}
	case yaml.DocumentNode, yaml.ScalarNode, yaml.AliasNode:
	}
	return nil
}

// items looks through the items of a list, which are objects of their own.
func (e *editor) items(list *yaml.Node, object Object) error {
	for _, item := range list.Content {
		own := object
		if item.Kind == yaml.MappingNode {
			own = identity(item)
		}
		if err := e.node(item, list, own); err != nil {
			return err
		}
	}
	return nil
}

// node looks at one value.
func (e *editor) node(n, parent *yaml.Node, object Object) error {
	if n.Kind != yaml.ScalarNode {
		return e.children(n, object)
	}
	if isEmpty(n) || !strings.Contains(n.LineComment+n.HeadComment, screeningToken) {
		return nil
	}
	at, err := e.token(n)
	if err != nil {
		return err
	}
	marker, ok := e.marker(n, parent, at)
	if !ok {
		return nil
	}
	value, ok := e.images.value(marker)
	if !ok || value == n.Value {
		return nil
	}
	e.edits = append(e.edits, Edit{Object: object, Change: Change{OldValue: n.Value, NewValue: value, Setter: marker}})
	e.splices = append(e.splices, splice{at.head, render(value, n.Style)})
	if at.body.end > at.body.begin {
		e.splices = append(e.splices, splice{at.body, ""})
	}
	e.wanted[placeOf(n)] = value
	return nil
}

// marker returns the marker of a scalar: the comment on the line where it ends, or, for want of one, that on the line above it.
// Flux: image-automation-controller contract, "Where a marker counts".
func (e *editor) marker(n, parent *yaml.Node, at token) (string, bool) {
	if n.LineComment != "" {
		end := e.skipBlanks(at.head.end)
		if parent.Style&yaml.FlowStyle != 0 && e.at(end) == ',' {
			end = e.skipBlanks(end + 1)
		}
		if e.at(end) != '#' {
			return "", false
		}
		return readMarker(n.LineComment)
	}
	if !e.standsAlone(n, parent) || strings.TrimSpace(e.line(n.Line-1)) != strings.TrimSpace(n.HeadComment) {
		return "", false
	}
	return readMarker(n.HeadComment)
}

// standsAlone reports whether a scalar is the first on its line, but for the dash of an item.
func (e *editor) standsAlone(n, parent *yaml.Node) bool {
	at, err := e.offset(n)
	if err != nil {
		return false
	}
	before := strings.TrimLeft(string(e.text[e.lines[n.Line-1]:at]), " \t")
	return before == "" || parent.Kind == yaml.SequenceNode && strings.TrimRight(before, " \t") == "-"
}

// splice returns the text with the changes made, none of which may reach into another.
func (e *editor) splice() ([]byte, error) {
	slices.SortFunc(e.splices, func(a, b splice) int { return a.begin - b.begin })
	var out bytes.Buffer
	last := 0
	for _, s := range e.splices {
		if s.begin < last {
			return nil, errPlace
		}
		out.Write(e.text[last:s.begin])
		out.WriteString(s.text)
		last = s.end
	}
	out.Write(e.text[last:])
	return out.Bytes(), nil
}

// verify makes sure that the new text means what the old one meant but for the wanted values.
func (e *editor) verify(changed []byte) error {
	next, stop := iter.Pull2(documents(changed))
	defer stop()
	for before, err := range documents(e.text) {
		if err != nil {
			return errors.New(err.Error()) // it was parsed before
		}
		after, err, ok := next()
		if err != nil {
			// Not an ErrNotYAML: the file is one, and nobody may take the failure for a template that is left alone.
			return fmt.Errorf("the result cannot be parsed: %s", err.Error())
		}
		if !ok {
			return errors.New("there are fewer documents than before")
		}
		if err := e.compare(before, after); err != nil {
			return err
		}
	}
	if _, err, ok := next(); ok || err != nil {
		return errors.New("there are more documents than before")
	}
	return nil
}

// compare compares a node with what it became.
func (e *editor) compare(before, after *yaml.Node) error {
	value, changes := e.wanted[placeOf(before)]
	if changes = changes && before.Kind == yaml.ScalarNode && !isEmpty(before); !changes {
		value = before.Value
	}
	same := before.Kind == after.Kind && before.Anchor == after.Anchor && after.Value == value && len(before.Content) == len(after.Content)
	switch tagged := before.Style&yaml.TaggedStyle != 0; {
	case !same:
	case changes && !tagged:
		same = after.ShortTag() == "!!str"
	case !changes:
		same = before.Tag == after.Tag
	}
	if !same {
		return fmt.Errorf("line %d: %q became %q instead of %q", before.Line, before.Value, after.Value, value)
	}
	for i := range before.Content {
		if err := e.compare(before.Content[i], after.Content[i]); err != nil {
			return err
		}
	}
	return nil
}

// identity returns which Kubernetes object a mapping is.
func identity(n *yaml.Node) Object {
	metadata := field(n, "metadata")
	return Object{
		APIVersion: text(field(n, "apiVersion")),
		Kind:       text(field(n, "kind")),
		Name:       text(field(metadata, "name")),
		Namespace:  text(field(metadata, "namespace")),
	}
}

// isList reports whether an object is nothing but the objects in it.
func isList(o Object) bool { return o.Kind == "List" || o.Kind == "ResourceList" }

// field returns the value of a key, nil if there is none.
func field(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 1; i < len(n.Content); i += 2 {
		if n.Content[i-1].Value == key {
			return n.Content[i]
		}
	}
	return nil
}

// text returns the value of a scalar, empty for anything else.
func text(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}
