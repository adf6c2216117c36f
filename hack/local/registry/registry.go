// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package registry runs an OCI registry on this machine and fills it: with container images, of which only name and tag matter here, and with
// artifacts, which are folders that an OCIRepository follows.
package registry

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/weir-gitops/weir/hack/local/serve"
)

// What the artifacts of the toolkit are made of.
const (
	configType = types.MediaType("application/vnd.cncf.flux.config.v1+json")
	layerType  = types.MediaType("application/vnd.cncf.flux.content.v1.tar+gzip")
)

// Server is a registry that answers plain HTTP.
type Server struct {
	*serve.Server
}

// Start runs an empty registry until Close.
func Start(ctx context.Context) (*Server, error) { return StartTelling(ctx, nil) }

// StartTelling is Start with a call after each push of a tag, as a registry sends webhooks. Pushes wait for it; nil for no call.
func StartTelling(ctx context.Context, pushed func(repository, tag string)) (*Server, error) {
	s, err := serve.Start(ctx, "registry", tell(registry.New(registry.Logger(log.New(io.Discard, "", 0))), pushed))
	if err != nil {
		return nil, err
	}
	return &Server{s}, nil
}

// At is a registry that runs elsewhere, such as in another process of this machine.
func At(address string) *Server { return &Server{&serve.Server{Address: address}} }

// tell calls pushed after each manifest that was stored under a tag.
func tell(next http.Handler, pushed func(repository, tag string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		path, versioned := strings.CutPrefix(r.URL.Path, "/v2/")
		repository, tag, manifest := strings.Cut(path, "/manifests/")
		if pushed != nil && r.Method == http.MethodPut && versioned && manifest && !strings.Contains(tag, ":") {
			pushed(repository, tag)
		}
	})
}

// Repository is how images of that name are written in manifests.
func (s *Server) Repository(repository string) string { return s.Address + "/" + repository }

// PushImage pushes an image under each of the tags. Its content depends on the name only, as the simulated nodes run nothing.
func (s *Server) PushImage(ctx context.Context, repository string, tags ...string) error {
	for _, tag := range tags {
		layer := static.NewLayer([]byte(repository+":"+tag), types.OCIUncompressedLayer)
		img, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1), layer)
		if err != nil {
			return fmt.Errorf("make image %s:%s: %w", repository, tag, err)
		}
		if err := s.push(ctx, repository, tag, img); err != nil {
			return err
		}
	}
	return nil
}

// PushArtifact pushes the files of a folder under a tag, and says of them where they come from.
func (s *Server) PushArtifact(ctx context.Context, repository, tag string, files fs.FS, source, revision string) error {
	content, err := pack(files)
	if err != nil {
		return fmt.Errorf("pack %s: %w", repository, err)
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), configType)
	img, err = mutate.AppendLayers(img, static.NewLayer(content, layerType))
	if err != nil {
		return fmt.Errorf("make artifact %s:%s: %w", repository, tag, err)
	}
	annotated, ok := mutate.Annotations(img, map[string]string{
		"org.opencontainers.image.created":  time.Now().UTC().Format(time.RFC3339),
		"org.opencontainers.image.source":   source,
		"org.opencontainers.image.revision": revision,
	}).(v1.Image)
	if !ok {
		return fmt.Errorf("annotate artifact %s:%s", repository, tag)
	}
	return s.push(ctx, repository, tag, annotated)
}

func (s *Server) push(ctx context.Context, repository, tag string, img v1.Image) error {
	ref, err := name.NewTag(s.Repository(repository)+":"+tag, name.Insecure)
	if err != nil {
		return err
	}
	if err := remote.Write(ref, img, remote.WithContext(ctx)); err != nil {
		return fmt.Errorf("push %s: %w", ref, err)
	}
	return nil
}

// pack writes files as tar.gz.
func pack(files fs.FS) ([]byte, error) {
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	w := tar.NewWriter(zipped)
	if err := w.AddFS(files); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if err := zipped.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}
