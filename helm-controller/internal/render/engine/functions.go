// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"text/template"

	"github.com/BurntSushi/toml"
	"github.com/Masterminds/sprig/v3"
	"sigs.k8s.io/yaml"
	goyaml "sigs.k8s.io/yaml/goyaml.v3"

	"github.com/weir-gitops/weir/kit/helmchart"
)

// builtins are the functions of text/template itself.
func builtins() []string {
	return []string{
		"and", "call", "html", "index", "slice", "js", "len", "not", "or", "print", "printf", "println", "urlquery",
		"eq", "ge", "gt", "le", "lt", "ne",
	}
}

// all are the functions that Helm gives to templates, but for the nested ones, each within its bounds.
func (g *guard) all(ctx context.Context, e Engine) template.FuncMap {
	all := sprig.TxtFuncMap()
	for _, name := range []string{"env", "expandenv"} {
		delete(all, name)
	}
	maps.Copy(all, template.FuncMap{
		"toToml": toTOML, "fromToml": fromTOML, "toYaml": toYAML, "toYamlPretty": toPrettyYAML, "fromYaml": fromYAML, "fromYamlArray": fromYAMLArray,
		"toJson": toJSON, "fromJson": fromJSON, "fromJsonArray": fromJSONArray,
		"required": required, "fail": fail,
		"lookup": func(apiVersion, kind, namespace, name string) (map[string]any, error) {
			return e.Lookup(ctx, apiVersion, kind, namespace, name)
		},
		// The package of text/template has these itself; only here they can be bounded.
		"print": fmt.Sprint, "printf": fmt.Sprintf, "println": fmt.Sprintln,
		"html": template.HTMLEscaper, "js": template.JSEscaper, "urlquery": template.URLQueryEscaper,
	})
	if !e.EnableDNS {
		all["getHostByName"] = func(string) string { return "" }
	}
	for name, function := range all {
		all[name] = g.bounded(name, function)
	}
	all[keptFunction], all[printedFunction], all[roundFunction] = g.kept, g.printed, g.round
	return all
}

// required refuses a value that is not there.
func required(warning string, value any) (any, error) {
	if value == nil || value == "" {
		return value, errors.New(saidBegin + warning + saidEnd)
	}
	return value, nil
}

// fail ends the rendering.
func fail(message string) (string, error) { return "", errors.New(saidBegin + message + saidEnd) }

// The functions below swallow errors, or return them as a value, as those of Helm do: charts depend on that.

func toYAML(value any) string {
	data, err := yaml.Marshal(value)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(data), "\n")
}

func toPrettyYAML(value any) string {
	var data bytes.Buffer
	encoder := goyaml.NewEncoder(&data)
	encoder.SetIndent(2)
	if encoder.Encode(value) != nil {
		return ""
	}
	return strings.TrimSuffix(data.String(), "\n")
}

func fromYAML(text string) map[string]any {
	found := map[string]any{}
	if err := readYAML(text, &found); err != nil {
		found["Error"] = err.Error()
	}
	return found
}

func fromYAMLArray(text string) []any {
	found := []any{}
	if err := readYAML(text, &found); err != nil {
		return []any{err.Error()}
	}
	return found
}

// readYAML does not read what its aliases make much larger than it is.
func readYAML(text string, into any) error {
	if err := helmchart.CheckExpansion([]byte(text)); err != nil {
		return err
	}
	return yaml.Unmarshal([]byte(text), into)
}

func toTOML(value any) string {
	var data bytes.Buffer
	if err := toml.NewEncoder(&data).Encode(value); err != nil {
		return err.Error()
	}
	return data.String()
}

func fromTOML(text string) map[string]any {
	found := map[string]any{}
	if err := toml.Unmarshal([]byte(text), &found); err != nil {
		found["Error"] = err.Error()
	}
	return found
}

func toJSON(value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	return string(data)
}

func fromJSON(text string) map[string]any {
	found := map[string]any{}
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		found["Error"] = err.Error()
	}
	return found
}

func fromJSONArray(text string) []any {
	found := []any{}
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		return []any{err.Error()}
	}
	return found
}
