// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package tags

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
)

// Garbage removes sets whose objects are gone, at start and from then on by time. It runs on the leader only.
type Garbage struct {
	Store *Store
	// Interval is the time between two looks.
	Interval time.Duration
	// Exists tells whether there is such an object.
	Exists func(ctx context.Context, key types.NamespacedName) (bool, error)
}

// Start looks for garbage until ctx ends.
func (g *Garbage) Start(ctx context.Context) error {
	log := logr.FromContextOrDiscard(ctx).WithName("tag-garbage")
	ticker := time.NewTicker(g.Interval)
	defer ticker.Stop()
	for {
		if err := g.Collect(ctx); err != nil && ctx.Err() == nil {
			log.Error(err, "remove the tags of objects that are gone")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// NeedLeaderElection tells a controller-runtime manager that only a leader writes to the store.
func (g *Garbage) NeedLeaderElection() bool { return true }

// Collect removes the sets without object, and empty folders of namespaces.
func (g *Garbage) Collect(ctx context.Context) error {
	keys, err := g.Store.keys()
	if err != nil {
		return err
	}
	var errs []error
	for _, key := range keys {
		exists, err := g.Exists(ctx, key)
		if err == nil && !exists {
			err = g.Store.Delete(key)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
	}
	return errors.Join(errs...)
}

// keys lists the objects that have sets. Empty folders of namespaces are removed on the way.
func (s *Store) keys() ([]types.NamespacedName, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	namespaces, err := fs.ReadDir(s.root.FS(), folder)
	if err != nil {
		return nil, ignoreAbsent(err)
	}
	var keys []types.NamespacedName
	for _, namespace := range namespaces {
		names, err := fs.ReadDir(s.root.FS(), path.Join(folder, namespace.Name()))
		if err != nil {
			continue // removed meanwhile, or not one of ours
		}
		if len(names) == 0 {
			s.removeEmpty(namespace.Name())
		}
		for _, name := range names {
			keys = append(keys, types.NamespacedName{Namespace: namespace.Name(), Name: name.Name()})
		}
	}
	return keys, nil
}

// removeEmpty removes the folder of a namespace unless somebody has put something into it meanwhile.
func (s *Store) removeEmpty(namespace string) {
	s.swap.Lock()
	defer s.swap.Unlock()
	_ = s.root.Remove(path.Join(folder, namespace)) // it stays where it is not empty
}
