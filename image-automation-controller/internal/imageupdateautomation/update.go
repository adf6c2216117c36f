// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imageupdateautomation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/go-logr/logr"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/image-automation-controller/internal/setters"
	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/kit/outcome"
)

const (
	// maxChangedBytes bounds the files that one commit changes, all of which are in memory.
	maxChangedBytes = 64 << 20
	// maxParsedBytes bounds the files with markers that one run parses, which takes about a minute.
	maxParsedBytes = 1 << 30
	// largeFile is the size from which on files with markers are parsed one at a time.
	largeFile = 64 << 10
)

// changes is what a run changes.
type changes struct {
	// files are new contents by path.
	files map[string][]byte
	// edits are the changes by path, relative to the path that the object names.
	edits map[string][]setters.Edit
	// order has these paths in order.
	order []string
}

// update changes the marked values of the commit, in memory.
func (r *Reconciler) update(ctx context.Context, s *scope) error {
	if s.unchanged {
		return nil
	}
	if err := s.edit(ctx); err != nil {
		return outcome.Fail(imagev1.UpdateFailedReason, fmt.Errorf("failed to apply policies: %w", s.damaged(err)))
	}
	return nil
}

// edit changes the marked values in all files below the path of the object.
func (s *scope) edit(ctx context.Context) error {
	images := s.images()
	if err := images.Check(); err != nil {
		return err
	}
	w := &worker{scope: s, images: images, log: logr.FromContextOrDiscard(ctx), finder: s.commit.Finder(), linked: map[string]bool{}}
	start := cleanPath(s.obj.Spec.Update.Path)
	s.changes = changes{files: map[string][]byte{}, edits: map[string][]setters.Edit{}}
	root, err := w.finder.Find(ctx, start)
	if errors.Is(err, git.ErrSubmodule) {
		return nil // a directory without files
	}
	if errors.Is(err, git.ErrNotFound) {
		return fmt.Errorf("%s: no such file or directory in the repository", start)
	}
	if err != nil {
		return err
	}
	if root.Mode != git.Dir {
		return w.single(ctx, root, start)
	}
	return w.directory(ctx, root.Path)
}

// cleanPath returns a path relative to the root of the repository, out of which it cannot lead; "." is the root.
func cleanPath(p string) string {
	p = strings.TrimPrefix(path.Clean("/"+p), "/")
	if p == "" {
		return "."
	}
	return p
}

// within returns the path of what is below root relative to it, false for what is not.
func within(root, p string) (string, bool) {
	if root == "." {
		return p, true
	}
	return strings.CutPrefix(p, root+"/")
}

// isManifest reports whether a file may hold manifests. Flux: image-automation-controller contract, "Files visited".
func isManifest(p string) bool {
	ext := path.Ext(p)
	return ext == ".yaml" || ext == ".yml" || path.Base(p) == "Kustomization"
}

// worker changes the files of one run.
type worker struct {
	*scope

	images setters.Images
	log    logr.Logger
	bytes  int
	parsed int64
	finder *git.Finder
	// linked are the files outside the path of the object to which symbolic links led.
	linked map[string]bool
}

// single changes the one file that the object names, by the name that it has there.
func (w *worker) single(ctx context.Context, file git.Entry, p string) error {
	if !isManifest(p) {
		return nil
	}
	if err := w.file(ctx, file, path.Base(p)); err != nil {
		return fmt.Errorf("%s: %w", p, err)
	}
	return nil
}

// directory changes the files below a directory.
func (w *worker) directory(ctx context.Context, root string) error {
	for entry, err := range w.commit.EntriesAndLinks(ctx, []string{root}) {
		if err != nil {
			return err
		}
		name, ok := within(root, entry.Path)
		if !ok || entry.Mode == git.Dir || !isManifest(name) {
			continue
		}
		if entry.Link {
			if entry, ok, err = w.follow(ctx, root, entry); err != nil {
				return err
			}
		}
		if !ok {
			continue
		}
		if err := w.file(ctx, entry, name); err != nil {
			return fmt.Errorf("%s: %w", entry.Path, err)
		}
	}
	return nil
}

// follow returns the file that a symbolic link leads to, false if it leads out of the repository, nowhere, to a directory, or to a file that is
// looked at anyway: as what it is or for the sake of another link. Flux: image-automation-controller contract, "Files visited", links.
func (w *worker) follow(ctx context.Context, root string, link git.Entry) (git.Entry, bool, error) {
	to, err := w.finder.Find(ctx, link.Path)
	if errors.Is(err, git.ErrNotFound) {
		w.log.V(1).Info("symbolic link leads to no file of the repository and is left alone", "path", link.Path, "cause", err.Error())
		return git.Entry{}, false, nil
	}
	if err != nil || to.Mode == git.Dir || w.linked[to.Path] {
		return git.Entry{}, false, err
	}
	if name, ok := within(root, to.Path); ok && isManifest(name) {
		return git.Entry{}, false, nil
	}
	w.linked[to.Path] = true
	return to, true, nil
}

// file changes one file. What cannot be parsed is left alone: it may be a template.
func (w *worker) file(ctx context.Context, entry git.Entry, name string) error {
	if _, known := w.last.plain[entry.Hash]; known {
		return nil
	}
	size, err := w.commit.Size(entry.Hash)
	if err != nil {
		return err
	}
	if size > setters.MaxFileBytes {
		w.log.Info("file is too large for markers and left alone", "path", entry.Path, "bytes", size)
		return nil
	}
	content, err := w.read(entry.Hash, size)
	if err != nil {
		return err
	}
	if !setters.Screen(content) {
		w.last.notePlain(entry.Hash)
		return nil
	}
	if w.parsed += size; w.parsed > maxParsedBytes {
		return fmt.Errorf("there are more than %d bytes of files with markers", maxParsedBytes)
	}
	changed, edits, err := w.apply(ctx, content)
	switch {
	case errors.Is(err, setters.ErrTooLarge):
		w.log.Info("file is too large for markers and left alone", "path", entry.Path, "cause", err.Error())
		return nil
	case errors.Is(err, setters.ErrNotYAML):
		w.log.V(1).Info("file with markers is not YAML and left alone", "path", entry.Path, "cause", err.Error())
		return nil
	case err != nil || len(edits) == 0:
		return err
	}
	if w.bytes += len(changed); w.bytes > maxChangedBytes {
		return fmt.Errorf("more than %d bytes of files would change in one commit", maxChangedBytes)
	}
	w.changes.files[entry.Path], w.changes.edits[name] = changed, edits
	w.changes.order = append(w.changes.order, name)
	return nil
}

// apply changes the marked values of a file. Workers that parse large files at the same time would need too much memory together.
func (w *worker) apply(ctx context.Context, content []byte) ([]byte, []setters.Edit, error) {
	if len(content) > largeFile {
		select {
		case w.large <- struct{}{}:
			defer func() { <-w.large }()
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		}
	}
	return setters.Apply(content, w.images)
}

// read returns the content of a file.
func (w *worker) read(h git.Hash, size int64) (content []byte, err error) {
	r, err := w.commit.Open(h)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	b := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	// One more than there is, so that the end is seen and with it whether the content is right.
	_, err = b.ReadFrom(io.LimitReader(r, size+1))
	return b.Bytes(), err
}
