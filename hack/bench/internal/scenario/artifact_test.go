// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/weir-gitops/weir/hack/local/gitserver"
)

func pack(t *testing.T, files ...gitserver.File) []byte {
	t.Helper()
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	archive := tar.NewWriter(zipped)
	for _, f := range files {
		if err := archive.WriteHeader(&tar.Header{Name: f.Path, Size: int64(len(f.Content)), Mode: 0o600, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write(f.Content); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(archive.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestVerifyArtifact(t *testing.T) {
	a, b, changed := gitserver.File{Path: "a", Content: []byte("1")}, gitserver.File{Path: "d/b", Content: []byte("2")}, gitserver.File{Path: "a", Content: []byte("3")}
	cases := map[string]struct {
		reason string
		files  []gitserver.File
		digest string // empty for the right one
		err    error
	}{
		"Right":   {reason: "The files of both commits.", files: []gitserver.File{changed, b}},
		"Old":     {reason: "The state before the second commit.", files: []gitserver.File{a, b}, err: errWrong},
		"Missing": {reason: "A file less.", files: []gitserver.File{changed}, err: errWrong},
		"Digest":  {reason: "Another digest in status.", files: []gitserver.File{changed, b}, digest: "sha256:0", err: errWrong},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			data := pack(t, tc.files...)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) }))
			defer server.Close()
			if tc.digest == "" {
				tc.digest = fmt.Sprintf("sha256:%x", sha256.Sum256(data))
			}
			err := verifyArtifact(t.Context(), server.URL, tc.digest,
				slices.Values([]gitserver.File{a, b}), slices.Values([]gitserver.File{changed}))
			if !errors.Is(err, tc.err) {
				t.Errorf("%s\nerror %v, want %v", tc.reason, err, tc.err)
			}
		})
	}
}
