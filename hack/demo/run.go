// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/hack/demo/internal/cluster"
	"github.com/weir-gitops/weir/hack/demo/internal/view"
	"github.com/weir-gitops/weir/hack/local/controllers"
	"github.com/weir-gitops/weir/hack/local/gitserver"
	"github.com/weir-gitops/weir/hack/local/install"
	"github.com/weir-gitops/weir/hack/local/process"
)

const (
	// tailLines is how much of a log is shown when something goes wrong.
	tailLines = 15
	// stopTimeout bounds the end of a demo.
	stopTimeout = time.Minute
	// redraw is how often a table is drawn again while nothing changes, for its ages.
	redraw = time.Second
)

// demo is what runs. Each field names the step that sets it.
type demo struct {
	options options
	start   time.Time
	scheme  *runtime.Scheme

	cluster     *cluster.Cluster          // startCluster
	client      client.Client             // startCluster
	manifest    install.Manifest          // installWeir
	server      *gitserver.Server         // startGit
	controllers []*controllers.Controller // startControllers
	webhooks    string                    // startControllers
	watcher     *view.Watcher             // followRepository
	roots       install.Manifest          // followRepository
	repository  string                    // followRepository
}

func run(ctx context.Context, o options) (err error) {
	if err := o.prepare(); err != nil {
		return err
	}
	d := &demo{options: o, start: time.Now(), scheme: runtime.NewScheme()}
	kinds := runtime.NewSchemeBuilder(install.Scheme, sourcev1.AddToScheme, kustomizev1.AddToScheme)
	if err := kinds.AddToScheme(d.scheme); err != nil {
		return err
	}
	// Whatever was started is stopped, also when Ctrl-C is why.
	defer func() { err = errors.Join(err, d.stop(context.WithoutCancel(ctx))) }()

	for _, step := range []struct {
		name string
		run  func(context.Context) (string, error)
	}{
		{"cluster", d.startCluster},
		{"install", d.installWeir},
		{"git server", d.startGit},
		{"controllers", d.startControllers},
		{"repository", d.followRepository},
	} {
		began := time.Now()
		said, err := step.run(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		fmt.Printf("%-12s %s (%.1fs)\n", step.name, said, time.Since(began).Seconds())
	}
	fmt.Println()
	return d.show(ctx)
}

func (d *demo) startCluster(ctx context.Context) (said string, err error) {
	if d.options.cluster == "current" {
		d.cluster, err = cluster.Current(d.options.data)
	} else {
		d.cluster, err = cluster.Local(ctx, d.options.bin("weir-cluster"), d.options.data)
	}
	if err != nil {
		return "", err
	}
	if d.client, err = client.New(d.cluster.Config, client.Options{Scheme: d.scheme}); err != nil {
		return "", fmt.Errorf("connect: %w", err)
	}
	if d.options.cluster == "current" {
		return d.cluster.Description, d.consent(ctx)
	}
	return d.cluster.Description, nil
}

// consent asks before somebody's cluster is changed, and refuses one that is managed already: two would undo each other's work.
func (d *demo) consent(ctx context.Context) error {
	found, err := install.Running(ctx, d.client, namespace, controllers.Names()...)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		return fmt.Errorf("%s runs %s in %s already", d.cluster.Description, strings.Join(found, " and "), namespace)
	}
	if d.options.yes {
		return nil
	}
	fmt.Printf("This installs Weir's kinds and roles into %s and applies a repository to it. Go on? [y/N] ", d.cluster.Description)
	var answer string
	if _, err := fmt.Scanln(&answer); err != nil || !strings.EqualFold(answer, "y") {
		return errors.New("not confirmed; --yes does not ask")
	}
	return nil
}

func (d *demo) installWeir(ctx context.Context) (said string, err error) {
	d.manifest, err = install.Build(filesys.MakeFsOnDisk(), filepath.Join(d.options.root, "manifests", "install"))
	if err != nil {
		return "", err
	}
	applied := d.manifest.WithoutPods()
	return fmt.Sprintf("%d objects: kinds, roles, service accounts", len(applied)), applied.Apply(ctx, d.client)
}

func (d *demo) startGit(ctx context.Context) (said string, err error) {
	d.server, err = gitserver.Start(ctx, filepath.Join(d.options.data, "git"), func() { d.pushed(ctx) })
	return "answers on this machine only", err
}

