// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"context"
	"fmt"

	helmrelease "helm.sh/helm/v3/pkg/release"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/helm-controller/internal/storage"
)

// strays are the releases of the object that its status does not know of, because a process did not live to write there what it had stored.
// Their name is not known: the spec may ask for another one by now. It costs a request, and is asked at most once in a process, while the history
// is empty although something was attempted.
func (r *Reconciler) strays(ctx context.Context, s *scope) ([]*helmv2.Snapshot, error) {
	st := &s.obj.Status
	if len(st.History) > 0 || st.StorageNamespace == "" || s.last.known {
		return nil, nil
	}
	in := storage.Target{Client: s.clients.Client, Account: s.account, Namespace: st.StorageNamespace}
	names, err := r.Storage.Marked(ctx, in, s.obj.UID)
	if err != nil {
		return nil, err
	}
	var found []*helmv2.Snapshot
	for _, name := range names {
		stray, err := r.stray(ctx, s, name)
		if err != nil {
			return nil, fmt.Errorf("read release %s: %w", name, err)
		}
		if stray != nil {
			found = append(found, stray)
		}
	}
	s.last.known = len(found) == 0
	return found, nil
}

// stray reads one of them, nil if it has nothing that could be uninstalled.
func (r *Reconciler) stray(ctx context.Context, s *scope, name string) (*helmv2.Snapshot, error) {
	session := r.open(s, s.obj.Status.StorageNamespace, name)
	defer session.Close()
	stored, err := session.Newest(ctx)
	if err != nil || stored == nil || !stored.IsOf(s.obj.UID) || stored.Info.Status == helmrelease.StatusUninstalled {
		return nil, err
	}
	return s.snapshot(stored), nil
}

// snapshot is that of a revision which the object was the last to write.
func (s *scope) snapshot(own *release.Revision) *helmv2.Snapshot {
	return own.Snapshot(release.Made{Action: own.Intent.Action, Algorithm: s.algorithm, OCIDigest: own.Intent.OCIDigest})
}
