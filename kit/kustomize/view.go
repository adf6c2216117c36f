// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	securefs "github.com/fluxcd/pkg/kustomize/filesys"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/weir-gitops/weir/kit/artifact/fetch"
)

// root is where builds see the artifact. It does not exist on disk, is the same in every run, and is
// deep enough for paths that lead out of it to be told from paths inside.
const root = "/artifact"

// view is the file system of one build: the artifact, read-only, below root, with the kustomization
// file of the build laid over it, and the clones the engine makes of remote bases.
type view struct {
	filesys.FileSystem // refuses what builds have no business to do

	tree    *fetch.Tree
	seen    *recorder
	overlay map[string][]byte // by path in the artifact
	clones  *cloneDirs
	policy  *policy
	ended   func() error // why the build is to end
}

func newView(t *fetch.Tree, p *policy, ended func() error) (*view, error) {
	clones, err := newCloneDirs(t.Dir())
	if err != nil {
		return nil, err
	}
	return &view{
		FileSystem: filesys.MakeEmptyDirInMemory(),
		tree:       t,
		seen:       newRecorder(t.Files()),
		overlay:    make(map[string][]byte),
		clones:     clones,
		policy:     p,
		ended:      ended,
	}, nil
}

// inside returns the path in the artifact of what the engine calls name.
func inside(op, name string) (string, error) {
	abs := filepath.Clean(name)
	if !filepath.IsAbs(abs) {
		abs = filepath.Join(root, abs)
	}
	if abs == root {
		return ".", nil
	}
	rel, ok := strings.CutPrefix(abs, root+"/")
	if !ok {
		err := fmt.Errorf("path '%s' is not in or below '%s'", name, root)
		return "", &securefs.ConstraintError{Op: op, Path: name, Err: err}
	}
	return rel, nil
}

// outside returns the name that the engine knows for a path in the artifact.
func outside(rel string) string { return filepath.Join(root, rel) }

// ReadFile implements filesys.FileSystem.
func (v *view) ReadFile(name string) ([]byte, error) {
	if err := v.ended(); err != nil {
		return nil, err
	}
	content, err := v.read(name)
	if err != nil {
		return nil, err
	}
	kustomization := slices.Contains(konfig.RecognizedKustomizationFileNames(), filepath.Base(name))
	file := filepath.Clean(name)
	if !filepath.IsAbs(file) {
		file = outside(file)
	}
	return content, v.policy.check(file, content, kustomization)
}

func (v *view) read(name string) ([]byte, error) {
	if v.inClone(name) {
		if info, err := os.Stat(name); err == nil { // what cannot be read is its own business
			if err := v.policy.admit(name, info.Size()); err != nil {
				return nil, err
			}
		}
		return v.clones.ReadFile(name)
	}
	rel, err := inside("read", name)
	if err != nil {
		return nil, err
	}
	if content, ok := v.overlay[rel]; ok {
		return content, nil
	}
	entry, there := v.seen.kind(rel)
	switch {
	case !there:
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.ENOENT}
	case entry.Dir:
		return nil, &fs.PathError{Op: "read", Path: name, Err: syscall.EISDIR}
	}
	if err := v.policy.admit(rel, entry.Size); err != nil {
		return nil, err
	}
	v.seen.content(rel)
	content, err := v.tree.ReadFile(rel)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: cause(err)}
	}
	return content, nil
}

// cause takes from an error of the disk the path, which differs between runs.
func cause(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// CleanedAbs implements filesys.FileSystem. Trees hold no links, so that names need no evaluation.
func (v *view) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	if err := v.ended(); err != nil {
		return "", "", err
	}
	if v.inClone(name) {
		return v.clones.CleanedAbs(name)
	}
	rel, err := inside("abs", name)
	if err != nil {
		return "", "", err
	}
	entry, there := v.seen.kind(rel)
	if !there {
		err := &fs.PathError{Op: "lstat", Path: outside(rel), Err: syscall.ENOENT}
		return "", "", fmt.Errorf("evalsymlink failure on '%s' : %w", name, err)
	}
	if entry.Dir {
		return filesys.ConfirmedDir(outside(rel)), "", nil
	}
	dir, file := filepath.Split(outside(rel))
	return filesys.ConfirmedDir(filepath.Clean(dir)), file, nil
}

// Exists implements filesys.FileSystem.
func (v *view) Exists(name string) bool {
	_, _, err := v.CleanedAbs(name)
	return err == nil
}

// IsDir implements filesys.FileSystem.
func (v *view) IsDir(name string) bool {
	_, file, err := v.CleanedAbs(name)
	return err == nil && file == ""
}

// RemoveAll implements filesys.FileSystem. The engine removes its clones with it.
func (v *view) RemoveAll(name string) error {
	if v.clones.own(name) {
		return os.RemoveAll(name)
	}
	return &securefs.ConstraintError{Op: "remove", Path: name, Err: fs.ErrPermission}
}

// inClone reports whether the name is in a clone that may be read.
func (v *view) inClone(name string) bool {
	if !v.policy.allowRemote || !v.clones.own(name) {
		return false
	}
	v.policy.remote = true
	return true
}

// cloneDirs is where the engine clones remote bases to, confined to that.
type cloneDirs struct {
	filesys.FileSystem
	prefix string
}

func newCloneDirs(treeDir string) (*cloneDirs, error) {
	prefix, err := securefs.TmpConfirmedDirPrefix()
	if err != nil {
		return nil, err
	}
	disk, err := securefs.MakeFsOnDiskSecureBuild(treeDir)
	if err != nil {
		return nil, err
	}
	return &cloneDirs{FileSystem: disk, prefix: prefix}, nil
}

// own reports whether the name is in a clone.
func (c *cloneDirs) own(name string) bool { return strings.HasPrefix(filepath.Clean(name), c.prefix) }
