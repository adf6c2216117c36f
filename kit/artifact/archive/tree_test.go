// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/weir-gitops/weir/kit/artifact/archive"
)

// tree is a source in memory: path to content; a trailing slash makes a directory, a leading "!" an
// executable. Parents come by themselves.
type tree struct {
	files map[string]string
	// opened counts reads.
	opened *int
	// failOn is a path that cannot be opened.
	failOn string
}

var errOpen = errors.New("cannot open")

func newTree(files map[string]string) tree {
	return tree{files: files, opened: new(int)}
}

func (s tree) all() map[string]archive.Entry {
	all := map[string]archive.Entry{}
	for name, content := range s.files {
		p := strings.TrimPrefix(name, "!")
		for d := path.Dir(p); d != "."; d = path.Dir(d) {
			all[d] = archive.Entry{Path: d, Mode: archive.Dir}
		}
		if strings.HasSuffix(p, "/") {
			continue
		}
		sum := sha256.Sum256([]byte(content))
		e := archive.Entry{Path: p, ID: string(sum[:])}
		if strings.HasPrefix(name, "!") {
			e.Mode = archive.Executable
		}
		all[p] = e
	}
	return all
}

func (s tree) Entries(context.Context) iter.Seq2[archive.Entry, error] {
	return func(yield func(archive.Entry, error) bool) {
		all := s.all()
		order := slices.SortedFunc(maps.Keys(all), func(a, b string) int {
			return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/"))
		})
		for _, p := range order {
			if !yield(all[p], nil) {
				return
			}
		}
	}
}

func (s tree) content(e archive.Entry) string {
	if e.Mode == archive.Executable {
		return s.files["!"+e.Path]
	}
	return s.files[e.Path]
}

func (s tree) Size(e archive.Entry) (int64, error) { return int64(len(s.content(e))), nil }

func (s tree) Open(e archive.Entry) (io.ReadCloser, error) {
	*s.opened++
	if e.Path == s.failOn {
		return nil, errOpen
	}
	return io.NopCloser(strings.NewReader(s.content(e))), nil
}

// pack archives src and fails the test on an error.
func pack(t *testing.T, src archive.Source, prev *archive.Previous) ([]byte, *archive.Index, archive.Stats) {
	t.Helper()
	var b bytes.Buffer
	index, stats, err := archive.Write(t.Context(), &b, src, prev)
	if err != nil {
		t.Fatalf("Write: %v", err)
	}
	return b.Bytes(), index, stats
}

// unpack returns the headers and contents of an archive.
func unpack(t *testing.T, b []byte) ([]*tar.Header, map[string]string) {
	t.Helper()
	gz, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("gzip: %v", err)
	}
	var headers []*tar.Header
	contents := map[string]string{}
	tr := tar.NewReader(gz)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("tar: %v", err)
		}
		content, err := io.ReadAll(tr)
		if err != nil {
			t.Fatalf("read %s: %v", h.Name, err)
		}
		headers = append(headers, h)
		contents[h.Name] = string(content)
	}
	return headers, contents
}

// names returns the names of headers in order.
func names(headers []*tar.Header) []string {
	var all []string
	for _, h := range headers {
		all = append(all, h.Name)
	}
	return all
}
