// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fluxcd/pkg/ssa/jsondiff"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// IgnoreRule leaves fields out of drift detection.
type IgnoreRule struct {
	// Paths are RFC 6901 JSON pointers.
	Paths []string
	// Target selects the objects; nil selects all.
	Target *jsondiff.Selector
}

// ignorePath is one parsed JSON pointer.
type ignorePath []string

// String returns the pointer.
func (p ignorePath) String() string {
	var b strings.Builder
	for _, seg := range p {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(seg))
	}
	return b.String()
}

type compiledRule struct {
	selector *jsondiff.SelectorRegex
	paths    []ignorePath
}

type ignoreRules []compiledRule

// compileIgnoreRules checks the rules. Several rules without target add up.
func compileIgnoreRules(rules []IgnoreRule) (ignoreRules, error) {
	var errs []error
	var compiled ignoreRules
	for i, rule := range rules {
		selector, err := jsondiff.NewSelectorRegex(rule.Target)
		if err != nil {
			errs = append(errs, fmt.Errorf("ignore rule %d: %w", i, err))
			continue
		}
		c := compiledRule{selector: selector}
		for _, pointer := range rule.Paths {
			path, err := parsePointer(pointer)
			if err != nil {
				errs = append(errs, fmt.Errorf("ignore rule %d: %w", i, err))
				continue
			}
			c.paths = append(c.paths, path)
		}
		compiled = append(compiled, c)
	}
	return compiled, errors.Join(errs...)
}

func parsePointer(pointer string) (ignorePath, error) {
	rest, ok := strings.CutPrefix(pointer, "/")
	if !ok || rest == "" {
		return nil, fmt.Errorf("invalid JSON pointer %q", pointer)
	}
	path := strings.Split(rest, "/")
	for i, seg := range path {
		for j := strings.IndexByte(seg, '~'); j >= 0; {
			if j+1 >= len(seg) || (seg[j+1] != '0' && seg[j+1] != '1') {
				return nil, fmt.Errorf("invalid JSON pointer %q", pointer)
			}
			next := strings.IndexByte(seg[j+2:], '~')
			if next < 0 {
				break
			}
			j += 2 + next
		}
		path[i] = strings.ReplaceAll(strings.ReplaceAll(seg, "~1", "/"), "~0", "~")
	}
	return path, nil
}

// matching returns the paths to ignore in u.
func (rules ignoreRules) matching(u *unstructured.Unstructured) []ignorePath {
	var paths []ignorePath
	for _, rule := range rules {
		if rule.selector.MatchUnstructured(u) {
			paths = append(paths, rule.paths...)
		}
	}
	return paths
}

// lookup returns the value at the path.
func (p ignorePath) lookup(root any) (any, bool) {
	for _, seg := range p {
		switch node := root.(type) {
		case map[string]any:
			v, ok := node[seg]
			if !ok {
				return nil, false
			}
			root = v
		case []any:
			i, err := strconv.Atoi(seg)
			if err != nil || i < 0 || i >= len(node) {
				return nil, false
			}
			root = node[i]
		default:
			return nil, false
		}
	}
	return root, true
}

// remove takes the value at the path away; an absent path is fine. Removing an element moves the ones behind it.
func (p ignorePath) remove(root map[string]any) {
	last := p[len(p)-1]
	parent, ok := p[:len(p)-1].lookup(root)
	if !ok {
		return
	}
	switch node := parent.(type) {
	case map[string]any:
		delete(node, last)
	case []any:
		i, err := strconv.Atoi(last)
		if err != nil || i < 0 || i >= len(node) {
			return
		}
		p[:len(p)-1].set(root, append(node[:i:i], node[i+1:]...))
	}
}

// set replaces the value at the path, which must exist.
func (p ignorePath) set(root map[string]any, value any) {
	if len(p) == 0 {
		return
	}
	parent, ok := p[:len(p)-1].lookup(root)
	if !ok {
		return
	}
	last := p[len(p)-1]
	switch node := parent.(type) {
	case map[string]any:
		node[last] = value
	case []any:
		if i, err := strconv.Atoi(last); err == nil && i >= 0 && i < len(node) {
			node[i] = value
		}
	}
}

// payload returns what is sent for it when something else than an ignored field drifted: an ignored field whose value differs
// is left out if another Apply manager owns it, or if it is not there at all, and else sent as it is in the cluster. The
// paths are worked on from the last to the first so that indexes stay valid.
func (it *item) payload(live, dryRun *unstructured.Unstructured, field string) *unstructured.Unstructured {
	if len(it.rules) == 0 {
		return it.obj
	}
	out := it.obj.DeepCopy()
	others := otherAppliers(live, field)
	for _, path := range slices.Backward(it.rules) {
		if _, wanted := path.lookup(out.Object); !wanted {
			continue
		}
		liveValue, there := path.lookup(live.Object)
		newValue, stays := path.lookup(dryRun.Object)
		if there == stays && apiequality.Semantic.DeepEqual(liveValue, newValue) {
			continue
		}
		if !there || ownedBy(others, live, path) {
			path.remove(out.Object)
			continue
		}
		path.set(out.Object, liveValue)
	}
	return out
}
