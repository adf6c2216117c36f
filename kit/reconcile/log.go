// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"

	"github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/outcome"
)

// logResult writes the line of a failed run, whose text tools look for, and that of a run with news, which equals its last event. A run that
// changed nothing leaves no line at the info level. Flux: kustomize-controller contract, "Logging".
func logResult(ctx context.Context, r Result, told []events.Event) {
	log := logr.FromContextOrDiscard(ctx)
	if !r.IsError() {
		if n := len(told); n > 0 && told[n-1].To == events.Everywhere {
			log.Info(told[n-1].Message)
		}
		log.V(1).Info("run finished", "phase", r.Phase, "wait", r.Message(), "next", r.Next.String(), "took", r.Duration.String())
		return
	}
	retry := "back-off"
	switch {
	case r.Class == outcome.Stalled:
		retry = "a change"
	case r.Next > 0:
		retry = r.Next.String()
	}
	log.Error(r.Err, fmt.Sprintf("Reconciliation failed after %s, next try in %s", r.Duration.Round(time.Millisecond), retry), "phase", r.Phase)
}
