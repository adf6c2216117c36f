// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/fnv"
	"io"
	"runtime"
)

const (
	// boundaryMask makes about one path in 16 end its group: large enough groups to compress well,
	// small enough that one changed file costs little.
	boundaryMask = 16 - 1
	// maxGroupBytes of content end a group whatever the paths say.
	maxGroupBytes = 256 << 10
	// maxGroupEntries do so as well: they bound the memory of a group of empty files.
	maxGroupEntries = 1024
	// layout is part of every key. It changes when the same entries would be written differently.
	layout = "weir-archive-1 "
)

// key identifies the member that a group of entries becomes.
type key [sha256.Size]byte

// sized is an entry with the length of its content.
type sized struct {
	Entry

	size int64
}

// group collects the entries of the next member.
type group struct {
	entries []sized
	bytes   int64
	// unknown says that an entry has no ID, so that the group has no key.
	unknown bool
}

// add appends an entry and reports whether it ends the group.
func (g *group) add(e sized) bool {
	g.entries = append(g.entries, e)
	g.bytes += e.size
	g.unknown = g.unknown || (e.Mode != Dir && e.ID == "")
	return g.bytes >= maxGroupBytes || len(g.entries) >= maxGroupEntries || isBoundary(e.Path)
}

// reset empties the group for the next entries.
func (g *group) reset() {
	g.entries, g.bytes, g.unknown = g.entries[:0], 0, false
}

// key returns the identity of the member, and false if an entry's content is unknown. The version of Go
// belongs to it: its compressor may produce other bytes in another release.
func (g *group) key() (key, bool) {
	if g.unknown {
		return key{}, false
	}
	h := sha256.New()
	writeField(h, layout+runtime.Version())
	for _, e := range g.entries {
		writeField(h, e.Path)
		writeField(h, e.ID)
		var fixed [9]byte
		fixed[0] = byte(e.Mode)
		binary.BigEndian.PutUint64(fixed[1:], uint64(e.size)) //nolint:gosec // sizes are not negative, and any mapping would do
		_, _ = h.Write(fixed[:])
	}
	return key(h.Sum(nil)), true
}

// writeField writes text to a hash, which cannot fail, in a way that no two lists of fields share.
func writeField(w io.Writer, text string) {
	var n [binary.MaxVarintLen64]byte
	_, _ = w.Write(n[:binary.PutUvarint(n[:], uint64(len(text)))])
	_, _ = io.WriteString(w, text)
}

// isBoundary reports whether the entry at path ends its group.
func isBoundary(path string) bool {
	h := fnv.New32a()
	_, _ = io.WriteString(h, path)
	// The low bits of FNV-1a alone are poorly mixed for paths that differ in the last byte.
	sum := h.Sum32()
	return (sum^sum>>16)&boundaryMask == 0
}
