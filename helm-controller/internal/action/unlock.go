// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"
	"time"

	"github.com/weir-gitops/weir/helm-controller/internal/release"
)

// Unlock marks the newest revision as failed if it is pending: whoever was at work on it no longer is. It returns the revision as it was,
// and whether it was pending.
func (r *Runner) Unlock(ctx context.Context, t Target) (was *release.Revision, unlocked bool, o Outcome, err error) {
	began := time.Now()
	var recorder release.Recorder
	was, unlocked, err = t.Store.Unlock(ctx, func(w release.Write) {
		recorder.Observe(w)
		if t.Observe != nil {
			t.Observe(w)
		}
	})
	return was, unlocked, Outcome{Writes: recorder.Writes(), Newest: recorder.Newest(), Took: time.Since(began)}, err
}
