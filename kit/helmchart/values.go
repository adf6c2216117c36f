// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"helm.sh/helm/v3/pkg/chart"
	"sigs.k8s.io/yaml"
)

// MergeValues merges b over a into a new map; b wins. Two maps under one key are merged in the same way; anything else in b replaces what a
// has as a whole, lists too, and an explicit null in b stays. Neither a nor b is changed, but the result shares values with them.
// Flux: helm-controller contract, "Composition".
func MergeValues(a, b map[string]any) map[string]any {
	merged := make(map[string]any, len(a)+len(b))
	maps.Copy(merged, a)
	for key, value := range b {
		over, isMap := value.(map[string]any)
		if under, both := merged[key].(map[string]any); isMap && both {
			merged[key] = MergeValues(under, over)
			continue
		}
		merged[key] = value
	}
	return merged
}

// ParseValues reads values from YAML; nothing is an empty map. The error is ErrValues.
func ParseValues(data []byte) (map[string]any, error) {
	if err := checkExpansion(data, false); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrValues, err)
	}
	values := map[string]any{}
	if err := yaml.Unmarshal(data, &values); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrValues, err)
	}
	if err := CheckDepth(values); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrValues, err)
	}
	if values == nil {
		values = map[string]any{}
	}
	return values, nil
}

// ValuesFiles are files of values to merge.
type ValuesFiles struct {
	// Files are merged from the first to the last.
	Files []string
	// IgnoreMissing skips those that do not exist.
	IgnoreMissing bool
	// Read returns the content of a file; fs.ErrNotExist says that there is none.
	Read func(name string) ([]byte, error)
}

// Merge returns the merged values, and the files they came from. All files that are missing or cannot be read are in the error, which is
// ErrValues.
func (v ValuesFiles) Merge() (values map[string]any, merged []string, err error) {
	values = map[string]any{}
	var errs []error
	for _, name := range v.Files {
		content, err := v.Read(name)
		if v.IgnoreMissing && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("values file '%s': %w", name, err))
			continue
		}
		more, err := ParseValues(content)
		if err != nil {
			errs = append(errs, fmt.Errorf("values file '%s': %w", name, err))
			continue
		}
		values, merged = MergeValues(values, more), append(merged, name)
	}
	if len(errs) > 0 {
		return nil, nil, fmt.Errorf("%w: %w", ErrValues, errors.Join(errs...))
	}
	return values, merged, nil
}

// File returns the content of a file of a loaded chart, values.yaml included, or fs.ErrNotExist.
func File(c *chart.Chart, name string) ([]byte, error) {
	for _, f := range c.Raw {
		if f.Name == name {
			return f.Data, nil
		}
	}
	return nil, fs.ErrNotExist
}

// SetValues replaces the default values of a chart.
func SetValues(c *chart.Chart, values map[string]any) error {
	content, err := yaml.Marshal(values)
	if err != nil {
		return fmt.Errorf("encode values: %w", err)
	}
	c.Values = values
	c.Raw = slices.DeleteFunc(slices.Clone(c.Raw), func(f *chart.File) bool { return f.Name == valuesFile })
	c.Raw = append(c.Raw, &chart.File{Name: valuesFile, Data: content})
	return nil
}
