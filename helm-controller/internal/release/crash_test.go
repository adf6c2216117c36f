// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package release_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	helmrelease "helm.sh/helm/v3/pkg/release"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
)

// killed is what kill -9 throws in world.
type killed struct{}

// world is a HelmRelease with its storage, whose process can be killed before each of its writes. What Helm writes, and refuses, is as in
// Helm 3.
type world struct {
	storage map[int]*release.Revision
	saved   *helmv2.HelmRelease // as the API server has it
	desired *chart.Metadata
	bad     map[string]bool // chart versions that cannot be released

	lives  int // writes until the process is killed, negative: never
	writes []release.Write
}

func (w *world) tick() {
	if w.lives == 0 {
		w.lives = -1
		panic(killed{})
	}
	w.lives--
}

func (w *world) save(obj *helmv2.HelmRelease) {
	w.tick()
	w.saved = obj.DeepCopy()
}

func (w *world) store(op release.Op, r release.Revision, intent *release.Intent) {
	w.tick()
	r.Intent = intent
	if op == release.Deleted {
		delete(w.storage, r.Version)
	} else {
		w.storage[r.Version] = &r
	}
	w.writes = append(w.writes, release.Write{Op: op, Revision: &r})
}

func (w *world) newest() *release.Revision {
	if len(w.storage) == 0 {
		return nil
	}
	return w.storage[slices.Max(slices.Collect(maps.Keys(w.storage)))]
}

// set rewrites a revision with another status; who made it stays.
func (w *world) set(version int, status helmrelease.Status) {
	r := *w.storage[version]
	r.Info.Status = status
	w.store(release.Updated, r, r.Intent)
}

func (w *world) deployed() []int {
	var list []int
	for version, r := range w.storage {
		if r.Info.Status == helmrelease.StatusDeployed {
			list = append(list, version)
		}
	}
	slices.Sort(list)
	return list
}

// make creates a revision in a pending status and brings it to its end. It returns whether it failed.
func (w *world) make(version int, pending helmrelease.Status, c *chart.Metadata, a release.Action) bool {
	old := w.deployed()
	r := release.Revision{Name: "app", Namespace: "apps", Version: version, Chart: c, Info: release.Info{Status: pending}}
	w.store(release.Created, r, &release.Intent{Owner: "uid", Action: a})
	if w.bad[c.Version] {
		w.set(version, helmrelease.StatusFailed)
		return true
	}
	for _, v := range old {
		w.set(v, helmrelease.StatusSuperseded)
	}
	w.set(version, helmrelease.StatusDeployed)
	return false
}

// act does what Helm does, then records it as the reconciler does.
func (w *world) act(t *testing.T, obj *helmv2.HelmRelease, d release.Decision) error {
	t.Helper()
	w.writes = nil
	newest, failed := w.newest(), false
	switch d.Action {
	case release.ActionInstall:
		if newest != nil {
			return fmt.Errorf("name in use")
		}
		failed = w.make(1, helmrelease.StatusPendingInstall, w.desired, d.Action)
	case release.ActionUpgrade:
		s := newest.Info.Status
		if s.IsPending() || len(w.deployed()) == 0 && s != helmrelease.StatusFailed && s != helmrelease.StatusSuperseded {
			return fmt.Errorf("has no deployed releases: %s", s)
		}
		failed = w.make(newest.Version+1, helmrelease.StatusPendingUpgrade, w.desired, d.Action)
	case release.ActionRollback:
		failed = w.make(newest.Version+1, helmrelease.StatusPendingRollback, w.storage[d.Target.Version].Chart, d.Action)
	case release.ActionUnlock:
		r := *newest
		r.Info.Status = helmrelease.StatusFailed
		intent := *r.Intent
		intent.Interrupted = newest.Info.Status
		w.store(release.Updated, r, &intent)
	case release.ActionUninstall, release.ActionUninstallRemediation:
		w.set(newest.Version, helmrelease.StatusUninstalling)
		for _, version := range slices.Sorted(maps.Keys(w.storage)) {
			w.store(release.Deleted, *w.storage[version], w.storage[version].Intent)
		}
	default:
		t.Fatalf("action %q", d.Action)
	}
	obj.Status.History = release.Record(obj.Status.History, w.writes, release.Made{Action: d.Action})
	if failed {
		release.CountFailure(&obj.Status, d.Action.Kind() == release.KindRelease)
	}
	return nil
}

