// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// Media types of what is pushed.
const (
	mediaManifest     = "application/vnd.oci.image.manifest.v1+json"
	mediaIndex        = "application/vnd.oci.image.index.v1+json"
	mediaConfig       = "application/vnd.cncf.flux.config.v1+json"
	mediaContent      = "application/vnd.cncf.flux.content.v1.tar+gzip"
	mediaChart        = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	mediaChartConfig  = "application/vnd.cncf.helm.config.v1+json"
	mediaImageConfig  = "application/vnd.oci.image.config.v1+json"
	mediaImageContent = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// RegistryLayer is one layer of an artifact.
type RegistryLayer struct {
	MediaType string
	Content   []byte
}

// RegistryArtifact is what can be pushed to a Registry.
type RegistryArtifact struct {
	// ConfigMediaType is the media type of the configuration, that of Flux if empty. The configuration itself is empty.
	ConfigMediaType string
	Layers          []RegistryLayer
	Annotations     map[string]string
}

// descriptor points at content in a manifest or index.
type descriptor struct {
	MediaType string            `json:"mediaType"`
	Digest    string            `json:"digest"`
	Size      int               `json:"size"`
	Platform  map[string]string `json:"platform,omitempty"`
}

// Push stores an artifact under a tag, none if it is empty, and returns the digest of its manifest. It asks for no credentials and is not
// counted.
func (r *Registry) Push(tb testing.TB, repository, tag string, a RegistryArtifact) string {
	tb.Helper()
	return r.push(tb, repository, tag, a).Digest
}

func (r *Registry) push(tb testing.TB, repository, tag string, a RegistryArtifact) descriptor {
	tb.Helper()
	layers := []descriptor{}
	for _, l := range a.Layers {
		layers = append(layers, r.blob(tb, repository, l.MediaType, l.Content))
	}
	return r.manifest(tb, repository, tag, mediaManifest, map[string]any{
		"schemaVersion": 2,
		"mediaType":     mediaManifest,
		"config":        r.blob(tb, repository, cmp.Or(a.ConfigMediaType, mediaConfig), []byte("{}")),
		"layers":        layers,
		"annotations":   a.Annotations,
	})
}

// PushFiles stores files (path to content) as the one layer of an artifact, as flux push artifact does, and returns the digest of the manifest.
func (r *Registry) PushFiles(tb testing.TB, repository, tag string, files map[string]string) string {
	tb.Helper()
	return r.Push(tb, repository, tag, RegistryArtifact{Layers: []RegistryLayer{{mediaContent, Archive(tb, files)}}})
}

// PushChart stores the archive of a Helm chart, as helm push does, and returns the digest of the manifest.
func (r *Registry) PushChart(tb testing.TB, repository, version string, chart []byte) string {
	tb.Helper()
	return r.Push(tb, repository, strings.ReplaceAll(version, "+", "_"), RegistryArtifact{
		ConfigMediaType: mediaChartConfig, Layers: []RegistryLayer{{mediaChart, chart}},
	})
}

// PushTags stores one small image under many tags.
func (r *Registry) PushTags(tb testing.TB, repository string, tags ...string) {
	tb.Helper()
	for _, tag := range tags {
		r.Push(tb, repository, tag, RegistryArtifact{
			ConfigMediaType: mediaImageConfig, Layers: []RegistryLayer{{mediaImageContent, Archive(tb, map[string]string{"a": "1"})}},
		})
	}
}

// PushIndex stores an index with one artifact per platform, as "linux/amd64", and returns its digest.
func (r *Registry) PushIndex(tb testing.TB, repository, tag string, platforms map[string]RegistryArtifact) string {
	tb.Helper()
	manifests := []descriptor{}
	for _, platform := range slices.Sorted(maps.Keys(platforms)) {
		d := r.push(tb, repository, "", platforms[platform])
		os, architecture, _ := strings.Cut(platform, "/")
		d.Platform = map[string]string{"os": os, "architecture": architecture}
		manifests = append(manifests, d)
	}
	return r.manifest(tb, repository, tag, mediaIndex, map[string]any{"schemaVersion": 2, "mediaType": mediaIndex, "manifests": manifests}).Digest
}

// Delete removes a tag, or the manifest with a digest.
func (r *Registry) Delete(tb testing.TB, repository, reference string) {
	tb.Helper()
	r.store(tb, http.MethodDelete, "/v2/"+repository+"/manifests/"+reference, "", nil)
}

// blob stores content.
func (r *Registry) blob(tb testing.TB, repository, mediaType string, content []byte) descriptor {
	tb.Helper()
	d := describe(mediaType, content)
	r.store(tb, http.MethodPost, "/v2/"+repository+"/blobs/uploads/?digest="+d.Digest, "application/octet-stream", content)
	return d
}

// manifest stores a manifest or an index.
func (r *Registry) manifest(tb testing.TB, repository, tag, mediaType string, document map[string]any) descriptor {
	tb.Helper()
	content, err := json.Marshal(document)
	if err != nil {
		tb.Fatalf("encode manifest: %v", err)
	}
	d := describe(mediaType, content)
	r.store(tb, http.MethodPut, "/v2/"+repository+"/manifests/"+cmp.Or(tag, d.Digest), mediaType, content)
	return d
}

func describe(mediaType string, content []byte) descriptor {
	sum := sha256.Sum256(content)
	return descriptor{MediaType: mediaType, Digest: "sha256:" + hex.EncodeToString(sum[:]), Size: len(content)}
}
