// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package ready

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// goneInterval is how often an object that goes is looked at: kinds that vanish themselves cannot be watched to the end.
const goneInterval = 250 * time.Millisecond

// Gone waits until an object does not exist any more.
func Gone(ctx context.Context, c client.Client, obj *unstructured.Unstructured) error {
	for {
		err := c.Get(ctx, client.ObjectKeyFromObject(obj), obj.DeepCopy())
		if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
			return nil
		}
		select {
		case <-time.After(goneInterval):
		case <-ctx.Done():
			return fmt.Errorf("is still there: %w", context.Cause(ctx))
		}
	}
}
