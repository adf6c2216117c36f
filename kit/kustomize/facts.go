// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"crypto/sha256"

	"github.com/weir-gitops/weir/kit/artifact/fetch"
)

// fact is what a build saw at a path of the artifact.
type fact struct {
	path string
	// there and dir say what is at the path; content that what is in it was looked at, too.
	there, dir, content bool
	hash                [sha256.Size]byte // of the content
}

// holds reports whether another artifact would have looked the same.
func (f fact) holds(files *fetch.Files) bool {
	entry, there := files.Lookup(f.path)
	if there != f.there || entry.Dir != f.dir {
		return false
	}
	return !f.content || entry.Hash == f.hash
}

// allHold reports whether a build that saw the facts would give the same result for the files.
func allHold(facts []fact, files *fetch.Files) bool {
	for _, f := range facts {
		if !f.holds(files) {
			return false
		}
	}
	return true
}

// recorder collects the facts of one build.
type recorder struct {
	files *fetch.Files
	seen  map[string]fact
}

func newRecorder(files *fetch.Files) *recorder {
	return &recorder{files: files, seen: make(map[string]fact)}
}

// kind looks at what is at the path.
func (r *recorder) kind(path string) (fetch.Entry, bool) {
	entry, there := r.files.Lookup(path)
	if _, known := r.seen[path]; !known {
		r.seen[path] = fact{path: path, there: there, dir: entry.Dir}
	}
	return entry, there
}

// content looks at what is in the file or directory, too.
func (r *recorder) content(path string) {
	entry, there := r.files.Lookup(path)
	r.seen[path] = fact{path: path, there: there, dir: entry.Dir, content: there, hash: entry.Hash}
}

// facts returns everything that was looked at.
func (r *recorder) facts() []fact {
	facts := make([]fact, 0, len(r.seen))
	for _, f := range r.seen {
		facts = append(facts, f)
	}
	return facts
}
