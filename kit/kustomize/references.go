// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

const (
	// maxReferences bounds a chain of references that lead to nothing but references, and the ways on from a type of a file that "crds" names.
	// Real ones have a few and some hundred.
	maxReferences = 10_000
	// referenceKey is how a schema refers to another one.
	referenceKey = "$ref"
	// mergeTag is that of the key of what a mapping merges.
	mergeTag = "!!merge"
)

var (
	errReferenceCycle = errors.New("references of the schema lead in a circle")
	errReferenceAway  = errors.New("the schema refers to a part of a definition that is not its own")
	errReferences     = fmt.Errorf("references of the schema lead along more than %d ways", maxReferences)
)

// eachDocument checks the documents of a stream, as far as they parse.
func eachDocument(content []byte, check func(root *yaml.Node) error) error {
	for _, text := range documents(string(content)) {
		if root, ok := parseDocument(text); ok {
			if err := check(root); err != nil {
				return err
			}
		}
	}
	return nil
}

// parseDocument returns what is in a document of YAML, or of JSON, not all of which is YAML: that has no surrogates.
func parseDocument(text string) (root *yaml.Node, ok bool) {
	defer func() {
		if recover() != nil { // the engine recovers from this panic of the parser on its own
			root, ok = nil, false
		}
	}()
	var document yaml.Node
	err := yaml.NewDecoder(strings.NewReader(text)).Decode(&document)
	if err != nil && json.Valid([]byte(text)) {
		var value any
		if err = json.Unmarshal([]byte(text), &value); err == nil {
			err = document.Encode(value)
		}
	}
	switch {
	case err != nil:
		return nil, false
	case document.Kind == yaml.DocumentNode && len(document.Content) == 1:
		return document.Content[0], true
	}
	return &document, true
}

// fields calls visit with every key and value of a mapping; first with those that it merges, which later ones replace.
func fields(n *yaml.Node, visit func(key string, value *yaml.Node)) {
	if n = resolved(n); n.Kind != yaml.MappingNode {
		return
	}
	for key, value := range pairs(n) {
		if key.Tag != mergeTag {
			continue
		}
		fields(value, visit)
		if value.Kind == yaml.SequenceNode {
			for _, one := range slices.Backward(value.Content) {
				fields(one, visit)
			}
		}
	}
	for key, value := range pairs(n) {
		if key.Tag != mergeTag {
			visit(key.Value, value)
		}
	}
}

// pairs are the keys and values of a mapping.
func pairs(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], resolved(n.Content[i+1])) {
				return
			}
		}
	}
}

