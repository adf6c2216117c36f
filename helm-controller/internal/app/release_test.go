// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"errors"
	"testing"
	"time"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/storage/driver"
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

// TestRequests counts what an install, a forced no-op and an upgrade cost. The figures are those of the project.
func TestRequests(t *testing.T) {
	t.Parallel()
	f := newIdleFixture(t)
	var requests testkit.Requests
	f.config = requests.Count(f.cluster.Config)
	f.start()
	f.publish(tenChart("1.0.0"))
	f.create("warm", nil) // so that discovery and watches are there
	f.awaitRevision("warm", 1)
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
	spend("an install", 46)
	f.request("again")
	f.confirmed("again")
	counts := spend("a forced no-op", 1)
	if n := counts[testkit.Request{Verb: "patch", Resource: "helmreleases/status"}]; n != 1 {
		t.Errorf("a forced no-op writes the status %d times, want once", n)
	}
	f.change(func(hr *helmv2.HelmRelease) { hr.Spec.Values = with(map[string]any{"value": "two"}) })
	f.awaitRevision("app", 2)
	spend("an upgrade", 40)
	f.checkRevisions("app", "1 superseded", "2 deployed")
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
	t.Run("InstallRetries", func(t *testing.T) {
		f := each(t)
		f.create("app", func(hr *helmv2.HelmRelease) {
			hr.Spec.Values, hr.Spec.Install = broken, &helmv2.Install{Remediation: &helmv2.InstallRemediation{Retries: 1}}
		})
		hr := f.awaitStalled(helmv2.RetriesExceededReason)
		if hr.Status.InstallFailures != 2 {
			t.Errorf("two attempts were expected: %+v", hr.Status)
		}
		f.checkRevisions("app", "1 failed")
		f.remove()
	})
	t.Run("InstallRemediateLast", func(t *testing.T) {
		f := each(t)
		f.create("app", func(hr *helmv2.HelmRelease) {
			hr.Spec.Values = broken
			hr.Spec.Install = &helmv2.Install{Remediation: &helmv2.InstallRemediation{RemediateLastFailure: new(true)}}
			hr.Spec.Uninstall = &helmv2.Uninstall{KeepHistory: true}
		})
		hr := f.awaitStalled(helmv2.RetriesExceededReason)
		if !conditions.IsTrue(hr, helmv2.RemediatedCondition) || !conditions.IsFalse(hr, helmv2.ReleasedCondition) || !conditions.IsFalse(hr, meta.ReadyCondition) {
			t.Errorf("conditions: %+v", hr.Status.Conditions)
		}
		f.checkRevisions("app", "1 uninstalled")
		f.remove()
		f.purge("app")
	})
	t.Run("DefaultUpgrade", func(t *testing.T) {
		f := each(t)
		f.create("app", nil)
		f.awaitRevision("app", 1)
		f.change(func(hr *helmv2.HelmRelease) { hr.Spec.Values = broken })
		f.awaitStalled(helmv2.RetriesExceededReason)
		f.checkRevisions("app", "1 deployed", "2 failed")
		f.remove()
	})
	t.Run("UpgradeRemediateLast", func(t *testing.T) {
		f := each(t)
		f.create("app", nil)
		f.awaitRevision("app", 1)
		f.change(func(hr *helmv2.HelmRelease) {
			hr.Spec.Values, hr.Spec.Upgrade = broken, &helmv2.Upgrade{Remediation: &helmv2.UpgradeRemediation{RemediateLastFailure: new(true)}}
		})
		hr := f.awaitStalled(helmv2.RetriesExceededReason)
		f.checkRevisions("app", "1 superseded", "2 failed", "3 deployed")
		if r, err := f.helm().Get("app", 3); err != nil || r.Info.Description != "Rollback to 1" {
			t.Errorf("revision 3: %v, %v", r.Info, err)
		}
		if !conditions.IsTrue(hr, helmv2.RemediatedCondition) || conditions.GetReason(hr, meta.ReadyCondition) != helmv2.RollbackSucceededReason {
			t.Errorf("conditions: %+v", hr.Status.Conditions)
		}
		f.remove()
	})
	t.Run("UpgradeRetries", func(t *testing.T) {
		f := each(t)
		f.create("app", nil)
		f.awaitRevision("app", 1)
		f.change(func(hr *helmv2.HelmRelease) {
			hr.Spec.Values, hr.Spec.Upgrade = broken, &helmv2.Upgrade{Remediation: &helmv2.UpgradeRemediation{Retries: 1}}
		})
		hr := f.awaitStalled(helmv2.RetriesExceededReason)
		if hr.Status.UpgradeFailures != 2 {
			t.Errorf("two attempts were expected: %+v", hr.Status)
		}
		f.checkRevisions("app", "1 superseded", "2 failed", "3 superseded", "4 failed", "5 deployed")
		if r, err := f.helm().Get("app", 5); err != nil || r.Info.Description != "Rollback to 3" {
			t.Errorf("revision 5: %v, %v", r.Info, err)
		}
		f.remove()
	})
	t.Run("UpgradeUninstall", func(t *testing.T) {
		f := each(t)
		f.create("app", nil)
		f.awaitRevision("app", 1)
		f.change(func(hr *helmv2.HelmRelease) {
			hr.Spec.Values = broken
			hr.Spec.Upgrade = &helmv2.Upgrade{Remediation: &helmv2.UpgradeRemediation{Strategy: new(helmv2.UninstallRemediation), RemediateLastFailure: new(true)}}
		})
		hr := f.awaitStalled(helmv2.RetriesExceededReason)
		if hr.Status.UpgradeFailures != 1 || hr.Status.InstallFailures != 1 {
			t.Errorf("one failed upgrade and one failed install were expected: %+v", hr.Status)
		}
		f.checkRevisions("app", "1 failed")
		f.remove()
	})
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
