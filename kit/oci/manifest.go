// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	// ChartLayer is the media type of the layer that holds a Helm chart.
	ChartLayer = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	// ChartConfig is the media type of the configuration of a Helm chart.
	ChartConfig = "application/vnd.cncf.helm.config.v1+json"

	// maxManifestBytes is what registries accept at most. OCI distribution specification, "Pushing manifests".
	maxManifestBytes = 4 << 20
	// maxAnnotationBytes bounds the annotations of a manifest: they go into the status of objects. The same limit holds for those of objects.
	maxAnnotationBytes = 256 << 10

	// Which entry of an index counts. Flux: source-controller contract, "OCIRepository", row 10.
	indexOS, indexArchitecture = "linux", "amd64"
)

// Manifest describes an artifact.
type Manifest struct {
	// Digest is that of what the reference named: the manifest, or the index that led to it.
	Digest string
	// Annotations are those of the manifest.
	Annotations map[string]string
	// MediaType is that of the manifest, ConfigMediaType that of its configuration.
	MediaType, ConfigMediaType string
	// Layers are in the order of the manifest.
	Layers []Layer
}

// Layer is a part of an artifact.
type Layer struct {
	MediaType string
	// Digest is that of the blob as it is stored, mostly compressed; Size is its length in bytes.
	Digest      string
	Size        int64
	Annotations map[string]string
}

// Layer returns the first layer of a media type, the very first if it is empty. The error is ErrLayer.
func (m *Manifest) Layer(mediaType string) (Layer, error) {
	if len(m.Layers) == 0 {
		return Layer{}, fmt.Errorf("%w: the artifact has no layers", ErrLayer)
	}
	for _, l := range m.Layers {
		if mediaType == "" || l.MediaType == mediaType {
			return l, nil
		}
	}
	return Layer{}, fmt.Errorf("%w: the artifact has no layer with media type '%s'", ErrLayer, mediaType)
}

// Digest asks which manifest a tag or digest names now, with one HEAD request. Where a registry does not answer that well, a GET follows.
func (r *Repository) Digest(ctx context.Context, reference string) (string, error) {
	if err := checkReference(reference); err != nil {
		return "", err
	}
	if err := r.Login(ctx); err != nil {
		return "", err
	}
	digest, err := r.head(ctx, reference)
	switch {
	case err == nil && isDigest(reference) && digest != reference:
		return "", fmt.Errorf("%w: the registry answers with %s for %s", ErrContent, digest, reference)
	case err == nil && digest != "":
		return digest, nil
	case err != nil && !worthAnother(err):
		return "", fmt.Errorf("look up '%s' in %s: %w", reference, r.key.name, err)
	}
	digest, _, _, err = r.manifest(ctx, reference)
	return digest, err
}

// head returns the digest in the answer to a HEAD request, empty if there is none that can be used.
func (r *Repository) head(ctx context.Context, reference string) (string, error) {
	res, err := r.send(ctx, http.MethodHead, r.address("manifests", reference), acceptManifests())
	if err != nil {
		return "", err
	}
	if err := res.Body.Close(); err != nil {
		return "", r.redact(ctx, err)
	}
	if digest := res.Header.Get("Docker-Content-Digest"); digestPattern.MatchString(digest) {
		return digest, nil
	}
	return "", nil
}

// worthAnother reports whether a GET may work, or tell more, where a HEAD failed.
func worthAnother(err error) bool {
	answer, ok := errors.AsType[*transport.Error](err)
	return ok && answer.StatusCode < http.StatusInternalServerError && answer.StatusCode != http.StatusTooManyRequests
}

func acceptManifests() http.Header {
	return http.Header{"Accept": {strings.Join([]string{
		string(types.OCIManifestSchema1), string(types.DockerManifestSchema2), string(types.OCIImageIndex), string(types.DockerManifestList),
	}, ",")}}
}

