// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// What a chart may ask for. Charts of ordinary size stay below a tenth of each.
const (
	// renderLimit bounds the time, lookups included.
	renderLimit = 5 * time.Minute
	// maxValue bounds one text or structure, in bytes. A release of a few megabytes is as much as fits into a Secret.
	maxValue = 32 << 20
	// maxWork bounds everything that is made on the way, in bytes.
	maxWork = 256 << 20
	// maxData bounds what is parsed, as a template or as data, in bytes. A file of a chart is no larger.
	maxData = 5 << 20
	// maxItems bounds the items of a list that a function makes of a number or a text.
	maxItems = 1 << 20
	// maxDepth bounds how deep a structure may be that is printed or copied.
	maxDepth = 1000
	// maxNesting bounds how deep templates execute each other. Each level takes stack, of which Go gives a gigabyte, for its actions and
	// parentheses: 300 kB when both are as deep as they may be.
	maxNesting = 1000
	// maxActions bounds how deep actions are nested, maxParentheses how deep pipelines are.
	maxActions, maxParentheses = 100, 100
	// maxIncludes bounds how often a template is being executed at the same time. Helm: recursionMaxNums.
	maxIncludes = 1000
)

// What counts as work beside texts, in bytes.
const (
	callCost = 64  // a call of a function, a template that tpl copies
	loopCost = 256 // a round of a loop
	itemCost = 16  // an item of a list
	mapCost  = 256 // a map
	tplCost  = 4   // a byte of what tpl parses
	dataCost = 8   // a byte of what is parsed as YAML, JSON or TOML
)

// ErrLimit says that a chart asks for more than it may.
var ErrLimit = errors.New("chart exceeds the limits of rendering")

// guard bounds one rendering.
type guard struct {
	ended func() error // why it is over
	left  int          // bytes of work
	depth int
	names map[string]int // templates that are being executed
	known int            // templates there are
}

func newGuard(ctx context.Context) *guard {
	return &guard{left: maxWork, names: map[string]int{}, ended: func() error { return context.Cause(ctx) }}
}

// work counts some bytes.
func (g *guard) work(n int) error {
	if g.left -= n; g.left < 0 {
		return fmt.Errorf("%w: templates make more than %d bytes", ErrLimit, maxWork)
	}
	return nil
}

// nest executes a template inside of another.
func (g *guard) nest(execute func() (string, error)) (string, error) {
	if g.depth >= maxNesting {
		return "", fmt.Errorf("%w: templates execute each other more than %d levels deep", ErrLimit, maxNesting)
	}
	g.depth++
	defer func() { g.depth-- }()
	return execute()
}

// output takes what a template prints.
type output struct {
	*guard

	text strings.Builder
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	if err := o.work(len(p)); err != nil {
		return 0, err
	}
	if o.text.Len()+len(p) > maxValue {
		return 0, tooLarge()
	}
	return o.text.Write(p)
}

func tooLarge() error { return fmt.Errorf("%w: a value is larger than %d bytes", ErrLimit, maxValue) }

// kept counts a value that a template holds on to, as far as that is easily seen.
func (g *guard) kept(value reflect.Value) (reflect.Value, error) {
	return value, g.work(weigh(dig(value)))
}

// printed looks at a value that is about to be printed.
func (g *guard) printed(value reflect.Value) (reflect.Value, error) {
	if dig(value).Kind() == reflect.String {
		return value, nil // which is counted when it is written
	}
	size, err := measure(value, 0)
	if err == nil {
		err = g.work(size)
	}
	return value, err
}

// round counts one round of a loop, and prints nothing.
func (g *guard) round() (string, error) {
	if err := g.ended(); err != nil {
		return "", err
	}
	return "", g.work(loopCost)
}

// weigh tells what a value takes itself, without what is in it.
func weigh(v reflect.Value) int {
	switch v.Kind() {
	case reflect.String:
		return v.Len()
	case reflect.Slice:
		return itemCost * v.Len()
	case reflect.Map:
		return mapCost
	default:
		return itemCost
	}
}

// measure tells what a value takes with all that is in it, each time that it is in it, with the space that indents it. A value that is in itself
// is too deep.
func measure(v reflect.Value, depth int) (int, error) {
	if depth > maxDepth {
		return 0, fmt.Errorf("%w: a value is more than %d levels deep", ErrLimit, maxDepth)
	}
	v = dig(v)
	size := itemCost + 2*depth
	add := func(inner reflect.Value) error {
		n, err := measure(inner, depth+1)
		if size += n; err == nil && size > maxValue {
			err = tooLarge()
		}
		return err
	}
	switch v.Kind() { //nolint:exhaustive // nothing else holds what a chart could put there
	case reflect.String:
		size += v.Len()
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return size + v.Len(), nil
		}
		for i := range v.Len() {
			if err := add(v.Index(i)); err != nil {
				return size, err
			}
		}
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			if err := errors.Join(add(entries.Key()), add(entries.Value())); err != nil {
				return size, err
			}
		}
	}
	if size > maxValue {
		return size, tooLarge()
	}
	return size, nil
}