func resolved(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

// referencesOf returns what a schema refers to itself, not below.
func referencesOf(n *yaml.Node) []string {
	var list []string
	fields(n, func(key string, value *yaml.Node) {
		if strings.EqualFold(key, referenceKey) && value.Kind == yaml.ScalarNode {
			list = append(list, value.Value)
		}
	})
	return list
}

// graph is what leads on to what.
type graph struct {
	next  func(name string) ([]string, error)
	known map[string]int // ways that lead on from what was asked for, 0 while it is open
}

// ways returns how many ways lead on from a name.
func (g *graph) ways(name string, depth int) (int, error) {
	if n, asked := g.known[name]; asked {
		if n == 0 {
			return 0, fmt.Errorf("%w: %q", errReferenceCycle, name)
		}
		return n, nil
	}
	if depth > maxReferences { // before the stack is too large
		return 0, errReferences
	}
	g.known[name] = 0
	names, err := g.next(name)
	if err != nil {
		return 0, err
	}
	total := 1
	for _, next := range names {
		n, err := g.ways(next, depth+1)
		if err != nil {
			return 0, err
		}
		if total += n; total > maxReferences {
			return 0, errReferences
		}
	}
	g.known[name] = total
	return total, nil
}

// definitions is a file that "openapi" names. Everything is looked at once, as many references may lead to one place.
type definitions struct {
	root    *yaml.Node
	indexes map[*yaml.Node]map[string]*yaml.Node // of mappings
}

// checkDefinitions follows every reference. It has to come to an end in the document itself, or at a built-in definition: the engine follows those
// that lead in a circle for ever, with all other builds waiting.
func checkDefinitions(root *yaml.Node) error {
	d := definitions{root: root, indexes: make(map[*yaml.Node]map[string]*yaml.Node)}
	return (&graph{next: d.next, known: make(map[string]int)}).checkBelow(root)
}

// checkBelow follows every reference in a node.
func (g *graph) checkBelow(n *yaml.Node) error {
	if n.Kind == yaml.AliasNode {
		return nil // checked where it is anchored
	}
	for _, to := range referencesOf(n) {
		if _, err := g.ways(to, 0); err != nil {
			return err
		}
	}
	for _, child := range n.Content {
		if err := g.checkBelow(child); err != nil {
			return err
		}
	}
	return nil
}

// next returns the references that a reference leads to.
func (d *definitions) next(to string) ([]string, error) {
	_, fragment, _ := strings.Cut(to, "#")
	if unescaped, err := url.PathUnescape(fragment); err == nil {
		fragment = unescaped
	}
	path := strings.Split(strings.Trim(fragment, "/"), "/")
	target := d.lookup(path)
	switch {
	case target != nil:
		return referencesOf(target), nil
	case path[0] == "definitions" && len(path) > 2:
		return nil, errReferenceAway
	}
	return nil, nil
}

// lookup returns what a JSON pointer leads to, nil if that is nothing.
func (d *definitions) lookup(path []string) *yaml.Node {
	n := d.root
	for _, segment := range path {
		segment = strings.NewReplacer("~1", "/", "~0", "~").Replace(segment)
		n = resolved(n)
		if n.Kind == yaml.SequenceNode {
			i, err := strconv.Atoi(segment)
			if err != nil || i < 0 || i >= len(n.Content) {
				return nil
			}
			n = n.Content[i]
			continue
		}
		found, ok := d.index(n)[segment]
		if !ok {
			return nil
		}
		n = found
	}
	return resolved(n)
}

// index returns what is in a mapping, by key.
func (d *definitions) index(n *yaml.Node) map[string]*yaml.Node {
	index, ok := d.indexes[n]
	if !ok {
		index = make(map[string]*yaml.Node, len(n.Content)/2)
		fields(n, func(key string, value *yaml.Node) { index[key] = value })
		d.indexes[n] = index
	}
	return index
}

// checkTypes reads a document as a file of "crds": a type by its name, with a schema whose properties may refer to types. From each that looks like
// a kind the engine goes along all ways, until the stack is exhausted where one leads in a circle.
func checkTypes(root *yaml.Node) error {
	references, properties := make(map[string][]string), make(map[string]map[string]bool)
	fields(root, func(name string, definition *yaml.Node) {
		properties[name] = make(map[string]bool)
		propertiesOf(definition, func(key string, property *yaml.Node) {
			properties[name][key] = true
			references[name] = append(references[name], referencesOf(property)...)
		})
	})
	g := graph{next: func(name string) ([]string, error) { return references[name], nil }, known: make(map[string]int)}
	for _, name := range slices.Sorted(maps.Keys(properties)) { // so that the same one is named each time
		has := properties[name]
		if !has["kind"] || !has["apiVersion"] || !has["metadata"] {
			continue
		}
		if _, err := g.ways(name, 0); err != nil {
			return err
		}
	}
	return nil
}

// propertiesOf visits the properties of a type.
func propertiesOf(definition *yaml.Node, visit func(key string, property *yaml.Node)) {
	fields(definition, func(key string, schema *yaml.Node) {
		if !strings.EqualFold(key, "schema") {
			return
		}
		fields(schema, func(key string, properties *yaml.Node) {
			if strings.EqualFold(key, "properties") {
				fields(properties, visit)
			}
		})
	})
}
