// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/go-logr/logr"
	helmaction "helm.sh/helm/v3/pkg/action"
	helmstorage "helm.sh/helm/v3/pkg/storage"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	"github.com/weir-gitops/weir/helm-controller/internal/kube"
	"github.com/weir-gitops/weir/helm-controller/internal/release"
	"github.com/weir-gitops/weir/helm-controller/internal/render/apart"
	"github.com/weir-gitops/weir/helm-controller/internal/storage"
	"github.com/weir-gitops/weir/kit/apply"
	"github.com/weir-gitops/weir/kit/cluster"
)

// Runner runs actions. One serves all releases.
type Runner struct {
	Cluster *kube.Cluster
	// Helm3Defaults makes client-side apply, waiting as Helm 3 does and post-rendering without hooks the defaults. Flux: feature gate
	// UseHelm3Defaults.
	Helm3Defaults bool
	// AllowDNS lets templates resolve host names. Flux: feature gate AllowDNSLookups.
	AllowDNS bool
	// Keeper runs templates. Optional.
	Keeper *apart.Keeper
}

// Target is one release, as one account sees it.
type Target struct {
	// Object is the HelmRelease; it is only read.
	Object *helmv2.HelmRelease
	// Name and Namespace of the release.
	Name, Namespace string
	// Clients act as the account of the release.
	Clients *cluster.Clients
	// Store is the storage of the release.
	Store *storage.Session
	// Intent is stored with what the action creates.
	Intent release.Intent
	// Observe is told of each write to storage at once. Optional.
	Observe func(release.Write)
	// Slot is handed back during waits. Optional.
	Slot kube.Slot
	// Exprs are the compiled health rules of the object. Optional.
	Exprs *apply.Expressions
	// Superseded ends waits for health when it is closed. Optional.
	Superseded <-chan struct{}
	Log        logr.Logger
}

// Outcome is what an action did. It is complete also when the action failed.
type Outcome struct {
	// Writes are the writes to storage that succeeded, in order.
	Writes []release.Write
	// Newest is the highest revision that was written, nil if none was.
	Newest *release.Revision
	// CRDs are the files in the folders crds of the chart, of an install or upgrade.
	CRDs [][]byte
	// Definitions are the objects in them, nil if they could not be listed.
	Definitions []helmv2.ResourceRef
	// Logs are the last lines that Helm logged.
	Logs string
	Took time.Duration
}

// Timeout returns the bound of each wait of an action.
func Timeout(obj *helmv2.HelmRelease, a release.Action) time.Duration {
	var own *metav1.Duration
	spec := &obj.Spec
	switch a {
	case release.ActionInstall:
		own = of(spec.Install).Timeout
	case release.ActionUpgrade:
		own = of(spec.Upgrade).Timeout
	case release.ActionTest:
		own = of(spec.Test).Timeout
	case release.ActionRollback:
		own = of(spec.Rollback).Timeout
	case release.ActionUninstall, release.ActionUninstallRemediation:
		own = of(spec.Uninstall).Timeout
	case release.ActionNone, release.ActionUnlock, release.ActionCorrectDrift:
	}
	if own == nil {
		return obj.GetTimeout()
	}
	return own.Duration
}

// of returns the value of an optional block of the spec.
func of[T any](block *T) T {
	if block == nil {
		var none T
		return none
	}
	return *block
}

// run is one action at work.
type run struct {
	Target

	runner   *Runner
	client   *kube.Client
	config   *helmaction.Configuration
	tail     *tail
	recorder release.Recorder
	writes   storage.Writes
	crds     [][]byte
	began    time.Time
}

// settings are what an action decides about its clients.
type settings struct {
	serverSide    bool
	takeOwnership bool
}

// begin prepares an action of Helm.
func (r *Runner) begin(ctx context.Context, t Target, s settings) (*run, error) {
	a := &run{Target: t, runner: r, tail: &tail{log: t.Log.V(1)}, began: time.Now()}
	client, err := r.Cluster.Client(ctx, kube.Options{
		Clients: t.Clients, Owner: t.owner(), Namespace: t.Namespace, ServerSide: s.serverSide, TakeOwnership: s.takeOwnership,
		Legacy: r.waitsLegacy(t.Object), Exprs: t.Exprs, Slot: t.Slot, Superseded: t.Superseded, Log: a.tail.add,
	})
	if err != nil {
		return nil, fmt.Errorf("create client: %w", err)
	}
	a.client = client
	a.writes = storage.Writes{ApplyMethod: release.ApplyClientSide, Intent: t.Intent, Observe: a.observe}
	if s.serverSide {
		a.writes.ApplyMethod = release.ApplyServerSide
	}
	a.config = &helmaction.Configuration{
		KubeClient: client.Guarded(), Log: a.tail.add,
		HookOutputFunc: func(namespace, pod, container string) io.Writer {
			return hookOutput{t.Log.V(1).WithValues("pod", namespace+"/"+pod, "container", container)}
		},
	}
	a.store(ctx)
	return a, nil
}

// store connects Helm with the storage, as writes say.
func (a *run) store(ctx context.Context) {
	a.config.Releases = helmstorage.Init(a.Store.Driver(ctx, a.writes))
	a.config.Releases.Log = func(format string, args ...any) { a.Log.V(2).Info("storage", "message", fmt.Sprintf(format, args...)) }
}

func (t Target) owner() types.NamespacedName {
	return types.NamespacedName{Namespace: t.Object.Namespace, Name: t.Object.Name}
}

// waitsLegacy tells whether a release waits as Helm 3 does.
func (r *Runner) waitsLegacy(obj *helmv2.HelmRelease) bool {
	if s := obj.Spec.WaitStrategy; s != nil && s.Name != "" {
		return s.Name == helmv2.WaitStrategyLegacy
	}
	return r.Helm3Defaults
}

// observe takes what was written to storage.
func (a *run) observe(w release.Write) {
	a.recorder.Observe(w)
	if a.Observe != nil {
		a.Observe(w)
	}
}

// outcome tells what the action did so far.
func (a *run) outcome() Outcome {
	return Outcome{
		Writes: a.recorder.Writes(), Newest: a.recorder.Newest(), CRDs: a.crds, Definitions: a.writes.Intent.Definitions,
		Logs: a.tail.String(), Took: time.Since(a.began),
	}
}

// settle ends an action that applied a release: what it applied is watched for drift from now on, if that is wanted.
func (a *run) settle(err error) {
	if newest := a.recorder.Newest(); err == nil && newest != nil && looksForDrift(a.Object) {
		a.client.Track(newest.Version)
		return
	}
	a.runner.Cluster.Forget(a.owner())
}

func looksForDrift(obj *helmv2.HelmRelease) bool {
	mode := of(obj.Spec.DriftDetection).Mode
	return mode != "" && mode != helmv2.DriftDetectionDisabled
}

// serverSide resolves how an action applies that may go on as the release was applied before.
func serverSide(mode helmv2.ServerSideApplyMode, before *release.Revision) bool {
	switch mode {
	case helmv2.ServerSideApplyEnabled:
		return true
	case helmv2.ServerSideApplyDisabled:
		return false
	default:
		return before != nil && before.IsServerSide()
	}
}

// hookOutput logs what hooks print whose annotations ask for that.
type hookOutput struct{ log logr.Logger }

// Write implements io.Writer.
func (h hookOutput) Write(p []byte) (int, error) {
	h.log.Info("hook printed", "output", string(p))
	return len(p), nil
}
