// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imageupdateautomation

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/kit/git"
)

// Mirrors keeps a copy of its repository for each object, <namespace>/<name> below a folder that belongs to one process. No two objects share
// one: what one may read, another must not.
type Mirrors struct {
	root string
}

// NewMirrors returns the mirrors below root, which is created when it does not exist.
func NewMirrors(root string) (*Mirrors, error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("create folder of mirrors: %w", err)
	}
	return &Mirrors{root: root}, nil
}

// Sweep removes the mirrors of objects that do not exist any more. It must not run beside reconciles. An empty namespace means all.
func (m *Mirrors) Sweep(ctx context.Context, objects client.Reader, namespace string) error {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(imagev1.GroupVersion.WithKind(imagev1.ImageUpdateAutomationKind + "List"))
	if err := objects.List(ctx, list, client.InNamespace(namespace)); err != nil {
		return fmt.Errorf("list objects with mirrors: %w", err)
	}
	exists := map[string]bool{}
	for i := range list.Items {
		exists[m.dir(list.Items[i].Namespace, list.Items[i].Name)] = true
	}
	dirs, err := filepath.Glob(filepath.Join(m.root, "*", "*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, dir := range dirs {
		if !exists[dir] {
			errs = append(errs, os.RemoveAll(dir))
		}
	}
	return errors.Join(errs...)
}

// open opens the mirror of an object.
func (m *Mirrors) open(namespace, name string) (*git.Mirror, error) {
	dir := m.dir(namespace, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return git.OpenMirror(dir)
}

// remove deletes the mirror of an object.
func (m *Mirrors) remove(namespace, name string) error {
	if err := os.RemoveAll(m.dir(namespace, name)); err != nil {
		return err
	}
	_ = os.Remove(filepath.Join(m.root, namespace)) // fails while there are others
	return nil
}

func (m *Mirrors) dir(namespace, name string) string { return filepath.Join(m.root, namespace, name) }
