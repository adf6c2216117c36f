// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"archive/tar"
	"context"
	"io"
	"iter"
)

// Mode is what an entry is.
type Mode uint8

// The three kinds of entries an archive can hold. Everything else (links, devices, sockets) is the
// source's to leave out.
const (
	File Mode = iota
	Executable
	Dir
)

// The permissions entries get, whatever they had. Flux: artifact contract, "Modes".
const (
	permFile       = 0o600
	permExecutable = 0o700
	permDir        = 0o750
)

// Entry is one file or directory of a tree.
type Entry struct {
	// Path is relative to the root of the tree, with forward slashes, without leading or trailing
	// slash. The root itself is not an entry of a Source; Write adds it.
	Path string
	// Mode is what the entry is.
	Mode Mode
	// ID names the content: two entries with the same ID have the same bytes. Empty means unknown;
	// the content is then read every time.
	ID string
}

// header is the tar header of the entry, free of everything that is not content. The zero time is
// written as the epoch.
func (e Entry) header(size int64) *tar.Header {
	switch e.Mode {
	case Dir:
		return &tar.Header{Typeflag: tar.TypeDir, Name: e.Path, Mode: permDir}
	case Executable:
		return &tar.Header{Typeflag: tar.TypeReg, Name: e.Path, Mode: permExecutable, Size: size}
	case File:
	}
	return &tar.Header{Typeflag: tar.TypeReg, Name: e.Path, Mode: permFile, Size: size}
}

// Source is a tree to archive.
type Source interface {
	// Entries yields the tree in lexical walk order: a directory before its content, the names in
	// a directory sorted. It can be called more than once and yields the same each time.
	Entries(ctx context.Context) iter.Seq2[Entry, error]
	// Size returns the length of a file in bytes.
	Size(e Entry) (int64, error)
	// Open returns the content of a file, as many bytes as Size says.
	Open(e Entry) (io.ReadCloser, error)
}

// filtered is a source without the entries that the rules exclude.
type filtered struct {
	Source

	rules *Rules
}

// Filter returns src without the entries that rules exclude. A directory that is excluded leaves the
// tree, its children are tested one by one.
func Filter(src Source, rules *Rules) Source {
	return &filtered{Source: src, rules: rules}
}

// Entries implements Source.
func (f *filtered) Entries(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for e, err := range f.Source.Entries(ctx) {
			if err == nil {
				// What is excluded never reaches whoever would look.
				err = ctx.Err()
			}
			if err == nil && f.rules.Excludes(e.Path, e.Mode == Dir) {
				continue
			}
			if !yield(e, err) {
				return
			}
		}
	}
}
