// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/cli/internal/applier"
	"github.com/weir-gitops/weir/cli/internal/kinds"
	"github.com/weir-gitops/weir/cli/internal/ready"
	"github.com/weir-gitops/weir/cli/internal/session"
)

// removal is one run of uninstall.
type removal struct {
	session *session.Session
	client  client.WithWatch

	keepNamespace, dryRun, silent, wait bool
	failed                              bool
	deleted                             []*unstructured.Unstructured
}

func uninstallCommand(s *session.Session) *cobra.Command {
	r := &removal{session: s}
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Remove the controllers, their kinds and the objects of these kinds",
		Long: "Removes the controllers, their roles and their kinds with every object of them. What they applied to the cluster stays: workloads and\n" +
			"Helm releases are not touched.",
		Example: "  # See what would go\n  weir uninstall --dry-run\n\n  # Remove it, but not the namespace\n  weir uninstall --keep-namespace",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := s.Bounded(cmd.Context())
			defer cancel()
			var err error
			if r.client, err = s.Client(); err != nil {
				return err
			}
			return r.run(ctx)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&r.keepNamespace, "keep-namespace", false, "leave the namespace")
	flags.BoolVar(&r.dryRun, "dry-run", false, "say what would be removed")
	flags.BoolVarP(&r.silent, "silent", "s", false, "do not ask")
	flags.BoolVar(&r.wait, "wait", false, "wait until everything is gone")
	return cmd
}

func (r *removal) run(ctx context.Context) error {
	if err := r.consent(ctx); err != nil {
		return err
	}
	r.session.Action("deleting components in %s namespace", r.session.Namespace)
	for _, gvk := range parts() {
		r.labelled(ctx, gvk)
	}
	r.session.Action("deleting finalizers in all namespaces")
	for _, k := range kinds.All() {
		r.release(ctx, k)
	}
	r.session.Action("deleting definitions of kinds")
	r.labelled(ctx, apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"))
	if !r.keepNamespace {
		namespace := object(corev1.SchemeGroupVersion.WithKind("Namespace"))
		namespace.SetName(r.session.Namespace)
		r.delete(ctx, namespace)
	}
	if err := r.gone(ctx); err != nil {
		return err
	}
	if r.failed {
		return &session.ExitError{Code: 1, Err: fmt.Errorf("uninstall finished with failures")}
	}
	r.session.Success("uninstall finished")
	return nil
}

// parts lists the kinds that an installation consists of, in the order of their removal: first what works, then what it may do.
func parts() []schema.GroupVersionKind {
	return []schema.GroupVersionKind{
		appsv1.SchemeGroupVersion.WithKind("Deployment"), corev1.SchemeGroupVersion.WithKind("Service"),
		networkingv1.SchemeGroupVersion.WithKind("NetworkPolicy"), corev1.SchemeGroupVersion.WithKind("ServiceAccount"),
		corev1.SchemeGroupVersion.WithKind("ResourceQuota"),
		rbacv1.SchemeGroupVersion.WithKind("RoleBinding"), rbacv1.SchemeGroupVersion.WithKind("Role"),
		rbacv1.SchemeGroupVersion.WithKind("ClusterRole"), rbacv1.SchemeGroupVersion.WithKind("ClusterRoleBinding"),
	}
}

func (r *removal) consent(ctx context.Context) error {
	found, err := installed(ctx, r.client)
	if err != nil || r.silent || r.dryRun {
		return err
	}
	question := "Are you sure you want to delete the controllers and their kinds?"
	if found != nil && !slices.Contains(fluxNames(), found.managedBy) {
		question = fmt.Sprintf("This installation is managed by %s. Are you sure you want to delete it?", found.managedBy)
	}
	return r.session.Confirm(ctx, question, "silent")
}

// labelled deletes the objects of one kind that carry the label of the installation: in its namespace, or cluster-wide.
func (r *removal) labelled(ctx context.Context, gvk schema.GroupVersionKind) {
	list := new(unstructured.UnstructuredList)
	list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
	options := []client.ListOption{ofInstallation()}
	if namespaced, err := r.client.IsObjectNamespaced(object(gvk)); err == nil && namespaced {
		options = append(options, client.InNamespace(r.session.Namespace))
	}
	if err := r.client.List(ctx, list, options...); err != nil {
		if !meta.IsNoMatchError(err) {
			r.fail("list "+gvk.Kind, err)
		}
		return
	}
	for i := range list.Items {
		r.delete(ctx, &list.Items[i])
	}
}

// release takes the finalizers off all objects of a kind: nobody is left to look after them.
func (r *removal) release(ctx context.Context, k kinds.Kind) {
	list := k.List()
	if err := r.client.List(ctx, list); err != nil {
		if !meta.IsNoMatchError(err) {
			r.fail("list "+k.Kind, err)
		}
		return
	}
	for i := range list.Items {
		obj := &list.Items[i]
		if len(obj.GetFinalizers()) == 0 {
			continue
		}
		patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
		var options []client.PatchOption
		if r.dryRun {
			options = append(options, client.DryRunAll)
		}
		r.tell(obj, "finalizers deleted", r.client.Patch(ctx, obj, patch, options...))
	}
}

func (r *removal) delete(ctx context.Context, obj *unstructured.Unstructured) {
	options := []client.DeleteOption{client.PropagationPolicy("Background")}
	if r.dryRun {
		options = append(options, client.DryRunAll)
	}
	err := r.client.Delete(ctx, obj, options...)
	if apierrors.IsNotFound(err) {
		return
	}
	if err == nil {
		r.deleted = append(r.deleted, obj)
	}
	r.tell(obj, "deleted", err)
}

func (r *removal) tell(obj *unstructured.Unstructured, what string, err error) {
	if err != nil {
		r.fail(applier.Subject(obj)+" deletion", err)
		return
	}
	if r.dryRun {
		what += " (dry run)"
	}
	r.session.Success("%s %s", applier.Subject(obj), what)
}

func (r *removal) fail(what string, err error) {
	r.failed = true
	r.session.Failure("%s failed: %v", what, err)
}

// gone waits, if that was asked for, until nothing of what was deleted is left.
func (r *removal) gone(ctx context.Context) error {
	if !r.wait || r.dryRun {
		return nil
	}
	r.session.Waiting("waiting until everything is gone")
	for _, obj := range r.deleted {
		if err := ready.Gone(ctx, r.client, obj); err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("%s: %w", applier.Subject(obj), err)
		}
	}
	return nil
}

func object(gvk schema.GroupVersionKind) *unstructured.Unstructured {
	obj := new(unstructured.Unstructured)
	obj.SetGroupVersionKind(gvk)
	return obj
}
