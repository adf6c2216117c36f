// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package get

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/weir-gitops/weir/cli/internal/follow"
	"github.com/weir-gitops/weir/cli/internal/kinds"
	"github.com/weir-gitops/weir/cli/internal/table"
)

// follow prints the table of what is there and then a row for every change, with one header in front of all.
func (q query) follow(ctx context.Context, k kinds.Kind) error {
	ctx, cancel := q.session.Stream(ctx)
	defer cancel()
	c, err := q.session.Client()
	if err != nil {
		return err
	}
	header := q.header(k)
	return follow.Objects(ctx, c, k.List(), q.where(), func(changes []watch.Event) (bool, error) {
		var objects []unstructured.Unstructured
		for _, change := range changes {
			if obj, ok := change.Object.(*unstructured.Unstructured); ok {
				objects = append(objects, *obj)
			}
		}
		if rows := q.rows(k, objects, ""); len(rows) > 0 {
			table.Print(q.session.Out, header, rows)
			header = nil
		}
		return false, nil
	})
}
