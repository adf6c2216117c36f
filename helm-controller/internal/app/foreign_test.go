// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"testing"

	"github.com/fluxcd/pkg/runtime/conditions"
	"helm.sh/helm/v3/pkg/action"
	helmchart "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/release"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/kit/testkit"
)

// helmAction is the configuration that the helm command would make for the namespace.
func (f *fixture) helmAction() *action.Configuration {
	f.t.Helper()
	flags := genericclioptions.NewConfigFlags(false)
	flags.Namespace = &f.namespace
	flags.WrapConfigFn = func(*rest.Config) *rest.Config { return rest.CopyConfig(f.cluster.Config) }
	cfg := &action.Configuration{}
	if err := cfg.Init(flags, f.namespace, "secret", f.t.Logf); err != nil {
		f.t.Fatal(err)
	}
	return cfg
}

func load(t *testing.T, c testkit.Chart) *helmchart.Chart {
	t.Helper()
	var files []*loader.BufferedFile
	for name, content := range c.Tree("") {
		files = append(files, &loader.BufferedFile{Name: name, Data: []byte(content)})
	}
	loaded, err := loader.LoadFiles(files)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// left installs the first revision of "app", ends the controller, and returns what Helm finds then.
func (f *fixture) left() *release.Release {
	f.t.Helper()
	f.publish(chart("1.0.0", nil))
	f.create("app", nil)
	first := f.start()
	f.awaitRevision("app", 1)
	first.Stop()
	r, err := f.helm().Get("app", 1)
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

// TestTakeover has a release that the helm command installed: it is upgraded, not installed anew.
func TestTakeover(t *testing.T) {
	t.Parallel()
	f := newIdleFixture(t)
	install := action.NewInstall(f.helmAction())
	install.ReleaseName, install.Namespace = "app", f.namespace
	if _, err := install.Run(load(t, chart("1.0.0", nil)), nil); err != nil {
		t.Fatal(err)
	}
	uid := f.configMap("app-config").UID
	f.start()
	f.publish(chart("1.0.0", nil))
	f.create("app", nil)
	f.awaitRevision("app", 2)
	f.checkRevisions("app", "1 superseded", "2 deployed")
	if f.configMap("app-config").UID != uid {
		t.Error("the objects of an adopted release stay")
	}
}

// TestTakeoverOfStatus has releases and a status of the compatibility target, which knows nothing of what this program adds to storage: the
// first reconcile makes no new revision.
func TestTakeoverOfStatus(t *testing.T) {
	t.Parallel()
	f := newIdleFixture(t)
	r := f.left()
	if err := f.helm().Update(r); err != nil { // drops what Helm does not know
		t.Fatal(err)
	}
	hr := f.get()
	base := hr.DeepCopy()
	hr.Status.Conditions = nil
	hr.Status.ObservedGeneration = -1
	if err := f.cluster.Client.Status().Patch(t.Context(), hr, client.MergeFrom(base)); err != nil {
		t.Fatal(err)
	}
	f.start()
	f.awaitRevision("app", 1)
	f.checkRevisions("app", "1 deployed")
}

// TestHelmCommand holds the rows of section 19 about people who use the helm command beside the controller.
func TestHelmCommand(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.publish(chart("1.0.0", nil))
	f.create("app", nil)
	f.awaitRevision("app", 1)
	upgrade := action.NewUpgrade(f.helmAction())
	upgrade.Namespace = f.namespace
	if _, err := upgrade.Run("app", load(t, chart("1.0.0", nil)), map[string]any{"value": "by hand"}); err != nil {
		t.Fatal(err)
	}
	// The watch of the storage brings it back at once; the history starts anew.
	hr := f.awaitRevision("app", 3)
	if len(hr.Status.History) != 1 || f.configMap("app-config").Data["value"] != "one" {
		t.Errorf("history: %+v", hr.Status.History)
	}
	uid := f.configMap("app-config").UID
	if _, err := action.NewUninstall(f.helmAction()).Run("app"); err != nil {
		t.Fatal(err) // the controller does not look before the command is done
	}
	f.eventually("it is installed again", func() bool {
		cm := f.configMap("app-config")
		return cm != nil && cm.UID != uid && conditions.IsReady(f.get())
	})
	f.checkRevisions("app", "1 deployed")
}

// TestKeptHistory holds the row of section 19 about a release that was uninstalled with its history kept.
func TestKeptHistory(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.publish(chart("1.0.0", nil))
	f.create("app", func(hr *helmv2.HelmRelease) { hr.Spec.Uninstall = &helmv2.Uninstall{KeepHistory: true} })
	f.awaitRevision("app", 1)
	f.remove()
	f.checkRevisions("app", "1 uninstalled")
	f.create("app", nil)
	f.awaitReason("app", helmv2.InstallFailedReason)
	f.checkRevisions("app", "1 uninstalled")
	f.change(func(hr *helmv2.HelmRelease) { hr.Spec.Install = &helmv2.Install{Replace: true} })
	f.awaitRevision("app", 2)
}
