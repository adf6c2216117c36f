// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ArtifactServer serves artifacts, as the source-controller does.
type ArtifactServer struct {
	// URL is where artifacts are below.
	URL string

	mu       sync.Mutex
	contents map[string][]byte
	served   map[string]int
}

// NewArtifactServer starts an artifact server.
func NewArtifactServer(tb testing.TB) *ArtifactServer {
	tb.Helper()
	s := &ArtifactServer{contents: make(map[string][]byte), served: make(map[string]int)}
	server := httptest.NewServer(s)
	tb.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Add packs the files (path to content) and returns the artifact for a source's status.
func (s *ArtifactServer) Add(tb testing.TB, revision string, files map[string]string) *meta.Artifact {
	tb.Helper()
	return s.AddBytes(Archive(tb, files), revision)
}

// AddBytes serves content as it is, good or bad, and returns the artifact for a source's status.
func (s *ArtifactServer) AddBytes(content []byte, revision string) *meta.Artifact {
	sum := sha256.Sum256(content)
	digest := hex.EncodeToString(sum[:])
	path := "/" + digest + ".tar.gz"
	s.mu.Lock()
	defer s.mu.Unlock()
	s.contents[path] = content
	return &meta.Artifact{
		Path:           path[1:],
		URL:            s.URL + path,
		Revision:       revision,
		Digest:         "sha256:" + digest,
		LastUpdateTime: metav1.NewTime(time.Now().Truncate(time.Second)),
		Size:           new(int64(len(content))),
	}
}

// Remove makes the server answer 404 for the artifact.
func (s *ArtifactServer) Remove(artifact *meta.Artifact) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.contents, "/"+artifact.Path)
}

// Served tells how often the artifact was downloaded.
func (s *ArtifactServer) Served(artifact *meta.Artifact) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.served["/"+artifact.Path]
}

// ServeHTTP implements http.Handler.
func (s *ArtifactServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	content, ok := s.contents[r.URL.Path]
	if ok {
		s.served[r.URL.Path]++
	}
	s.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	http.ServeContent(w, r, "artifact.tar.gz", time.Time{}, bytes.NewReader(content))
}

// Archive packs the files (path to content) as a tar.gz whose bytes depend on nothing else.
func Archive(tb testing.TB, files map[string]string) []byte {
	tb.Helper()
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zip)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		header := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name])), Format: tar.FormatPAX}
		if err := archive.WriteHeader(header); err != nil {
			tb.Fatalf("pack %s: %v", name, err)
		}
		if _, err := archive.Write([]byte(files[name])); err != nil {
			tb.Fatalf("pack %s: %v", name, err)
		}
	}
	if err := archive.Close(); err != nil {
		tb.Fatalf("pack: %v", err)
	}
	if err := zip.Close(); err != nil {
		tb.Fatalf("pack: %v", err)
	}
	return packed.Bytes()
}
