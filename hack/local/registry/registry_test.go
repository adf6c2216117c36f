// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func TestRegistry(t *testing.T) {
	s, err := Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.PushImage(t.Context(), "team/app", "1.0.0", "1.1.0"); err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{"kustomization.yaml": {Data: []byte("resources: []\n")}}
	if err := s.PushArtifact(t.Context(), "manifests/app", "1.0.0", files, "https://example.com/app", "main@sha1:1"); err != nil {
		t.Fatal(err)
	}
	repository, err := name.NewRepository(s.Repository("team/app"), name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	tags, err := remote.List(repository)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"1.0.0", "1.1.0"}, tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	ref, err := name.NewTag(s.Repository("manifests/app")+":1.0.0", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	img, err := remote.Image(ref)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if manifest.Config.MediaType != configType || manifest.Layers[0].MediaType != layerType {
		t.Errorf("media types %s, %s", manifest.Config.MediaType, manifest.Layers[0].MediaType)
	}
	if got := manifest.Annotations["org.opencontainers.image.revision"]; got != "main@sha1:1" {
		t.Errorf("revision %q", got)
	}
}

// TestTelling sees that pushes of tags are told, and nothing else.
func TestTelling(t *testing.T) {
	var told []string
	s, err := StartTelling(t.Context(), func(repository, tag string) { told = append(told, repository+":"+tag) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := At(s.Address).PushImage(t.Context(), "team/app", "1.0.0", "1.1.0"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"team/app:1.0.0", "team/app:1.1.0"}, told); diff != "" {
		t.Errorf("pushes (-want +got):\n%s", diff)
	}
}