// pushed asks for every source to be looked at now. It stands in for the webhook that a Git host would send to a Receiver.
func (d *demo) pushed(ctx context.Context) {
	var repositories sourcev1.GitRepositoryList
	if err := d.client.List(ctx, &repositories, client.InNamespace(namespace)); err != nil {
		return // the first push comes before anything follows it; the interval of the source covers the rest
	}
	for i := range repositories.Items {
		repository := &repositories.Items[i]
		patch := client.MergeFrom(repository.DeepCopy())
		metav1.SetMetaDataAnnotation(&repository.ObjectMeta, meta.ReconcileRequestAnnotation, time.Now().Format(time.RFC3339Nano))
		if err := d.client.Patch(ctx, repository, patch, client.FieldOwner("weir-demo-hook")); err != nil {
			fmt.Fprintf(os.Stderr, "tell %s about the push: %v\n", repository.Name, err)
		}
	}
}

func (d *demo) followRepository(ctx context.Context) (said string, err error) {
	if d.roots, d.repository, err = bootstrap(ctx, d.options, d.server); err != nil {
		return "", err
	}
	if d.watcher, err = view.Watch(ctx, d.cluster.Config, d.scheme); err != nil {
		return "", err
	}
	return d.repository, d.roots.Apply(ctx, d.client)
}

// show shows the cluster until everything is ready; without --once it then says what to try and goes on until ctx ends.
func (d *demo) show(ctx context.Context) error {
	screen := view.NewScreen(os.Stdout, d.start)
	state, err := d.converge(ctx, screen)
	screen.Finish(state, time.Now())
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return d.explain(err)
	}
	fmt.Printf("\neverything is ready, %.1fs after the start\n", time.Since(d.start).Seconds())
	if d.options.once {
		return nil
	}
	fmt.Print(d.guide())
	if err := d.follow(ctx, screen, func(view.State) bool { return false }); ctx.Err() == nil {
		return d.explain(err)
	}
	fmt.Println("\nstopping") // Ctrl-C is how this is meant to end
	return nil
}

func (d *demo) converge(ctx context.Context, screen *view.Screen) (state view.State, err error) {
	if d.options.once {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d.options.timeout, fmt.Errorf("not ready after %s", d.options.timeout))
		defer cancel()
	}
	var want []string
	for _, root := range d.roots {
		want = append(want, root.GetKind()+"/"+root.GetName())
	}
	err = d.follow(ctx, screen, func(s view.State) bool {
		state = s
		return s.Settled(want)
	})
	return state, err
}

// follow shows every change until enough says so, a controller ends, or ctx does.
func (d *demo) follow(ctx context.Context, screen *view.Screen, enough func(view.State) bool) error {
	tick := time.NewTicker(redraw)
	defer tick.Stop()
	ended := d.ended()
	for {
		state, err := d.watcher.State(ctx)
		if err != nil {
			return err
		}
		screen.Show(state, time.Now())
		if enough(state) {
			return nil
		}
		select {
		case <-d.watcher.Changed():
		case <-tick.C:
		case err := <-ended:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// explain adds the ends of the logs to what went wrong, unless that is in there already.
func (d *demo) explain(err error) error {
	if errors.Is(err, process.ErrEnded) {
		return err
	}
	for _, p := range d.controllers {
		err = fmt.Errorf("%w\n\nthe end of %s:\n%s", err, p.Log(), p.Tail(tailLines))
	}
	return err
}

// stop ends everything in the reverse order of the start.
func (d *demo) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	var errs []error
	if d.options.cluster == "current" && d.roots != nil {
		errs = append(errs, d.leave(ctx))
	}
	for _, p := range slices.Backward(d.controllers) {
		errs = append(errs, p.Stop())
	}
	if d.server != nil {
		errs = append(errs, d.server.Close())
	}
	if d.cluster != nil {
		errs = append(errs, d.cluster.Stop(ctx))
	}
	return errors.Join(errs...)
}

// short is a path in the data folder as seen from where the person is.
func (d *demo) short(name string) string {
	return relative(filepath.Join(d.options.data, name))
}

func relative(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if short, err := filepath.Rel(here, path); err == nil && !strings.HasPrefix(short, "..") {
		return short
	}
	return path
}
