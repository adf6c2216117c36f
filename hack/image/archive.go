// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// writeArchive writes an OCI image layout as one tar file, with the name under which container engines are to know the image.
func writeArchive(path string, index v1.ImageIndex, ref string, created time.Time) (err error) {
	dir, err := os.MkdirTemp(filepath.Dir(path), "layout-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	images, err := index.IndexManifest()
	if err != nil {
		return err
	}
	folder, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	names := map[string]string{"io.containerd.image.name": ref, "org.opencontainers.image.ref.name": ref}
	if len(images.Manifests) != 1 {
		err = folder.AppendIndex(index, layout.WithAnnotations(names))
	} else { // engines that know no nested index read a single image
		var img v1.Image
		if img, err = index.Image(images.Manifests[0].Digest); err == nil {
			err = folder.AppendImage(img, layout.WithAnnotations(names), layout.WithPlatform(*images.Manifests[0].Platform))
		}
	}
	if err != nil {
		return err
	}
	return pack(path, dir, created)
}

// pack writes a folder as a tar file, in the order of the names.
func pack(path, dir string, created time.Time) (err error) {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w := tar.NewWriter(out)
	err = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		relative, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return w.WriteHeader(&tar.Header{Name: filepath.ToSlash(relative) + "/", Typeflag: tar.TypeDir, Mode: 0o755, ModTime: created})
		}
		return packFile(w, name, filepath.ToSlash(relative), created)
	})
	if err != nil {
		return err
	}
	return w.Close()
}

func packFile(w *tar.Writer, path, name string, created time.Time) (err error) {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: info.Size(), ModTime: created}); err != nil {
		return err
	}
	_, err = io.Copy(w, in)
	return err
}
