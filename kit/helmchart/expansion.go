// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	yaml "sigs.k8s.io/yaml/goyaml.v2"
)

const (
	// maxExpansion is how many times its size YAML may grow when its aliases are written out, minExpansion what it always may, in bytes.
	// The parser bounds their number, but not the length of the texts that they repeat.
	maxExpansion, minExpansion = 8, 1 << 20
	// valueBytes is what anything in YAML takes at least.
	valueBytes = 4
)

// CheckExpansion refuses YAML whose aliases make it much larger than it is, with ErrLimit. It looks at all documents up to one that does not parse.
func CheckExpansion(content []byte) error {
	if err := checkExpansion(content, true); errors.Is(err, ErrLimit) {
		return err
	}
	return nil
}

// checkExpansion refuses YAML whose aliases make it much larger than it is: it is turned into JSON, in which they are written out. It looks at the
// first document, or at all. What does not parse is left to whoever needs it, unless all documents are.
func checkExpansion(content []byte, all bool) error {
	if bytes.IndexByte(content, '&') < 0 || bytes.IndexByte(content, '*') < 0 {
		return nil
	}
	left := max(minExpansion, maxExpansion*len(content))
	for decoder := yaml.NewDecoder(bytes.NewReader(content)); ; {
		var document any
		err := decoder.Decode(&document)
		switch {
		case errors.Is(err, io.EOF), err != nil && !all:
			return nil
		case err != nil:
			return fmt.Errorf("%w: %w", ErrChart, err)
		}
		if left = spend(left, document); left < 0 {
			return fmt.Errorf("aliases make of %d bytes more than %d: %w", len(content), max(minExpansion, maxExpansion*len(content)), ErrLimit)
		}
		if !all {
			return nil
		}
	}
}

// spend returns what is left after a value was written out, less than nothing if it is too large.
func spend(left int, value any) int {
	left -= valueBytes
	switch v := value.(type) {
	case string:
		left -= len(v)
	case []any:
		for i := 0; i < len(v) && left >= 0; i++ {
			left = spend(left, v[i])
		}
	case map[any]any:
		for key, inner := range v {
			if left = spend(spend(left, key), inner); left < 0 {
				break
			}
		}
	}
	return left
}

// checkFiles refuses a chart with such YAML where the loader reads it, of the chart or of charts in it.
func checkFiles(files []*loader.BufferedFile) error {
	for _, f := range files {
		if !isParsed(f.Name) {
			continue
		}
		if err := checkExpansion(f.Data, true); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}

// isParsed reports whether the loader parses a file as YAML: some at the top of the chart, or of charts/<name>.
func isParsed(name string) bool {
	dir, base := path.Split(name)
	for dir != "" {
		inside, ok := strings.CutPrefix(dir, chartsDir+"/")
		if !ok {
			return false
		}
		_, dir, _ = strings.Cut(inside, "/")
	}
	return slices.Contains([]string{chartFile, lockFile, valuesFile, "requirements.yaml", "requirements.lock"}, base)
}
