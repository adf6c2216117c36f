// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"archive/tar"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// newCheck returns a check that is not cancelled.
func newCheck() *entryCheck {
	return &entryCheck{dirs: map[string]struct{}{}, cancelled: func() error { return nil }}
}

// Directories that no entry announces count as well: one deep path makes thousands.
func TestEntryCheckCounts(t *testing.T) {
	c := newCheck()
	for _, header := range []tar.Header{
		{Name: ".", Typeflag: tar.TypeDir},
		{Name: "a/b/c.yaml", Typeflag: tar.TypeReg},
		{Name: "a", Typeflag: tar.TypeDir},
		{Name: "a/b/", Typeflag: tar.TypeDir},
		{Name: "./a/b/d.yaml", Typeflag: tar.TypeReg},
	} {
		if c.refuse(header.Name, header.FileInfo()) {
			t.Errorf("%s: %v", header.Name, c.err)
		}
	}
	if c.entries != 4 || c.names != len("a")+len("a/b")+2*len("a/b/c.yaml") {
		t.Errorf("%d entries with paths of %d bytes", c.entries, c.names)
	}
}

func TestEntryCheckLimits(t *testing.T) {
	cases := map[string]struct {
		reason string
		name   func(i int) string
		kind   byte
		most   int
	}{
		"Deep":  {"Few entries make many directories.", func(i int) string { return fmt.Sprintf("%d/%sx", i, strings.Repeat("d/", 2000)) }, tar.TypeReg, 20_000/2000 + 1},
		"Long":  {"Few entries have long paths.", func(i int) string { return fmt.Sprintf("%s/%d", strings.Repeat("d", 3000), i) }, tar.TypeReg, 100_000/3000 + 1},
		"Again": {"The same directory comes over and over.", func(int) string { return "a/" }, tar.TypeDir, 20_000 + 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := newCheck()
			c.headers, c.entries, c.names = maxEntries-20_000, maxEntries-20_000, maxNameBytes-100_000 // all but as many were seen
			header := tar.Header{Typeflag: tc.kind}
			for i := range tc.most {
				if header.Name = tc.name(i); c.refuse(header.Name, header.FileInfo()) {
					return
				}
			}
			t.Errorf("%s\n%d entries, %d bytes", tc.reason, c.entries, c.names)
		})
	}
}

// The end of the time is noticed between two entries, of which many fit into the buffers of the archive.
func TestEntryCheckEnds(t *testing.T) {
	late := errors.New("late")
	c := newCheck()
	c.cancelled = func() error { return late }
	header := tar.Header{Name: "a", Typeflag: tar.TypeReg}
	if !c.refuse(header.Name, header.FileInfo()) || !errors.Is(c.err, late) {
		t.Errorf("got %v", c.err)
	}
}
