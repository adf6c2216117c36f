// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/helm-controller/internal/release"
)

// ownerAnnotation says on a Secret what the intent in its payload says of the owner, so that it can be found without reading payloads. Like the
// intent it is dropped by Helm when it rewrites a revision.
const ownerAnnotation = "weir.dev/owner"

// Marked lists the releases in the namespace of the target, whose own name does not matter, that the HelmRelease was the last to write. It is
// one request, for metadata.
func (l *Ledger) Marked(ctx context.Context, t Target, owner types.UID) ([]string, error) {
	secrets := &metav1.PartialObjectMetadataList{}
	secrets.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("SecretList"))
	if err := t.Client.List(ctx, secrets, client.InNamespace(t.Namespace), client.MatchingLabels{ownerLabel: ownerHelm}); err != nil {
		return nil, fmt.Errorf("list releases in namespace %s: %w", t.Namespace, err)
	}
	newest := map[string]int{}
	owned := map[string]bool{}
	for i := range secrets.Items {
		m := &secrets.Items[i].ObjectMeta
		name, number, ok := identify(m)
		if !ok || number < newest[name] {
			continue
		}
		newest[name], owned[name] = number, m.Annotations[ownerAnnotation] == string(owner)
	}
	maps.DeleteFunc(owned, func(_ string, ours bool) bool { return !ours })
	return slices.Sorted(maps.Keys(owned)), nil
}

// mark returns the annotations of a Secret that was written with the intent.
func mark(intent *release.Intent) map[string]string {
	if intent == nil {
		return nil
	}
	return map[string]string{ownerAnnotation: string(intent.Owner)}
}
