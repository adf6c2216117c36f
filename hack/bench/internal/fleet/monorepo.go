// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"bytes"
	"fmt"
	"iter"
	"slices"

	"github.com/weir-gitops/weir/hack/local/gitserver"
)

const (
	filesPerService = 200
	filesPerFolder  = 50
	// The size of a file goes evenly from minFileBytes to maxFileBytes. Random
	// base64 text packs to three quarters, so that 20,000 files pack to 97 MB.
	minFileBytes = 1900
	maxFileBytes = 10575
	lineBytes    = 76
)

// Monorepo is a large repository of random text, which compresses about as well
// as text does but has nothing in common between two files.
type Monorepo struct {
	// Files is the number of files.
	Files int
}

// All yields all files.
func (m Monorepo) All() iter.Seq[gitserver.File] {
	return func(yield func(gitserver.File) bool) {
		for i := range m.Files {
			if !yield(gitserver.File{Path: m.path(i), Content: m.content(i)}) {
				return
			}
		}
	}
}

// OneLine yields the one file that differs in a version, by its first line.
func (m Monorepo) OneLine(version int) iter.Seq[gitserver.File] {
	i := m.Files / 2
	content := m.content(i)
	_, rest, _ := bytes.Cut(content, []byte("\n"))
	content = append(fmt.Appendf(nil, "version %d\n", version), rest...)
	return slices.Values([]gitserver.File{{Path: m.path(i), Content: content}})
}

func (m Monorepo) path(i int) string {
	service, file := i/filesPerService, i%filesPerService
	return fmt.Sprintf("services/service-%03d/part-%d/file-%03d.txt", service, file/filesPerFolder, file)
}

func (m Monorepo) content(i int) []byte {
	size := minFileBytes + (i*7919)%(maxFileBytes-minFileBytes) // a prime, to mix the sizes
	var b bytes.Buffer
	for line := range slices.Chunk([]byte(text(-1-i, size)), lineBytes) {
		b.Write(line)
		b.WriteByte('\n')
	}
	return b.Bytes()
}
