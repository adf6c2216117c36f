// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"slices"

	goyaml "go.yaml.in/yaml/v2"
	"helm.sh/helm/v3/pkg/chart"
	helmrelease "helm.sh/helm/v3/pkg/release"
	"sigs.k8s.io/yaml"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/kit/artifact"
)

// ErrDigest says that a recorded digest cannot be read.
var ErrDigest = errors.New("release digest verification error")

// ErrNotObserved says that a stored revision is not the one that was recorded.
var ErrNotObserved = errors.New("release not observed to be made for object")

// digestForm is what the digest of a snapshot is made of. The order of the fields matters. Contract 4.2.
type digestForm struct {
	Name          string          `json:"name"`
	Version       int             `json:"version"`
	Info          Info            `json:"info"`
	ChartMetadata *chart.Metadata `json:"chartMetadata"`
	Config        map[string]any  `json:"config"`
	Manifest      string          `json:"manifest"`
	Hooks         []Hook          `json:"hooks"`
	Namespace     string          `json:"namespace"`
	OCIDigest     string          `json:"ociDigest,omitempty"`
}

// Digest returns the digest of the revision that goes into its snapshot. Test hooks are left out, so that testing a release does not make
// it another one. A revision that cannot be encoded, such as one from the year 10000, has a zero digest, which never verifies.
func (r *Revision) Digest(algorithm artifact.Algorithm, ociDigest string) artifact.Digest {
	form := digestForm{
		Name: r.Name, Version: r.Version, Info: r.Info, ChartMetadata: r.Chart, Config: r.Config, Manifest: r.Manifest,
		Namespace: r.Namespace, OCIDigest: ociDigest,
	}
	for _, h := range r.Hooks {
		if !h.isTest() {
			form.Hooks = append(form.Hooks, h)
		}
	}
	return digestJSON(algorithm, form)
}

func (h *Hook) isTest() bool { return slices.Contains(h.Events, helmrelease.HookTest) }

// digestJSON returns the digest of the JSON line of v, zero if it has none.
func digestJSON(algorithm artifact.Algorithm, v any) artifact.Digest {
	algorithm = cmp.Or(algorithm, artifact.SHA256)
	h := algorithm.New()
	if err := json.NewEncoder(h).Encode(v); err != nil {
		return artifact.Digest{}
	}
	return artifact.SumOf(algorithm, h)
}

// Verify tells whether a stored revision is the recorded one: nil, ErrDigest or ErrNotObserved. Snapshots whose digest was made in another
// way than ours are believed.
func Verify(s *helmv2.Snapshot, r *Revision) error {
	if s.APIVersion != helmv2.SnapshotAPIVersion {
		return nil
	}
	want, err := artifact.ParseDigest(s.Digest)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDigest, err)
	}
	if r == nil || r.Digest(want.Algorithm, s.OCIDigest) != want {
		return ErrNotObserved
	}
	return nil
}

// ConfigDigest returns the digest of composed values: of nothing when they are empty, else of their YAML with sorted keys. Contract 4.1.
func ConfigDigest(algorithm artifact.Algorithm, values map[string]any) (artifact.Digest, error) {
	algorithm = cmp.Or(algorithm, artifact.SHA256)
	h := algorithm.New()
	if err := encodeConfig(h, values); err != nil {
		return artifact.Digest{}, err
	}
	return artifact.SumOf(algorithm, h), nil
}

// VerifyConfig tells whether values have the digest, by the algorithm it names.
func VerifyConfig(digest string, values map[string]any) bool {
	want, err := artifact.ParseDigest(digest)
	if err != nil {
		return false
	}
	got, err := ConfigDigest(want.Algorithm, values)
	return err == nil && got == want
}

func encodeConfig(h hash.Hash, values map[string]any) error {
	if len(values) == 0 {
		return nil
	}
	object := yaml.JSONObjectToYAMLObject(values)
	sortKeys(object)
	data, err := goyaml.Marshal(object)
	if err != nil {
		return fmt.Errorf("encode values: %w", err)
	}
	_, err = h.Write(data)
	return err
}

// sortKeys sorts the keys of every map in v.
func sortKeys(v any) {
	switch v := v.(type) {
	case goyaml.MapSlice:
		slices.SortFunc(v, func(a, b goyaml.MapItem) int { return cmp.Compare(keyText(a), keyText(b)) })
		for _, item := range v {
			sortKeys(item.Value)
		}
	case []any:
		for _, item := range v {
			sortKeys(item)
		}
	}
}

func keyText(item goyaml.MapItem) string {
	s, ok := item.Key.(string)
	if !ok {
		return fmt.Sprint(item.Key)
	}
	return s
}

// PostRenderersDigest returns the digest of the post-renderers, empty when there are none. Contract 4.3.
func PostRenderersDigest(algorithm artifact.Algorithm, renderers []helmv2.PostRenderer) string {
	if renderers == nil {
		return ""
	}
	return digestJSON(algorithm, renderers).String()
}

// CommonMetadataDigest returns the digest of the common metadata, empty when there is none. Contract 4.3.
func CommonMetadataDigest(algorithm artifact.Algorithm, metadata *helmv2.CommonMetadata) string {
	if metadata == nil {
		return ""
	}
	return digestJSON(algorithm, metadata).String()
}