// run is one reconcile. It returns how it ended.
func (w *world) run(t *testing.T) (end release.Do, err error) {
	t.Helper()
	obj, loop := w.saved.DeepCopy(), release.NewLoop(false)
	for {
		newest := w.newest()
		obj.Status.History = release.Recover(obj.Status.History, newest, obj.UID, "")
		f := release.Facts{Object: obj, Newest: newest, Chart: w.desired, Force: loop.Force()}
		state, err := release.Determine(f)
		if err != nil {
			return 0, err
		}
		d, err := release.Next(f, state, func(version int) (*release.Revision, error) { return w.storage[version], nil })
		if err != nil {
			return 0, err
		}
		obj.Status.History = d.History
		if v := loop.Before(obj, f.Gates, d); v.Do != release.DoRun {
			w.save(obj)
			return v.Do, nil
		}
		switch d.Action {
		case release.ActionInstall:
			obj.Status.LastAttemptedReleaseAction, obj.Status.History = helmv2.ReleaseActionInstall, nil
		case release.ActionUpgrade:
			obj.Status.LastAttemptedReleaseAction = helmv2.ReleaseActionUpgrade
		default:
		}
		w.save(obj)
		if err := w.act(t, obj, d); err != nil {
			return 0, fmt.Errorf("%s: %w", d.Action, err)
		}
		if v := loop.After(obj, f.Gates, d, nil); v.Do != release.DoAgain {
			w.save(obj)
			return v.Do, nil
		}
		w.save(obj)
	}
}

// live runs until nothing calls for another run, and starts a new process for each that is killed.
func (w *world) live(t *testing.T) (end release.Do, kills int) {
	t.Helper()
	for range 20 {
		died, err := false, error(nil)
		func() {
			defer func() {
				if p := recover(); p != nil {
					if _, ok := p.(killed); !ok {
						panic(p)
					}
					died = true
				}
			}()
			end, err = w.run(t)
		}()
		switch {
		case err != nil:
			t.Fatalf("stuck: %v", err)
		case died:
			kills++
		case end != release.DoRequeue:
			return end, kills
		}
	}
	t.Fatal("does not come to rest")
	return 0, 0
}

// TestKill kills the process once, before each of its writes in turn, and looks what is left in the end.
func TestKill(t *testing.T) {
	yes := true
	const good, bad = "1.0.0", "2.0.0"
	cases := map[string]struct {
		reason  string
		before  string // chart version released before
		desired string
		change  []func(*release.Facts)
		end     release.Do
		want    string // chart version deployed in the end, empty: none
	}{
		"Install": {reason: "An install comes to its end.", desired: good, end: release.DoDone, want: good},
		"Upgrade": {reason: "An upgrade comes to its end.", before: "0.9.0", desired: good, end: release.DoDone, want: good},
		"Rollback": {
			reason: "A failed upgrade is rolled back, however often that is interrupted.", before: good, desired: bad,
			change: []func(*release.Facts){upgradeRemediation(helmv2.UpgradeRemediation{RemediateLastFailure: &yes})},
			end:    release.DoRetriesExceeded, want: good,
		},
		"RollbackWithRetries": {
			reason: "Also with retries.", before: good, desired: bad,
			change: []func(*release.Facts){upgradeRemediation(helmv2.UpgradeRemediation{Retries: 2})},
			end:    release.DoRetriesExceeded, want: good,
		},
		"Uninstall": {
			reason: "A failed install is uninstalled; an interrupted one goes on as an upgrade, which has no retries here.", desired: bad,
			change: []func(*release.Facts){installRemediation(helmv2.InstallRemediation{Retries: 1, RemediateLastFailure: &yes})},
			end:    release.DoRetriesExceeded,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			for lives := 0; ; lives++ {
				f := release.Facts{Object: &helmv2.HelmRelease{}}
				f.Object.UID = "uid"
				for _, change := range tc.change {
					change(&f)
				}
				w := &world{
					storage: map[int]*release.Revision{}, saved: f.Object, desired: &chart.Metadata{Name: "app", Version: tc.before},
					bad: map[string]bool{bad: true}, lives: -1,
				}
				if tc.before != "" {
					w.live(t)
				}
				w.desired = &chart.Metadata{Name: "app", Version: tc.desired}
				w.lives = lives
				end, kills := w.live(t)
				got := ""
				for _, version := range w.deployed() {
					got += w.storage[version].Chart.Version
				}
				newest := w.newest()
				settled := newest == nil || newest.Info.Status == helmrelease.StatusDeployed ||
					tc.want == "" && newest.Info.Status == helmrelease.StatusFailed
				if end != tc.end || got != tc.want || !settled {
					t.Errorf("%s\nkilled before write %d: ends with %d, deployed %q, want %d, %q\nnewest %+v", tc.reason, lives, end, got, tc.end, tc.want, newest)
				}
				if tc.before == "" && tc.end == release.DoDone && kills == 1 && newest.Version > 2 {
					t.Errorf("%s\nkilled before write %d: %d revisions", tc.reason, lives, newest.Version)
				}
				if kills == 0 {
					return
				}
			}
		})
	}
}
