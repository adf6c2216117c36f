// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"

	"github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/status"
)

// write sends the status as it is now, if it is not what the server has.
func (d *Driver[O, S]) write(ctx context.Context, a *attempt[O, S]) error {
	p := status.Patcher{Client: d.Client, Live: d.Live, FieldOwner: d.FieldOwner, Owned: d.Kind.Owned}
	stored, err := p.Patch(ctx, a.before, a.obj)
	if err != nil {
		return err
	}
	if stored, ok := stored.(O); ok {
		d.own.wrote(stored)
		a.before = deepCopy(a.obj)
	}
	return nil
}

// tell sends the events of a run and returns them.
func (d *Driver[O, S]) tell(a *attempt[O, S], r Result) []events.Event {
	if d.Kind.Events == nil {
		return nil
	}
	list := d.Kind.Events(a.read, a.scope, r)
	for _, e := range list {
		d.Recorder.Event(a.obj, e)
	}
	return list
}
