// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imagerepository

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/image-automation-controller/internal/tags"
	"github.com/weir-gitops/weir/kit/outcome"
)

// Reasons to scan. Flux: image-automation-controller contract, "When a scan is due". reasonFailed is our own: a request is confirmed by the run
// that first sees it, so nothing else would tell the next run that the scan it asked for has failed.
const (
	reasonFirst     = "first scan"
	reasonRequested = "reconcile requested"
	reasonImage     = "new image name"
	reasonExclusion = "updated exclusion list"
	reasonNoTags    = "no tags in database"
	reasonFailed    = "previous run failed"
	reasonInterval  = "triggered by interval"
)

// minRemaining is what is left of an interval when it counts as over.
const minRemaining = time.Second

// earlyPart is which part of an interval a scan may be early, as runs are spread by some percent: 1/10.
const earlyPart = 10

// stored is what the store has of an object.
type stored struct {
	tags.Info
	ok bool
}

// decide finds out whether a scan is due.
func (r *Reconciler) decide(_ context.Context, s *scope) error {
	info, ok, err := r.Tags.Info(client.ObjectKeyFromObject(s.obj))
	if err != nil {
		return outcome.Fail(imagev1.FailureReason, fmt.Errorf("failed to determine if it's scan time: %w", err))
	}
	has := stored{Info: info, ok: ok}
	last := s.obj.Status.LastScanResult
	s.lost = last != nil && (!ok || last.Revision != info.Revision)
	var remaining time.Duration
	s.reason, remaining = due(s, has, r.Clock())
	// A repository that has no tags is scanned by every run, and one whose time has come by many: neither is news.
	s.loud = s.reason != "" && s.reason != reasonInterval && (s.reason != reasonNoTags || s.lost)
	r.pauses.set(s.obj, remaining)
	return nil
}

// due returns why a scan is due, and, if none is, how long it is until one is; 0 if that is not a matter of time.
func due(s *scope, has stored, now time.Time) (string, time.Duration) {
	status, last := s.obj.Status, s.obj.Status.LastScanResult
	switch {
	case last == nil || last.ScanTime == nil:
		return reasonFirst, 0
	case s.run.Requested != "":
		return reasonRequested, 0
	case s.name.String() != status.CanonicalImageName:
		return reasonImage, 0
	case !sameSet(exclusions(s.obj), status.ObservedExclusionList):
		return reasonExclusion, 0
	case s.lost || has.Count == 0:
		return reasonNoTags, 0
	case conditions.IsFalse(s.obj, meta.ReadyCondition):
		return reasonFailed, 0
	}
	interval := s.obj.GetRequeueAfter()
	if interval == 0 {
		return "", 0
	}
	// A clock that was set back does not put a scan off.
	remaining := min(last.ScanTime.Add(interval).Sub(now), interval)
	if remaining < max(minRemaining, interval/earlyPart) {
		return reasonInterval, 0
	}
	return "", remaining
}

// exclusions are the patterns in force. Flux: image-automation-controller contract, "Spec", field exclusionList.
func exclusions(o *imagev1.ImageRepository) []string {
	if len(o.Spec.ExclusionList) == 0 {
		return []string{`^.*\.sig$`}
	}
	return o.Spec.ExclusionList
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Compact(slices.Sorted(slices.Values(a))), slices.Compact(slices.Sorted(slices.Values(b))))
}
