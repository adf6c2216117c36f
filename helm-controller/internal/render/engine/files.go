// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"encoding/base64"
	"path"
	"strings"

	"github.com/gobwas/glob"
	"helm.sh/helm/v3/pkg/chart"
)

// files are those of a chart, as its templates see them. It is a map, so that templates can go through it.
type files map[string][]byte

func newFiles(list []*chart.File) files {
	all := make(files, len(list))
	for _, f := range list {
		all[f.Name] = f.Data
	}
	return all
}

// GetBytes returns a file, an empty one if it is not there.
func (f files) GetBytes(name string) []byte {
	if content, ok := f[name]; ok {
		return content
	}
	return []byte{}
}

// Get returns a file as text.
func (f files) Get(name string) string { return string(f.GetBytes(name)) }

// Glob returns the files whose paths match. Helm: a pattern that is none matches all.
func (f files) Glob(pattern string) files {
	g, err := glob.Compile(pattern, '/')
	if err != nil {
		g = glob.MustCompile("**")
	}
	found := files{}
	for name, content := range f {
		if g.Match(name) {
			found[name] = content
		}
	}
	return found
}

// AsConfig returns the files as the data of a ConfigMap, in YAML, by the last part of their paths.
func (f files) AsConfig() string {
	return f.asData(func(content []byte) string { return string(content) })
}

// AsSecrets returns them as the data of a Secret.
func (f files) AsSecrets() string { return f.asData(base64.StdEncoding.EncodeToString) }

func (f files) asData(encode func([]byte) string) string {
	if f == nil {
		return ""
	}
	data := make(map[string]string, len(f))
	for name, content := range f {
		data[path.Base(name)] = encode(content)
	}
	return toYAML(data)
}

// Lines returns the lines of a file.
func (f files) Lines(name string) []string {
	content := f[name]
	if len(content) == 0 {
		return []string{}
	}
	return strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
}
