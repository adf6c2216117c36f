// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package values

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"helm.sh/helm/v3/pkg/strvals"
)

// maxListItems bounds how many list items one expression may address, counted as the sum of its indexes. Data of a megabyte could address
// more items than there is memory for; Helm limits each index alone.
const maxListItems = 1 << 20

// ErrTooManyItems says that an expression addresses list items far out.
var ErrTooManyItems = errors.New("too many list items")

// Set sets the value at a path, as --set of the helm command does; data in quotes is a string, as with --set-string.
func Set(values map[string]any, path, data string) error {
	if quoted(data, "'") || quoted(data, "\"") {
		// Flux trims both kinds of quotes, whichever it found.
		return parse(values, path, strings.Trim(data, "'\""), strvals.ParseIntoString)
	}
	return parse(values, path, data, strvals.ParseInto)
}

func quoted(data, quote string) bool {
	return strings.HasPrefix(data, quote) && strings.HasSuffix(data, quote)
}

// SetLiteral sets data at a path as it is.
func SetLiteral(values map[string]any, path, data string) error {
	escaped := strings.NewReplacer("\\", "\\\\", ",", "\\,", "[", "\\[", "]", "\\]", "{", "\\{", "}", "\\}").Replace(data)
	return parse(values, path, escaped, strvals.ParseIntoString)
}

func parse(values map[string]any, path, data string, into func(string, map[string]any) error) error {
	expression := path + "=" + data
	if n := addressed(expression); n > maxListItems {
		return fmt.Errorf("%w: more than %d", ErrTooManyItems, maxListItems)
	}
	return into(expression, values)
}

// addressed sums up the indexes in the keys of an expression: key=value,key=value,…. Where a comma, an equals sign or a backslash has another
// meaning than here it counts too much rather than too little.
func addressed(expression string) int {
	index := regexp.MustCompile(`\[\+?([0-9]+)\]`)
	sum := 0
	for assignment := range strings.SplitSeq(expression, ",") {
		key := assignment[:max(strings.LastIndexByte(assignment, '='), 0)]
		if !strings.Contains(key, "[") {
			continue
		}
		for _, match := range index.FindAllStringSubmatch(strings.ReplaceAll(key, "\\", ""), -1) {
			if n, err := strconv.Atoi(match[1]); err == nil {
				sum += min(n, strvals.MaxIndex) + 1
			}
		}
	}
	return sum
}
