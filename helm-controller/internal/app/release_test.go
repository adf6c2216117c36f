// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/storage/driver"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/kit/testkit"
)

func isNotFound(err error) bool { return errors.Is(err, driver.ErrReleaseNotFound) }

func (f *fixture) checkRevisions(name string, want ...string) {
	f.t.Helper()
	if diff := cmp.Diff(want, f.revisions(name)); diff != "" {
		f.t.Errorf("revisions of %s (-want +got):\n%s", name, diff)
	}
}

// tenChart is a chart of ten ConfigMaps, that of the figures.
func tenChart(version string) testkit.Chart {
	return chart(version, map[string]string{"templates/config.yaml": `{{- range $i, $_ := until 10 }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $.Release.Name }}-{{ $i }}
data:
  value: {{ $.Values.value | quote }}
{{- end }}
`})
}

// TestRequests counts what an install, a forced no-op and an upgrade cost. The figures are those of the project. It runs alone: beside others,
// a run may pause for longer than what counts as its end.
func TestRequests(t *testing.T) {
	f := newIdleFixture(t)
	var requests testkit.Requests
	f.config = requests.Count(f.cluster.Config)
	f.start()
	f.publish(tenChart("1.0.0"))
	f.create("warm", nil) // so that discovery and watches are there
	f.awaitRevision("warm", 1)
	f.recorded("warm", helmv2.InstallSucceededReason)
	requests.Settle(t)

	spend := func(what string, most int) map[testkit.Request]int {
		t.Helper()
		counts := requests.Spent(t)
		testkit.Log(t, counts)
		if n := testkit.Total(counts); n > most {
			t.Errorf("%s took %d requests, want at most %d", what, n, most)
		}
		return counts
	}
	f.create("app", nil)
	f.awaitRevision("app", 1)
	f.recorded("app", helmv2.InstallSucceededReason)
	spend("an install", 46)
	f.request("again")
	f.confirmed("again")
	counts := spend("a forced no-op", 1)
	if n := counts[testkit.Request{Verb: "patch", Resource: "helmreleases/status"}]; n != 1 {
		t.Errorf("a forced no-op writes the status %d times, want once", n)
	}
	f.change(func(hr *helmv2.HelmRelease) { hr.Spec.Values = with(map[string]any{"value": "two"}) })
	f.awaitRevision("app", 2)
	f.recorded("app", helmv2.UpgradeSucceededReason)
	spend("an upgrade", 40)
	f.checkRevisions("app", "1 superseded", "2 deployed")
}

// recorded waits for the Kubernetes Event about a HelmRelease, which goes out in the background: nothing comes after that of an action.
func (f *fixture) recorded(name, reason string) {
	f.t.Helper()
	f.eventually("the event "+reason+" of "+name+" is there", func() bool {
		return slices.ContainsFunc(f.cluster.Events(f.t, f.namespace, name), func(e corev1.Event) bool { return e.Reason == reason })
	})
}

func TestInstallAndUpgrade(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.publish(chart("1.0.0", nil))
	f.create("app", nil)
	hr := f.awaitRevision("app", 1)
	want := "Helm install succeeded for release " + f.namespace + "/app.v1 with chart demo@1.0.0"
	for _, c := range []string{meta.ReadyCondition, helmv2.ReleasedCondition} {
		if got := conditions.GetMessage(hr, c); got != want {
			t.Errorf("%s says %q, want %q", c, got, want)
		}
	}
	if c := conditions.Get(hr, meta.ReconcilingCondition); c != nil {
		t.Errorf("Reconciling is left: %+v", *c)
	}
	if got := hr.Status.Inventory.Entries; len(got) != 1 || got[0].ID != f.namespace+"_app-config__ConfigMap" {
		t.Errorf("inventory: %+v", got)
	}
	e := f.events.Wait(t, func(e eventv1.Event) bool { return e.Reason == helmv2.InstallSucceededReason })
	if e.Message != want || e.Metadata[helmv2.RevisionMetadataKey] != "1.0.0" || e.Metadata[helmv2.TokenMetadataKey] == "" {
		t.Errorf("event: %+v", e)
	}
	f.publish(chart("1.1.0", nil))
	f.awaitRevision("app", 2)
	if got := f.configMap("app-config").Data["version"]; got != "1.1.0" {
		t.Errorf("the ConfigMap is of version %s", got)
	}
	f.change(func(hr *helmv2.HelmRelease) { hr.Spec.Values = with(map[string]any{"value": "two"}) })
	hr = f.awaitRevision("app", 3)
	if got := f.configMap("app-config").Data["value"]; got != "two" {
		t.Errorf("the ConfigMap has value %s", got)
	}
	if hr.Status.LastAttemptedReleaseAction != helmv2.ReleaseActionUpgrade || hr.Status.LastAttemptedRevision != "1.1.0" || hr.Status.StorageNamespace != f.namespace {
		t.Errorf("status: %+v", hr.Status)
	}
	f.checkRevisions("app", "1 superseded", "2 superseded", "3 deployed")
	f.remove()
	f.checkRevisions("app")
	if f.configMap("app-config") != nil {
		t.Error("a deleted HelmRelease takes its objects with it")
	}
}

