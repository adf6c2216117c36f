// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/fluxcd/pkg/apis/kustomize"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// Edits are changes to objects that are there already.
type Edits struct {
	// Patches are applied in order: strategic merge or JSON 6902, YAML or JSON.
	Patches []kustomize.Patch
	// Images replace names, tags and digests of container images.
	Images []kustomize.Image
}

// editedFile is the name under which the engine sees the objects; it may appear in errors.
const editedFile = "manifests.yaml"

// Edit returns the objects of a stream of YAML documents with the edits applied, as a stream. Nothing but the stream is read, so
// that a patch cannot refer to a file or a server.
func Edit(ctx context.Context, stream []byte, e Edits) (edited []byte, err error) {
	k := types.Kustomization{
		TypeMeta:  types.TypeMeta{APIVersion: types.KustomizationVersion, Kind: types.KustomizationKind},
		Resources: []string{editedFile},
		Images:    mergeImages(nil, e.Images),
	}
	for _, patch := range e.Patches {
		if _, err := checkYAML([]byte(patch.Patch)); err != nil {
			return nil, fmt.Errorf("patch: %w", err)
		}
		k.Patches = append(k.Patches, types.Patch{Patch: patch.Patch, Target: selector(patch.Target)})
	}
	if _, err := checkYAML(stream); err != nil {
		return nil, err
	}
	file, err := yaml.Marshal(k)
	if err != nil {
		return nil, fmt.Errorf("encode kustomization: %w", err)
	}
	fs := filesys.MakeFsInMemory()
	for name, content := range map[string][]byte{"kustomization.yaml": file, editedFile: stream} {
		if err := fs.WriteFile(filepath.Join(root, name), content); err != nil {
			return nil, fmt.Errorf("write %s: %w", name, err)
		}
	}
	if gateErr := gate.shared(ctx, func() { edited, err = editInMemory(fs) }); gateErr != nil {
		return nil, gateErr
	}
	return edited, err
}

func editInMemory(fs filesys.FileSystem) (edited []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("recovered from panic in kustomize: %v", r)
		}
	}()
	var m resmap.ResMap
	if m, err = render(fs, "."); err != nil {
		return nil, err
	}
	return m.AsYaml()
}
