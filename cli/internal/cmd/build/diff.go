// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	"github.com/weir-gitops/weir/cli/internal/session"
	"github.com/weir-gitops/weir/kit/apply"
	"github.com/weir-gitops/weir/kit/render"
)

const (
	// changesCode and failedCode are the exit codes of diff. Scripts tell them apart.
	changesCode = 1
	failedCode  = 2
)

var errChanges = errors.New("the cluster differs from what was built")

// diffOptions are the flags of diff.
type diffOptions struct {
	options

	progress, allowMissing bool
}

func diffKustomization(s *session.Session) *cobra.Command {
	o := &diffOptions{options: options{session: s}}
	cmd := &cobra.Command{
		Short: "Compare a Kustomization from a local directory with the cluster",
		Long: "Builds as weir build kustomization does and asks the API server what applying the result would change. Exits with 0 if that is " +
			"nothing, with 1 if it is something, and with 2 if it failed. Nothing is changed, neither in the cluster nor in the directory.",
		Example: "  # What a push of this checkout would change\n  weir diff kustomization apps --path ./clusters/production/apps\n\n" +
			"  # The same for all Kustomizations below\n  weir diff kustomization flux-system --path ./clusters/production --recursive \\\n" +
			"    --local-sources GitRepository/flux-system/flux-system=./",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := s.Bounded(cmd.Context())
			defer cancel()
			return o.run(ctx, args[0])
		},
	}
	o.bind(cmd)
	cmd.Flags().BoolVar(&o.progress, "progress-bar", true, "show that something goes on, on a terminal")
	cmd.Flags().BoolVar(&o.allowMissing, "ignore-not-found", false, "compare a Kustomization that is not in the cluster yet; needs --kustomization-file")
	return cmd
}

func (o *diffOptions) run(ctx context.Context, name string) error {
	if err := o.checkPath(); err != nil {
		return &session.ExitError{Code: failedCode, Err: err}
	}
	if err := o.checkFile(); err != nil {
		return err
	}
	var out bytes.Buffer
	changed, err := o.compare(ctx, name, &out)
	if _, printed := o.session.Out.Write(out.Bytes()); printed != nil {
		err = errors.Join(err, printed)
	}
	switch {
	case err != nil:
		return &session.ExitError{Code: failedCode, Err: err}
	case changed:
		return &session.ExitError{Code: changesCode, Err: errChanges, Warn: true}
	}
	return nil
}

// compare writes the differences and tells whether there are any.
func (o *diffOptions) compare(ctx context.Context, name string, out *bytes.Buffer) (bool, error) {
	if o.allowMissing && o.file == "" {
		return false, errAllowMissing
	}
	if o.progress {
		defer o.session.Spin("comparing with the cluster")()
	}
	b, err := newBuilder(ctx, &o.options)
	if err != nil {
		return false, err
	}
	d := &differ{builder: b, colour: o.session.Colour()}
	obj, err := b.wanted(ctx, name)
	if err != nil {
		return false, err
	}
	err = d.state(ctx, obj)
	if o.allowMissing && apierrors.IsNotFound(err) {
		err = nil
	}
	if err != nil {
		return false, err
	}
	if obj.Spec.KubeConfig != nil {
		o.session.Warning("%s targets a remote cluster; it is compared with the one that this command is connected to", subject(obj))
	}
	return d.diff(ctx, obj, place{local: o.path}, out)
}

// differ compares what is built with the cluster.
type differ struct {
	*builder

	colour bool
}

// state takes the status of a Kustomization from the cluster: it holds what was applied before.
func (d *differ) state(ctx context.Context, obj *kustomizev1.Kustomization) error {
	live := new(kustomizev1.Kustomization)
	if err := d.client.Get(ctx, client.ObjectKeyFromObject(obj), live); err != nil {
		return fmt.Errorf("get %s: %w", subject(obj), err)
	}
	obj.Status = live.Status
	return nil
}

// diff compares a Kustomization, then those in it if that was asked for. Errors about single objects do not keep it from showing the others.
func (d *differ) diff(ctx context.Context, obj *kustomizev1.Kustomization, at place, out *bytes.Buffer) (bool, error) {
	built, err := d.build(ctx, obj, at)
	if err != nil {
		return false, err
	}
	children, err := d.nested(built)
	if err != nil {
		return false, err
	}
	changed, err := d.objects(ctx, built, out)
	errs := []error{err}
	for _, c := range children {
		more, err := d.child(ctx, c, out)
		changed, errs = changed || more, append(errs, err)
	}
	return changed, errors.Join(errs...)
}

// child compares a Kustomization that another one brings.
func (d *differ) child(ctx context.Context, c child, out *bytes.Buffer) (bool, error) {
	if c.obj.Spec.KubeConfig != nil {
		fmt.Fprintf(out, "⚠️ %s targets a remote cluster and is skipped\n", subject(c.obj))
		return false, nil
	}
	if err := d.state(ctx, c.obj); err != nil && !apierrors.IsNotFound(err) {
		return false, err
	}
	var lines bytes.Buffer
	changed, err := d.diff(ctx, c.obj, c.at, &lines)
	if changed {
		fmt.Fprintf(out, "📁 %s changed\n", subject(c.obj))
	}
	out.Write(lines.Bytes())
	return changed, err
}

// objects compares everything that one Kustomization brings.
func (d *differ) objects(ctx context.Context, built *result, out *bytes.Buffer) (bool, error) {
	if err := d.reveal(ctx, built); err != nil {
		return false, err
	}
	spec := built.obj.Spec
	set, err := render.Prepare(d.engine, built.obj, built.objects, built.hide)
	if err != nil {
		return false, err
	}
	plan, err := d.engine.Plan(ctx, d.clients, render.Owner(built.obj), set, render.Inventory(built.obj),
		apply.PlanOptions{Force: spec.Force, Prune: spec.Prune})
	if err != nil {
		return false, err
	}
	found, err := d.engine.Preview(ctx, d.clients, plan)
	if err == nil {
		var stale []apply.Preview
		stale, err = d.engine.PreviewPrune(ctx, d.clients, plan)
		found = append(found, stale...)
	}
	changed := false
	for _, p := range found {
		differs, printErr := d.print(p, out)
		changed = changed || differs
		err = errors.Join(err, printErr)
	}
	return changed, err
}

// reveal puts the live values into objects that are encrypted.
func (d *differ) reveal(ctx context.Context, built *result) error {
	for u := range built.masked {
		live := new(unstructured.Unstructured)
		live.SetGroupVersionKind(u.GroupVersionKind())
		err := d.client.Get(ctx, client.ObjectKeyFromObject(u), live)
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("get %s %s: %w", u.GetKind(), u.GetName(), err)
		}
		revealed(u, live)
	}
	return nil
}