// workedCase is a HelmRelease that fails until it stalls.
type workedCase struct {
	reason     string
	installed  bool // and was fine before
	edit       func(*helmv2.HelmRelease)
	installs   int64
	upgrades   int64
	revisions  []string
	described  map[int]string
	remediated string // reason
}

func workedCases() map[string]workedCase {
	install := func(r helmv2.InstallRemediation) func(*helmv2.HelmRelease) {
		return func(hr *helmv2.HelmRelease) { hr.Spec.Install = &helmv2.Install{Remediation: &r} }
	}
	upgrade := func(r helmv2.UpgradeRemediation) func(*helmv2.HelmRelease) {
		return func(hr *helmv2.HelmRelease) { hr.Spec.Upgrade = &helmv2.Upgrade{Remediation: &r} }
	}
	return map[string]workedCase{
		"InstallRetries": {
			reason: "One retry makes two attempts.", edit: install(helmv2.InstallRemediation{Retries: 1}), installs: 2, revisions: []string{"1 failed"},
		},
		"InstallRemediateLast": {
			reason: "The last failure is remediated, too.", installs: 1, revisions: []string{"1 uninstalled"}, remediated: helmv2.UninstallSucceededReason,
			edit: func(hr *helmv2.HelmRelease) {
				install(helmv2.InstallRemediation{RemediateLastFailure: new(true)})(hr)
				hr.Spec.Uninstall = &helmv2.Uninstall{KeepHistory: true}
			},
		},
		"DefaultUpgrade": {
			reason: "Without retries the failure stays.", installed: true, edit: func(*helmv2.HelmRelease) {}, upgrades: 1,
			revisions: []string{"1 deployed", "2 failed"},
		},
		"UpgradeRemediateLast": {
			reason: "The last failure is rolled back.", installed: true, edit: upgrade(helmv2.UpgradeRemediation{RemediateLastFailure: new(true)}), upgrades: 1,
			revisions: []string{"1 superseded", "2 failed", "3 deployed"}, described: map[int]string{3: "Rollback to 1"},
			remediated: helmv2.RollbackSucceededReason,
		},
		"UpgradeRetries": {
			reason: "So is each before it.", installed: true, edit: upgrade(helmv2.UpgradeRemediation{Retries: 1}), upgrades: 2,
			revisions: []string{"1 superseded", "2 failed", "3 superseded", "4 failed", "5 deployed"}, described: map[int]string{5: "Rollback to 3"},
			remediated: helmv2.RollbackSucceededReason,
		},
		"UpgradeUninstall": {
			reason: "A failed upgrade that is uninstalled is installed anew.", installed: true, upgrades: 1, installs: 1, revisions: []string{"1 failed"},
			edit: upgrade(helmv2.UpgradeRemediation{Strategy: new(helmv2.UninstallRemediation), RemediateLastFailure: new(true)}),
		},
	}
}

// checkRemediated looks at what "app" says of a remediation that succeeded, none if reason is empty: it is not ready all the same, and after a
// rollback says so itself.
func (f *fixture) checkRemediated(reason string) {
	f.t.Helper()
	hr := f.get()
	if conditions.IsTrue(hr, helmv2.RemediatedCondition) != (reason != "") || conditions.GetReason(hr, helmv2.RemediatedCondition) != reason {
		f.t.Errorf("Remediated is not %q: %+v", reason, hr.Status.Conditions)
	}
	said := conditions.GetReason(hr, meta.ReadyCondition) == helmv2.RollbackSucceededReason
	if !conditions.IsFalse(hr, meta.ReadyCondition) || said != (reason == helmv2.RollbackSucceededReason) || !conditions.IsFalse(hr, helmv2.ReleasedCondition) {
		f.t.Errorf("conditions: %+v", hr.Status.Conditions)
	}
}

