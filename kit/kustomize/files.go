// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"

	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// Files returns the objects of a folder of files that belong to the program, such as embedded manifests. It is for files that are trusted.
func Files(ctx context.Context, files fs.FS, dir string) (objects []Object, err error) {
	memory := filesys.MakeFsInMemory()
	err = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		return memory.WriteFile(filepath.Join(root, filepath.FromSlash(name)), content)
	})
	if err != nil {
		return nil, fmt.Errorf("read files: %w", err)
	}
	gateErr := gate.shared(ctx, func() {
		var m resmap.ResMap
		if m, err = render(memory, dir); err == nil {
			objects, err = objectsOf(m)
		}
	})
	if gateErr != nil {
		return nil, gateErr
	}
	return objects, err
}
