// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package get

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/weir-gitops/weir/cli/internal/kinds"
	"github.com/weir-gitops/weir/cli/internal/table"
)

// follow prints a row for every object and then one for every change, with one header in front of all.
func (q query) follow(ctx context.Context, k kinds.Kind) error {
	ctx, cancel := q.session.Stream(ctx)
	defer cancel()
	c, err := q.session.Client()
	if err != nil {
		return err
	}
	events, err := c.Watch(ctx, k.List(), q.where()...)
	if err != nil {
		return err
	}
	defer events.Stop()
	header := q.header(k)
	for event := range events.ResultChan() {
		obj, ok := event.Object.(*unstructured.Unstructured)
		if !ok || event.Type == watch.Bookmark || event.Type == watch.Error {
			continue
		}
		if rows := q.rows(k, []unstructured.Unstructured{*obj}, ""); len(rows) > 0 {
			table.Print(q.session.Out, header, rows)
			header = nil
		}
	}
	return context.Cause(ctx)
}