// Manifest reads what a tag or digest names. An index leads to its entry for linux/amd64.
func (r *Repository) Manifest(ctx context.Context, reference string) (*Manifest, error) {
	if err := checkReference(reference); err != nil {
		return nil, err
	}
	digest, mediaType, content, err := r.manifest(ctx, reference)
	if err != nil {
		return nil, err
	}
	if mediaType.IsIndex() {
		child, err := entryOf(content)
		if err != nil {
			return nil, fmt.Errorf("read index %s of %s: %w", digest, r.key.name, err)
		}
		if _, mediaType, content, err = r.manifest(ctx, child); err != nil {
			return nil, err
		}
	}
	m, err := decodeManifest(mediaType, content)
	if err != nil {
		return nil, fmt.Errorf("read manifest %s of %s: %w", digest, r.key.name, err)
	}
	m.Digest = digest
	return m, nil
}

// manifest returns digest, media type and bytes of what is at a reference.
func (r *Repository) manifest(ctx context.Context, reference string) (string, types.MediaType, []byte, error) {
	content, mediaType, err := r.getManifest(ctx, reference)
	if err != nil {
		return "", "", nil, fmt.Errorf("read manifest '%s' of %s: %w", reference, r.key.name, err)
	}
	sum := sha256.Sum256(content)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	if isDigest(reference) && digest != reference {
		return "", "", nil, fmt.Errorf("%w: the registry returns a manifest with digest %s for %s", ErrContent, digest, reference)
	}
	return digest, mediaType, content, nil
}

func (r *Repository) getManifest(ctx context.Context, reference string) ([]byte, types.MediaType, error) {
	if err := r.Login(ctx); err != nil {
		return nil, "", err
	}
	res, err := r.send(ctx, http.MethodGet, r.address("manifests", reference), acceptManifests())
	if err != nil {
		return nil, "", err
	}
	content, err := r.read(ctx, res, maxManifestBytes)
	mediaType, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	return content, types.MediaType(strings.TrimSpace(mediaType)), err
}

// entryOf returns the digest of the manifest that an index has for linux/amd64, or for no platform in particular.
func entryOf(content []byte) (string, error) {
	index, err := v1.ParseIndexManifest(bytes.NewReader(content))
	if err != nil {
		return "", fmt.Errorf("%w: %s", ErrContent, clean(err.Error()))
	}
	i := slices.IndexFunc(index.Manifests, func(d v1.Descriptor) bool {
		return d.MediaType.IsImage() && (d.Platform == nil || d.Platform.OS == indexOS && d.Platform.Architecture == indexArchitecture)
	})
	if i < 0 {
		return "", fmt.Errorf("%w: the index has no manifest for %s/%s", ErrContent, indexOS, indexArchitecture)
	}
	digest := index.Manifests[i].Digest.String()
	if !digestPattern.MatchString(digest) {
		return "", fmt.Errorf("%w: the digest of the manifest for %s/%s is malformed", ErrContent, indexOS, indexArchitecture)
	}
	return digest, nil
}

// decodeManifest reads the manifest of an artifact.
func decodeManifest(mediaType types.MediaType, content []byte) (*Manifest, error) {
	if !mediaType.IsImage() {
		return nil, fmt.Errorf("%w: media type '%s' is not supported", ErrContent, clean(string(mediaType)))
	}
	raw, err := v1.ParseManifest(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrContent, clean(err.Error()))
	}
	size := 0
	for key, value := range raw.Annotations {
		size += len(key) + len(value)
	}
	if size > maxAnnotationBytes {
		return nil, fmt.Errorf("%w: annotations of %d bytes, %d are allowed", ErrTooLarge, size, maxAnnotationBytes)
	}
	m := &Manifest{Annotations: raw.Annotations, MediaType: string(mediaType), ConfigMediaType: string(raw.Config.MediaType)}
	for _, l := range raw.Layers {
		m.Layers = append(m.Layers, Layer{MediaType: string(l.MediaType), Digest: l.Digest.String(), Size: l.Size, Annotations: l.Annotations})
	}
	return m, nil
}
