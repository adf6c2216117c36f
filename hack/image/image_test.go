// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// controller writes a stand-in for a compiled controller.
func controller(t *testing.T) program {
	t.Helper()
	path := filepath.Join(t.TempDir(), "source-controller")
	if err := os.WriteFile(path, []byte("#!program"), 0o700); err != nil {
		t.Fatal(err)
	}
	return program{name: "source-controller", path: path, platform: v1.Platform{OS: "linux", Architecture: "arm64"}}
}

func TestAssemble(t *testing.T) {
	created := time.Unix(1_700_000_000, 0).UTC()
	p := controller(t)
	index, err := assemble([]program{p}, map[string]string{"org.opencontainers.image.version": "v1.2.3"}, created)
	if err != nil {
		t.Fatal(err)
	}
	again, err := assemble([]program{controller(t)}, map[string]string{"org.opencontainers.image.version": "v1.2.3"}, created)
	if err != nil {
		t.Fatal(err)
	}
	first, _ := index.Digest()
	second, _ := again.Digest()
	if first != second {
		t.Errorf("The same program gives %s and %s", first, second)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	img, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Config.User != "65534:65534" || config.Architecture != "arm64" {
		t.Errorf("user %s, architecture %s", config.Config.User, config.Architecture)
	}
	if diff := cmp.Diff([]string{"/usr/local/bin/source-controller"}, config.Config.Entrypoint); diff != "" {
		t.Errorf("entrypoint (-want +got):\n%s", diff)
	}
	if !config.Created.Equal(created) {
		t.Errorf("created %s", config.Created)
	}
}

func TestRoots(t *testing.T) {
	for _, f := range base() {
		if f.path != certificates {
			continue
		}
		if pool := x509.NewCertPool(); !pool.AppendCertsFromPEM(f.data) {
			t.Error("no certificate can be read")
		}
		if n := strings.Count(string(f.data), "BEGIN CERTIFICATE"); n < 100 {
			t.Errorf("%d roots, want those of a browser", n)
		}
		return
	}
	t.Fatal("no roots in the base")
}

func TestArchive(t *testing.T) {
	created := time.Unix(1_700_000_000, 0).UTC()
	sums := map[[sha256.Size]byte]bool{}
	var data []byte
	for range 2 {
		index, err := assemble([]program{controller(t)}, nil, created)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "image.tar")
		if err := writeArchive(path, index, "example.com/source-controller:v1", created); err != nil {
			t.Fatal(err)
		}
		if data, err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
		sums[sha256.Sum256(data)] = true
	}
	if len(sums) != 1 {
		t.Error("The same image gives archives that differ")
	}
	found := map[string]bool{}
	for r := tar.NewReader(strings.NewReader(string(data))); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		found[header.Name] = true
	}
	for _, want := range []string{"oci-layout", "index.json", "blobs/sha256/"} {
		if !found[want] {
			t.Errorf("the archive lacks %s", want)
		}
	}
}

func TestPush(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	tag, err := options{registry: strings.TrimPrefix(server.URL, "http://") + "/weir", version: "v1.0.0+dirty"}.tag("source-controller")
	if err != nil {
		t.Fatal(err)
	}
	index, err := assemble([]program{controller(t)}, nil, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	if err := push(t.Context(), tag, index); err != nil {
		t.Fatal(err)
	}
	pushed, err := remote.Index(tag, remote.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(pushed); err != nil {
		t.Error(err)
	}
	want, _ := index.Digest()
	if got, _ := pushed.Digest(); got != want {
		t.Errorf("pushed %s, want %s", got, want)
	}
}

func TestParse(t *testing.T) {
	cases := map[string]struct {
		reason string
		args   []string
		want   string
	}{
		"Nothing":  {"There is nothing to build without a name.", nil, "name at least one controller"},
		"Windows":  {"The base is that of Linux.", []string{"--platform", "windows/amd64", "x"}, "want linux/"},
		"Unparsed": {"What is no platform is named.", []string{"--platform", "a/b/c/d", "x"}, "a/b/c/d"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := parse(tc.args)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s got %v", tc.reason, err)
			}
		})
	}
}
