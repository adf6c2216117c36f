// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package setters

import (
	"encoding/json"
	"regexp"
	"strings"

	yaml "go.yaml.in/yaml/v3"
)

// render returns the text of a value in the style of the one that it replaces. A plain scalar stays plain unless some reader of YAML would take
// it for something else than text. Flux: image-automation-controller contract, "Writing: byte-exact rule".
func render(value string, style yaml.Style) string {
	switch {
	case style&yaml.SingleQuotedStyle != 0:
		return "'" + strings.ReplaceAll(value, "'", "''") + "'"
	case style&yaml.DoubleQuotedStyle == 0 && plain(value):
		return value
	}
	return quote(value)
}

// quote returns the value as a double-quoted scalar: JSON is YAML.
func quote(value string) string {
	b, err := json.Marshal(value)
	if err != nil {
		return `""` // a string is always encoded
	}
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(b))
}

// plain reports whether value may stand without quotes anywhere, in flow collections too, and is text to every reader.
func plain(value string) bool {
	return plainText.MatchString(value) && !strings.HasSuffix(value, ":") && !otherThanText.MatchString(value)
}

var (
	// plainText matches what has only characters of images, and begins with none that means something.
	plainText = regexp.MustCompile(`^[A-Za-z0-9_.+/-][A-Za-z0-9_.:+/@-]*$`)

	// otherThanText matches what YAML 1.1 or 1.2, or a reader between the two, takes for a number, a truth value, null, a date or a structure.
	// YAML 1.1: "Language-Independent Types"; YAML 1.2: "Core Schema".
	otherThanText = regexp.MustCompile(`^(?:` + strings.Join([]string{
		`(?i:y|yes|n|no|on|off|true|false|null|~)`,
		`[-+]?[0-9][0-9_]*`,                                                // integers, octal ones too
		`[-+]?0[bB][01_]+`, `[-+]?0[oO][0-7_]+`, `[-+]?0[xX][0-9a-fA-F_]+`, // with another base
		`[-+]?(?:[0-9][0-9_]*)?\.[0-9_]*(?:[eE][-+]?[0-9]+)?`, // floating point
		`[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+`,
		`[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?`, // base 60
		`[-+]?\.(?i:inf)`, `\.(?i:nan)`,
		`[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt].*)?`, // dates
		`-|--|---.*|\.\.\..*|<<|=`,
	}, "|") + `)$`)
)
