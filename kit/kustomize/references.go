// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

const (
	// maxReferences bounds a chain of references that lead to nothing but references, and the ways through the types of a file that "crds" names.
	// Real ones have a few and some hundred.
	maxReferences = 10_000
	// referenceKey is how a schema refers to another one.
	referenceKey = "$ref"
)

var (
	errReferenceCycle = errors.New("references of the schema lead in a circle")
	errReferenceAway  = errors.New("the schema refers to a part of a definition that is not its own")
	errReferences     = fmt.Errorf("references of the schema lead along more than %d ways", maxReferences)
)

// checkSchema looks at content as at a schema that "openapi" names. The engine follows its references for ever where they lead in a circle, with all
// other builds waiting.
func checkSchema(content []byte) error {
	for _, text := range documents(string(content)) {
		if root, ok := parseDocument(text); ok {
			if err := checkDefinitions(root, root); err != nil {
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

// fields calls visit with every key and value of a mapping, those that it merges included.
func fields(n *yaml.Node, visit func(key string, value *yaml.Node)) {
	if n = resolved(n); n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], resolved(n.Content[i+1])
		if key.Tag != "!!merge" {
			visit(key.Value, value)
			continue
		}
		fields(value, visit)
		if value.Kind == yaml.SequenceNode {
			for _, one := range value.Content {
				fields(one, visit)
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

// checkDefinitions follows every reference below n. It has to come to an end in the document itself, or at a built-in definition.
func checkDefinitions(root, n *yaml.Node) error {
	if n.Kind == yaml.AliasNode {
		return nil // checked where it is anchored
	}
	if n.Kind == yaml.MappingNode {
		for _, to := range referencesOf(n) {
			if err := follow(root, to); err != nil {
				return err
			}
		}
	}
	for _, child := range n.Content {
		if err := checkDefinitions(root, child); err != nil {
			return err
		}
	}
	return nil
}

func referencesOf(n *yaml.Node) []string {
	var list []string
	fields(n, func(key string, value *yaml.Node) {
		if strings.EqualFold(key, referenceKey) && value.Kind == yaml.ScalarNode {
			list = append(list, value.Value)
		}
	})
	return list
}

// follow goes from reference to reference, along the first where a node has several.
func follow(root *yaml.Node, to string) error {
	seen := make(map[string]bool)
	for !seen[to] {
		seen[to] = true
		_, fragment, _ := strings.Cut(to, "#")
		if unescaped, err := url.PathUnescape(fragment); err == nil {
			fragment = unescaped
		}
		path := strings.Split(strings.Trim(fragment, "/"), "/")
		target := lookup(root, path)
		if target == nil {
			if path[0] == "definitions" && len(path) > 2 {
				return errReferenceAway
			}
			return nil
		}
		next := referencesOf(target)
		if len(next) == 0 {
			return nil
		}
		to = next[0]
	}
	return errReferenceCycle
}

// lookup returns what a JSON pointer leads to, nil if that is nothing.
func lookup(n *yaml.Node, path []string) *yaml.Node {
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
		var found *yaml.Node
		fields(n, func(key string, value *yaml.Node) {
			if key == segment {
				found = value
			}
		})
		if found == nil {
			return nil
		}
		n = found
	}
	return resolved(n)
}

// typeGraph tells the properties of a type refer to.
type typeGraph map[string][]string

// checkTypes reads a document as a file of "crds": a type by its name, with a schema whose properties may refer to types. The engine goes along all
// ways, until the stack is exhausted where one leads in a circle.
func checkTypes(root *yaml.Node) error {
	graph := typeGraph{}
	fields(root, func(name string, definition *yaml.Node) {
		fields(definition, func(key string, schema *yaml.Node) {
			if !strings.EqualFold(key, "schema") {
				return
			}
			fields(schema, func(key string, properties *yaml.Node) {
				if !strings.EqualFold(key, "properties") {
					return
				}
				fields(properties, func(_ string, property *yaml.Node) {
					graph[name] = append(graph[name], referencesOf(property)...)
				})
			})
		})
	})
	known := make(map[string]int, len(graph))
	for name := range graph {
		if _, err := graph.ways(name, known, 0); err != nil {
			return err
		}
	}
	return nil
}

// ways returns how many ways lead on from a type. known are those of types that were asked for, 0 while they are open.
func (g typeGraph) ways(name string, known map[string]int, depth int) (int, error) {
	if n, asked := known[name]; asked {
		if n == 0 {
			return 0, fmt.Errorf("%w: %q", errReferenceCycle, name)
		}
		return n, nil
	}
	if depth > maxDepth {
		return 0, errTooDeep
	}
	known[name] = 0
	total := 1
	for _, next := range g[name] {
		n, err := g.ways(next, known, depth+1)
		if err != nil {
			return 0, err
		}
		if total += n; total > maxReferences {
			return 0, errReferences
		}
	}
	known[name] = total
	return total, nil
}
