// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"fmt"
	"path"
)

// Link points name, beside the stored file at p, at that file, and returns where the link is served. An older link of that name is replaced at
// once. The link is relative: it stays good when the storage moves, and an os.Root follows no other.
// Flux: source-controller contract, "Artifact", where it is absolute; clients only see what it leads to.
func (s *Store) Link(p, name string) (string, error) {
	if err := checkName(name); err != nil {
		return "", err
	}
	link := path.Join(path.Dir(p), name)
	temp := path.Join(path.Dir(p), tempName(name))
	if err := s.root.Symlink(path.Base(p), temp); err != nil {
		return "", fmt.Errorf("link %s: %w", link, err)
	}
	if err := s.root.Rename(temp, link); err != nil {
		return "", errors.Join(fmt.Errorf("link %s: %w", link, err), s.root.Remove(temp))
	}
	return s.URL(link), nil
}
