// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"context"
	"fmt"
	"strings"

	ctrl "sigs.k8s.io/controller-runtime"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// verifyIntervals is how many intervals may pass until the live objects are compared in full although no watch showed a change.
const verifyIntervals = 5

func detectsDrift(obj *helmv2.HelmRelease) bool {
	d := obj.Spec.DriftDetection
	return d != nil && d.Mode != "" && d.Mode != helmv2.DriftDetectionDisabled
}

// lookForDrift compares the cluster with the release. While watches show that nothing moved since the last comparison it costs no request.
func (r *Reconciler) lookForDrift(ctx context.Context, s *scope, newest *release.Revision) (release.Drift, error) {
	compared, err := reconcile.Fingerprint(s.obj.UID, s.obj.Generation, newest.Version, s.account)
	if err != nil {
		return release.DriftUnknown, err
	}
	now := r.Clock()
	due := now.Sub(s.last.verified) >= verifyIntervals*s.obj.GetRequeueAfter()
	if s.last.compared == compared && !due && r.Runner.Cluster.Settled(key(s.obj)) {
		s.checked = true
		return release.DriftNone, nil
	}
	s.last.compared = ""
	found, err := r.Runner.DetectDrift(ctx, r.target(ctx, s, release.ActionCorrectDrift), newest)
	switch {
	case found.Found():
		if err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "some objects could not be compared")
		}
		s.drift = found
		s.tellDrift()
		return release.DriftFound, nil
	case err != nil:
		return release.DriftUnknown, err
	}
	s.last.compared, s.last.verified, s.checked = compared, now, true
	return release.DriftNone, nil
}

func (s *scope) driftMessage() string {
	name := s.obj.Namespace + "/" + s.obj.Name
	if latest := s.obj.Status.History.Latest(); latest != nil {
		name = release.FullName(latest)
	}
	return fmt.Sprintf(driftedText, name, s.drift.Summary())
}

// tellDrift tells people of drift. What the condition says already goes to the notification address alone, which knows duplicates.
func (s *scope) tellDrift() {
	e := events.Event{Severity: events.Error, Reason: helmv2.DriftDetectedReason, Message: s.driftMessage()}
	if c := conditionOf(s.obj, helmv2.DriftedCondition); c != nil && c.Message == clip(e.Message) {
		e.To = events.Notification
	}
	s.run.Emit(e)
}

// correctDrift puts back what differs. It makes no revision of the release.
func (r *Reconciler) correctDrift(ctx context.Context, s *scope) error {
	if err := s.announce(ctx, release.ActionCorrectDrift); err != nil {
		return err
	}
	timeout := s.obj.GetTimeout()
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("not done within the timeout of %s", timeout))
	defer cancel()
	done, err := r.Runner.CorrectDrift(ctx, r.target(ctx, s, release.ActionCorrectDrift), s.drift)
	latest := s.obj.Status.History.Latest()
	e := events.Event{Severity: events.Info, Reason: helmv2.DriftCorrectedReason, Metadata: snapshotMetadata(latest)}
	lines := strings.Join(done.Lines, "\n")
	switch {
	case err == nil && lines == "":
		return nil
	case err == nil:
		e.Message = fmt.Sprintf("Cluster state of release %s has been corrected:\n%s", release.FullName(latest), lines)
	default:
		partially, rest := "", ""
		if lines != "" {
			partially, rest = "partially ", "\n\nSuccessful corrections:\n"+lines
		}
		e.Severity, e.Reason = events.Error, helmv2.DriftCorrectionFailedReason
		e.Message = fmt.Sprintf("Failed to %scorrect cluster state of release %s:\n%s%s", partially, release.FullName(latest), err, rest)
	}
	s.run.Emit(e)
	return err
}
