// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	yaml "sigs.k8s.io/yaml/goyaml.v2"
)

// maxHeaderBytes bounds the headers of one Secret, what aliases make of them included: no server takes more, and all of it is looked for in errors.
const maxHeaderBytes = 256 << 10

var (
	errNoHeaders      = errors.New("no map of texts")
	errTooManyHeaders = fmt.Errorf("headers of more than %d bytes", maxHeaderBytes)
)

// parseHeaders reads a YAML map of texts, to which numbers and booleans are turned. Its errors do not repeat what it reads. The usual way of Kubernetes from YAML to Go writes out
// aliases, of which a Secret has room for some gigabytes.
func parseHeaders(text string) (map[string]string, error) {
	var document map[any]any
	if err := yaml.UnmarshalStrict([]byte(text), &document); err != nil {
		return nil, errNoHeaders
	}
	headers := make(map[string]string, len(document))
	size := 0
	for key, value := range document {
		name, isName := scalar(key)
		content, isText := scalar(value)
		if !isName || !isText && value != nil {
			return nil, errNoHeaders
		}
		if size += len(name) + len(content); size > maxHeaderBytes {
			return nil, errTooManyHeaders
		}
		headers[name] = content
	}
	return headers, nil
}

// scalar returns a key or a value as text: what looks like a number or a boolean is none in YAML. It is written as sigs.k8s.io/yaml does.
func scalar(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case int, int64, uint64, bool:
		return fmt.Sprint(v), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 32), true
	}
	return "", false
}

// headerSecrets lists the values that no error may hold.
func headerSecrets(headers map[string]string) []string {
	return slices.DeleteFunc(slices.Collect(maps.Values(headers)), func(value string) bool { return len(value) < minMaskedBytes })
}
