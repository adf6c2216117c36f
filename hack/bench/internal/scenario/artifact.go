// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"path"

	"github.com/weir-gitops/weir/hack/local/gitserver"
)

// maxFileBytes bounds what is read of a file of an artifact; generated files are
// far smaller.
const maxFileBytes = 1 << 20

// verifyArtifact downloads an artifact and checks that it has its digest and
// holds exactly the files of the commits, of which later ones win.
func verifyArtifact(ctx context.Context, url, digest string, commits ...iter.Seq[gitserver.File]) error {
	want := map[string][sha256.Size]byte{}
	for _, commit := range commits {
		for file := range commit {
			want[file.Path] = sha256.Sum256(file.Content)
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("verify artifact: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("verify artifact: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("verify artifact: %w: %s", errWrong, response.Status)
	}
	whole := sha256.New()
	got, err := unpack(io.TeeReader(response.Body, whole))
	if err != nil {
		return fmt.Errorf("verify artifact: %w", err)
	}
	if found := "sha256:" + hex.EncodeToString(whole.Sum(nil)); found != digest {
		return fmt.Errorf("verify artifact: %w: its digest is %s, status says %s", errWrong, found, digest)
	}
	if !maps.Equal(want, got) {
		return fmt.Errorf("verify artifact: %w: its %d files are not the %d of the commit", errWrong, len(got), len(want))
	}
	return nil
}

// unpack reads a compressed archive to its end and hashes its files.
func unpack(stream io.Reader) (map[string][sha256.Size]byte, error) {
	unzipped, err := gzip.NewReader(stream)
	if err != nil {
		return nil, fmt.Errorf("unzip: %w", err)
	}
	files := map[string][sha256.Size]byte{}
	archive := tar.NewReader(unzipped)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read archive: %w", err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		var content bytes.Buffer
		if _, err := io.CopyN(&content, archive, maxFileBytes); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read %s: %w", header.Name, err)
		}
		files[path.Clean(header.Name)] = sha256.Sum256(content.Bytes())
	}
	// What follows the end of the archive belongs to the digest.
	_, err = io.Copy(io.Discard, io.LimitReader(unzipped, maxFileBytes))
	if err == nil {
		_, err = io.Copy(io.Discard, stream)
	}
	return files, err
}
