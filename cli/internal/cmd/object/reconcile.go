// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/cli/internal/applier"
	"github.com/weir-gitops/weir/cli/internal/kinds"
	"github.com/weir-gitops/weir/cli/internal/ready"
	"github.com/weir-gitops/weir/cli/internal/session"
)

var errSuspended = errors.New("resource is suspended")

// request is one run of reconcile.
type request struct {
	session *session.Session
	client  client.WithWatch

	withSource, force, reset bool
}

func reconcileVerb(s *session.Session) verb {
	return verb{
		use: "reconcile", short: "Ask for a reconciliation now and wait for it", arguments: "NAME",
		takes:   func(k kinds.Kind) bool { return k.Reconciles },
		example: "  # Fetch the source and apply it\n  weir reconcile kustomization apps --with-source\n\n  # Run the upgrade of a release again\n  weir reconcile helmrelease podinfo -n apps --force",
		each:    "  weir reconcile %[1]s apps",
		command: func(k kinds.Kind, cmd *cobra.Command) {
			r := &request{session: s}
			if k.Kind == kustomizev1.KustomizationKind || k.Kind == helmv2.HelmReleaseKind || k.Kind == sourcev1.HelmChartKind {
				cmd.Flags().BoolVar(&r.withSource, "with-source", false, "reconcile the source first")
				cmd.Example += " --with-source"
			}
			if k.Kind == helmv2.HelmReleaseKind {
				cmd.Flags().BoolVar(&r.force, "force", false, "install or upgrade even if nothing changed")
				cmd.Flags().BoolVar(&r.reset, "reset", false, "forget failures, so that retries start anew")
			}
			cmd.Args = named(k)
			cmd.RunE = func(cmd *cobra.Command, args []string) error {
				ctx, cancel := s.Bounded(cmd.Context())
				defer cancel()
				var err error
				if r.client, err = s.Client(); err != nil {
					return err
				}
				return r.run(ctx, k, client.ObjectKey{Namespace: s.Namespace, Name: args[0]})
			}
		},
	}
}

// run reconciles one object, its source before it if that was asked for.
func (r *request) run(ctx context.Context, k kinds.Kind, key client.ObjectKey) error {
	obj, err := find(ctx, r.client, k, key)
	if err != nil {
		return err
	}
	if kinds.Suspended(obj) {
		return fmt.Errorf("%w: %s; weir resume %s %s -n %s", errSuspended, applier.Subject(obj), k.Command(), key.Name, key.Namespace)
	}
	if k.IsStatic(obj) {
		r.session.Success("reconciliation not supported by the object")
		return nil
	}
	if r.withSource {
		if err := r.source(ctx, obj); err != nil {
			return err
		}
	}
	return r.one(ctx, k, obj)
}

// one asks for a reconciliation and waits until its result is there.
func (r *request) one(ctx context.Context, k kinds.Kind, obj *unstructured.Unstructured) error {
	key := client.ObjectKeyFromObject(obj)
	r.session.Action("annotating %s %s in %s namespace", k.Kind, key.Name, key.Namespace)
	before, _, _ := unstructured.NestedString(obj.Object, "status", "lastHandledReconcileAt")
	token := time.Now().Format(time.RFC3339Nano)
	patch := client.MergeFrom(obj.DeepCopy())
	annotations := obj.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[meta.ReconcileRequestAnnotation] = token
	if r.force && k.Kind == helmv2.HelmReleaseKind {
		annotations[meta.ForceRequestAnnotation] = token
	}
	if r.reset && k.Kind == helmv2.HelmReleaseKind {
		annotations[helmv2.ResetRequestAnnotation] = token
	}
	obj.SetAnnotations(annotations)
	if err := r.client.Patch(ctx, obj, patch); err != nil {
		return err
	}
	r.session.Success("%s annotated", k.Kind)
	r.session.Waiting("waiting for %s reconciliation", k.Kind)
	is := ready.Telling(k, func(message string) { r.session.Waiting("%s is not ready: %s", k.Kind, message) })
	done, err := ready.Wait(ctx, r.client, k, key, func(seen *unstructured.Unstructured) (bool, error) {
		if handled, _, _ := unstructured.NestedString(seen.Object, "status", "lastHandledReconcileAt"); handled == before {
			return false, nil
		}
		return is(seen)
	})
	if err != nil {
		return err
	}
	if c, _ := kinds.ConditionOf(done, meta.ReadyCondition); c.Status != "True" {
		return fmt.Errorf("%s reconciliation failed: %s", k.Kind, c.Message)
	}
	r.session.Success("%s", k.Result(done))
	return nil
}

// source reconciles what an object is made of: the source of a Kustomization; the chart of a HelmRelease and the source of that.
func (r *request) source(ctx context.Context, obj *unstructured.Unstructured) error {
	ref, err := sourceOf(obj)
	if err != nil {
		return err
	}
	k, ok := kinds.Of(ref.kind)
	if !ok || ref.kind == sourcev1.ExternalArtifactKind {
		return fmt.Errorf("cannot reconcile a source of kind %q", ref.kind)
	}
	below := *r
	below.withSource = ref.kind == sourcev1.HelmChartKind
	return below.run(ctx, k, ref.key)
}

// reference names another object.
type reference struct {
	kind string
	key  client.ObjectKey
}

// sourceOf finds the reference to the source of an object.
func sourceOf(obj *unstructured.Unstructured) (reference, error) {
	for _, path := range [][]string{{"spec", "chartRef"}, {"spec", "sourceRef"}} {
		if fields, found, _ := unstructured.NestedStringMap(obj.Object, path...); found {
			return reference{fields["kind"], client.ObjectKey{Namespace: cmp.Or(fields["namespace"], obj.GetNamespace()), Name: fields["name"]}}, nil
		}
	}
	namespace, _, _ := unstructured.NestedString(obj.Object, "spec", "chart", "spec", "sourceRef", "namespace")
	if _, found, _ := unstructured.NestedMap(obj.Object, "spec", "chart"); found {
		key := client.ObjectKey{Namespace: cmp.Or(namespace, obj.GetNamespace()), Name: obj.GetNamespace() + "-" + obj.GetName()}
		return reference{sourcev1.HelmChartKind, key}, nil
	}
	return reference{}, fmt.Errorf("%s %s has no source", obj.GetKind(), obj.GetName())
}
