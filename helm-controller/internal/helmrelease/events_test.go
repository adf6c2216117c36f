// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"errors"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// TestTell holds the table of contract section 17.5 for what is not an action.
func TestTell(t *testing.T) {
	cases := map[string]struct {
		reason string
		phase  string
		err    error
		next   time.Duration
		before func(*helmv2.HelmRelease)
		want   []events.Event
	}{
		"Done": {reason: "Success is told by the actions."},
		"Dependency": {
			reason: "A dependency that is not ready is told with the time of the next try.", phase: "depends", next: time.Minute,
			err:  outcome.Wait(time.Minute, helmv2.DependencyNotReadyReason, "dependency 'a/b' is not ready"),
			want: []events.Event{{Severity: events.Info, Reason: helmv2.DependencyNotReadyReason, Message: "dependencies do not meet ready condition (dependency 'a/b' is not ready): retrying in 1m0s"}},
		},
		"SourceNotReady": {reason: "What the source itself reports is not told.", phase: phaseSource, err: outcome.Wait(time.Minute, helmv2.SourceNotReadyReason, "x")},
		"SourceMissing":  {reason: "Nor is one that is missing.", phase: phaseSource, err: outcome.Fail(helmv2.ArtifactFailedReason, errBroken)},
		"ArtifactGone":   {reason: "Nor an artifact that is gone.", phase: "chart", err: outcome.Wait(time.Minute, helmv2.ArtifactFailedReason, "x")},
		"ArtifactBroken": {
			reason: "One that is broken is.", phase: "chart", err: outcome.Fail(helmv2.ArtifactFailedReason, errBroken),
			want: []events.Event{{Severity: events.Error, Reason: helmv2.ArtifactFailedReason, Message: "it broke"}},
		},
		"Values": {
			reason: "So are values that cannot be composed.", phase: "values", err: outcome.Fail(helmv2.ValuesErrorReason, errBroken),
			want: []events.Event{{Severity: events.Error, Reason: helmv2.ValuesErrorReason, Message: "it broke"}},
		},
		"AccessDenied": {
			reason: "So is what is not allowed.", phase: phaseSource, err: outcome.Stall(helmv2.AccessDeniedReason, errBroken),
			want: []events.Event{{Severity: events.Error, Reason: helmv2.AccessDeniedReason, Message: "it broke"}},
		},
		"Repeated": {
			reason: "What Ready has said before goes to the notification address alone.", phase: "values", err: outcome.Fail(helmv2.ValuesErrorReason, errBroken),
			before: func(hr *helmv2.HelmRelease) {
				conditions.MarkFalse(hr, meta.ReadyCondition, helmv2.ValuesErrorReason, "it broke")
			},
			want: []events.Event{{Severity: events.Error, Reason: helmv2.ValuesErrorReason, Message: "it broke", To: events.Notification}},
		},
		"Exceeded":   {reason: "That no attempt is left is told by the failure.", phase: phaseRelease, err: outcome.Stall(helmv2.RetriesExceededReason, errBroken)},
		"StateError": {reason: "A state that cannot be told is not told.", phase: phaseRelease, err: outcome.Fail(helmv2.StateErrorReason, errBroken)},
		"Superseded": {
			reason: "A wait that was given up is no fault.", phase: phaseRelease, err: outcome.Wait(1, helmv2.HealthCheckCanceledReason, "New"),
			want: []events.Event{{Severity: events.Info, Reason: helmv2.HealthCheckCanceledReason, Message: "New"}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := newScope(nil)
			if tc.before != nil {
				tc.before(s.obj)
			}
			before := s.obj.DeepCopy()
			res := reconcile.Result{Outcome: outcome.Of(tc.err), Phase: tc.phase, Next: tc.next}
			setStatus(s, res)
			if diff := cmp.Diff(tc.want, (&Reconciler{}).tell(before, s, res)); diff != "" {
				t.Errorf("%s\nevents (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestReportEvent holds the table of contract section 17.5 for actions.
func TestReportEvent(t *testing.T) {
	about := map[string]string{helmv2.RevisionMetadataKey: "6.6.0", helmv2.TokenMetadataKey: "sha256:aa", helmv2.AppVersionMetadataKey: "6.6"}
	cases := map[string]struct {
		reason string
		report report
		want   *events.Event
	}{
		"Success": {
			reason: "What went well is told with the facts of the revision.", report: report{action: release.ActionUpgrade}.about(latest()),
			want: &events.Event{Severity: events.Info, Reason: helmv2.UpgradeSucceededReason, Message: "Helm upgrade succeeded for release team/app.v2 with chart podinfo@6.6.0", Metadata: about},
		},
		"Failure": {
			reason: "What failed is told with what Helm logged last.", report: report{action: release.ActionTest, fault: errBroken, logs: "t: line"}.about(latest()),
			want: &events.Event{Severity: events.Error, Reason: helmv2.TestFailedReason, Message: "Helm test failed for release team/app.v2 with chart podinfo@6.6.0: it broke\n\nLast Helm logs:\n\nt: line", Metadata: about},
		},
		"Unlock": {
			reason: "An unlock is no fault.", report: report{action: release.ActionUnlock, was: "pending-install"}.about(latest()),
			want: &events.Event{Severity: events.Info, Reason: helmv2.PendingReleaseReason, Message: "Unlocked Helm release team/app.v2 with chart podinfo@6.6.0 in pending-install state", Metadata: about},
		},
		"Begins":  {reason: "That something begins is not told.", report: report{action: release.ActionInstall, begins: true}},
		"Nothing": {reason: "Nor is that there was nothing to do.", report: report{action: release.ActionUninstall, note: "not found"}},
		"Quiet":   {reason: "Nor what the end of the run tells.", report: report{action: release.ActionInstall, fault: errBroken, quiet: true}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			e, ok := tc.report.event(newScope(nil).obj)
			var got *events.Event
			if ok {
				got = &e
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nevent (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestServes(t *testing.T) {
	source := func(edit func(*sourcev1.HelmChart)) client.Object {
		c := &sourcev1.HelmChart{ObjectMeta: metav1.ObjectMeta{Generation: 2}}
		c.Status.ObservedGeneration = 2
		c.Status.Artifact = &meta.Artifact{Revision: "1.0.0", Digest: "sha256:a"}
		if edit != nil {
			edit(c)
		}
		return c
	}
	cases := map[string]struct {
		reason   string
		old, new func(*sourcev1.HelmChart)
		want     bool
	}{
		"Nothing":    {reason: "What concerns nobody wakes nobody.", new: func(c *sourcev1.HelmChart) { c.Labels = map[string]string{"a": "b"} }},
		"Artifact":   {reason: "Another artifact wakes.", new: func(c *sourcev1.HelmChart) { c.Status.Artifact.Digest = "sha256:b" }, want: true},
		"CaughtUp":   {reason: "So does a source that has caught up with its spec.", old: func(c *sourcev1.HelmChart) { c.Status.ObservedGeneration = 1 }, want: true},
		"OtherCause": {reason: "So does another reason for not being ready, which is to be shown.", new: func(c *sourcev1.HelmChart) { conditions.MarkStalled(c, "X", "no such chart") }, want: true},
		"Ready":      {reason: "So does one that has become ready.", new: func(c *sourcev1.HelmChart) { conditions.MarkTrue(c, meta.ReadyCondition, "X", "x") }, want: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := serves().Update(event.UpdateEvent{ObjectOld: source(tc.old), ObjectNew: source(tc.new)}); got != tc.want {
				t.Errorf("%s\ngot %v", tc.reason, got)
			}
		})
	}
}

func TestNotServing(t *testing.T) {
	cases := map[string]struct {
		reason string
		edit   func(*sourcev1.OCIRepository)
		want   string
	}{
		"Serves":     {reason: "A source with an artifact serves."},
		"FailsNow":   {reason: "Also while it fails to fetch another.", edit: func(o *sourcev1.OCIRepository) { conditions.MarkFalse(o, meta.ReadyCondition, "X", "x") }},
		"Behind":     {reason: "One that is behind its spec does not.", edit: func(o *sourcev1.OCIRepository) { o.Generation = 3 }, want: "latest generation of object has not been reconciled"},
		"Stalled":    {reason: "Nor one that is stalled.", edit: func(o *sourcev1.OCIRepository) { conditions.MarkStalled(o, "X", "it is stuck") }, want: "it is stuck"},
		"NoArtifact": {reason: "Nor one without an artifact.", edit: func(o *sourcev1.OCIRepository) { o.Status.Artifact = nil }, want: "does not have an artifact"},
		"Cause": {reason: "If it says why, so is said here.", edit: func(o *sourcev1.OCIRepository) {
			o.Status.Artifact = nil
			conditions.MarkFalse(o, meta.ReadyCondition, "X", "no such tag")
		}, want: "no such tag"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			obj := &sourcev1.OCIRepository{ObjectMeta: metav1.ObjectMeta{Generation: 2}}
			obj.Status.ObservedGeneration = 2
			obj.Status.Artifact = &meta.Artifact{}
			if tc.edit != nil {
				tc.edit(obj)
			}
			if got := notServing(obj); got != tc.want {
				t.Errorf("%s\ngot %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}

func TestSay(t *testing.T) {
	if err := say(loadFailedText, errBroken); err.Error() != "Could not load chart: it broke" || !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
}
