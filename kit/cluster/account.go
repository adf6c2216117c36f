// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"cmp"
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Account names the service account of a namespace that is to act: the first name that is given. Without any it is the process that acts.
func Account(namespace string, names ...string) types.NamespacedName {
	if name := cmp.Or(names...); name != "" {
		return types.NamespacedName{Namespace: namespace, Name: name}
	}
	return types.NamespacedName{}
}

// AccountGone reports whether the service account that is to act does not exist any more. What it would have to delete cannot be deleted then,
// and an object, or a namespace, that is being deleted must not hang for ever because of that. Without a name it is the process that acts.
func AccountGone(ctx context.Context, live client.Reader, account types.NamespacedName) (bool, error) {
	if account.Name == "" {
		return false, nil
	}
	err := live.Get(ctx, account, &corev1.ServiceAccount{})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for service account %s: %w", account, err)
	}
	return false, nil
}