// TestWorkedCases holds the worked cases of the contract, section 8.4.
func TestWorkedCases(t *testing.T) {
	t.Parallel()
	broken, fine := with(map[string]any{"broken": true}), with(map[string]any{"value": "fine"})
	f := newFixture(t)
	f.publish(chart("1.0.0", nil))
	each := func(t *testing.T) *fixture {
		t.Helper()
		sub := *f
		sub.t = t
		return &sub
	}
	t.Run("DefaultInstall", func(t *testing.T) {
		f := each(t)
		f.create("app", func(hr *helmv2.HelmRelease) { hr.Spec.Values = broken })
		hr := f.awaitStalled(helmv2.RetriesExceededReason)
		if hr.Status.InstallFailures != 1 || conditions.GetReason(hr, meta.ReadyCondition) != helmv2.InstallFailedReason {
			t.Errorf("one attempt was expected: %+v", hr.Status)
		}
		f.checkRevisions("app", "1 failed")
		// A fix upgrades the failed release instead of installing it anew.
		f.change(func(hr *helmv2.HelmRelease) { hr.Spec.Values = fine })
		f.awaitRevision("app", 2)
		f.checkRevisions("app", "1 superseded", "2 deployed")
		f.remove()
	})
	for name, tc := range workedCases() {
		t.Run(name, func(t *testing.T) {
			f := each(t)
			breaks := func(hr *helmv2.HelmRelease) {
				hr.Spec.Values = broken
				tc.edit(hr)
			}
			if tc.installed {
				f.create("app", nil)
				f.awaitRevision("app", 1)
				f.change(breaks)
			} else {
				f.create("app", breaks)
			}
			st := f.awaitStalled(helmv2.RetriesExceededReason).Status
			if st.InstallFailures != tc.installs || st.UpgradeFailures != tc.upgrades {
				t.Errorf("%s\n%d failed installs and %d failed upgrades are counted", tc.reason, st.InstallFailures, st.UpgradeFailures)
			}
			f.checkRevisions("app", tc.revisions...)
			f.checkRemediated(tc.remediated)
			for version, want := range tc.described {
				if r, err := f.helm().Get("app", version); err != nil || r.Info.Description != want {
					t.Errorf("%s\nrevision %d: %v, %v", tc.reason, version, r.Info, err)
				}
			}
			f.remove()
			if len(f.revisions("app")) > 0 {
				f.purge("app")
			}
		})
	}
	t.Run("RetryOnFailure", func(t *testing.T) {
		f := each(t)
		f.create("app", func(hr *helmv2.HelmRelease) {
			hr.Spec.Values = broken
			hr.Spec.Install = &helmv2.Install{Strategy: &helmv2.InstallStrategy{Name: helmv2.RetryOnFailure, RetryInterval: &metav1.Duration{Duration: 100 * time.Millisecond}}}
			hr.Spec.Upgrade = &helmv2.Upgrade{Strategy: &helmv2.UpgradeStrategy{Name: helmv2.RetryOnFailure, RetryInterval: &metav1.Duration{Duration: 100 * time.Millisecond}}}
		})
		hr := f.await("app", "it has tried four times", func(hr *helmv2.HelmRelease) bool {
			return hr.Status.History.Latest() != nil && hr.Status.History.Latest().Version >= 4
		})
		if conditions.IsStalled(hr) {
			t.Errorf("it must not stall: %+v", hr.Status.Conditions)
		}
		f.change(func(hr *helmv2.HelmRelease) { hr.Spec.Values = fine })
		f.await("app", "it is ready", func(hr *helmv2.HelmRelease) bool { return conditions.IsReady(hr) && hr.Status.Failures == 0 })
		f.remove()
	})
}

// TestHookOfRemediationFails has a hook that fails after everything else is gone: Helm has forgotten the release, so that nothing is left to finish.
func TestHookOfRemediationFails(t *testing.T) {
	t.Parallel()
	f := newIdleFixture(t)
	p := f.start()
	f.publish(chart("1.0.0", map[string]string{"templates/hook.yaml": `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-hook
  annotations: {helm.sh/hook: post-delete}
  labels: {broken: "not valid!"}
`}))
	f.create("app", func(hr *helmv2.HelmRelease) {
		hr.Spec.Values = with(map[string]any{"broken": true})
		hr.Spec.Install = &helmv2.Install{Remediation: &helmv2.InstallRemediation{RemediateLastFailure: new(true)}}
	})
	hr := f.awaitStalled(helmv2.RetriesExceededReason)
	if c := conditions.Get(hr, helmv2.RemediatedCondition); c == nil || c.Reason != helmv2.UninstallFailedReason || !strings.Contains(c.Message, "app-hook") {
		t.Errorf("Remediated has to tell of the hook: %+v", c)
	}
	f.checkRevisions("app")
	if strings.Contains(p.Log.String(), "next try in back-off") {
		t.Errorf("the run that uninstalled it failed instead of ending for good:\n%s", p.Log.String())
	}
}

// purge removes what Helm's storage keeps of a release.
func (f *fixture) purge(name string) {
	f.t.Helper()
	stored, err := f.helm().History(name)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, r := range stored {
		if _, err := f.helm().Delete(r.Name, r.Version); err != nil {
			f.t.Fatal(err)
		}
	}
}
