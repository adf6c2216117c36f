// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/access"
	"github.com/weir-gitops/weir/kit/rescue"
	"github.com/weir-gitops/weir/notification-controller/internal/apifault"
)

const (
	// fieldOwner is the field manager of the annotation.
	fieldOwner = "notification-controller"
	// all is the name that stands for every object with the labels.
	all = "*"
	// pageSize is how many objects are listed in one request.
	pageSize = 500
)

// target names objects to wake.
type target struct {
	kind      schema.GroupVersionKind
	namespace string
	name      string // or all
	labels    map[string]string
	filter    filter
}

// String returns Kind/namespace/name.
func (t target) String() string {
	return access.Reference{Kind: t.kind.Kind, Namespace: t.namespace, Name: t.name}.String()
}

// targets lists what a request is to wake. broken are the entries that can wake nothing; err ends the request.
func (h *handler) targets(receiver *notificationv1.Receiver, r request) (targets []target, broken []error, err error) {
	common := filter{}
	if filtered(receiver) {
		if common.req, err = variables(r); err != nil {
			return nil, nil, refuse(http.StatusInternalServerError, "read request for filters: %w", err)
		}
	}
	if common, err = h.with(common, receiver.Spec.ResourceFilter); err != nil {
		return nil, nil, err
	}
	for _, resource := range receiver.Spec.Resources {
		t, err := h.target(receiver, resource)
		if err != nil {
			broken = append(broken, err)
			continue
		}
		if t.filter, err = h.with(common, resource.Filter); err != nil {
			return nil, nil, err
		}
		targets = append(targets, t)
	}
	return targets, broken, nil
}

// with adds a condition to a filter.
func (h *handler) with(f filter, text string) (filter, error) {
	condition, err := h.filters.Compile(text)
	if err != nil {
		return f, fmt.Errorf("compile filter: %w", err)
	}
	if condition != nil {
		f.conditions = append(slices.Clip(f.conditions), condition)
	}
	return f, nil
}

// target reads one entry of spec.resources. Flux: notification-controller contract, "Targets".
func (h *handler) target(receiver *notificationv1.Receiver, resource notificationv1.ReceiverResource) (target, error) {
	ref := access.Reference{Kind: resource.Kind, Namespace: resource.Namespace, Name: resource.Name}
	if ref.Namespace == "" {
		ref.Namespace = receiver.Namespace
	}
	if err := access.Namespaced(h.Access, receiver.Namespace, ref); err != nil {
		return target{}, err
	}
	kind, err := kindOf(resource.APIVersion, resource.Kind)
	if err != nil {
		return target{}, fmt.Errorf("%s: %w", ref, err)
	}
	t := target{kind: kind, namespace: ref.Namespace, name: ref.Name, labels: resource.MatchLabels}
	if t.name == all && len(t.labels) == 0 {
		return target{}, fmt.Errorf("%s: name '%s' needs matchLabels", ref, all)
	}
	return t, nil
}

// kindOf fills in the version that this project serves where the entry has none.
func kindOf(apiVersion, kind string) (schema.GroupVersionKind, error) {
	if apiVersion != "" {
		version, err := schema.ParseGroupVersion(apiVersion)
		if err != nil {
			return schema.GroupVersionKind{}, fmt.Errorf("read apiVersion: %w", err)
		}
		return version.WithKind(kind), nil
	}
	switch kind {
	case sourcev1.BucketKind, sourcev1.HelmChartKind, sourcev1.HelmRepositoryKind, sourcev1.GitRepositoryKind, sourcev1.OCIRepositoryKind:
		return sourcev1.GroupVersion.WithKind(kind), nil
	case imagev1.ImageRepositoryKind:
		return imagev1.GroupVersion.WithKind(kind), nil
	case "ArtifactGenerator":
		return schema.GroupVersionKind{Group: "source.extensions.fluxcd.io", Version: "v1beta1", Kind: kind}, nil
	}
	return schema.GroupVersionKind{}, errors.New("kind needs an apiVersion")
}

// wake annotates everything the targets name, several at once, and returns what went wrong. An object that is named twice is woken once.
func (h *handler) wake(ctx context.Context, log logr.Logger, targets []target) []error {
	w := &waker{handler: h, log: log, at: h.Clock().Format(time.RFC3339Nano)}
	errs := make([]error, len(targets))
	var group sync.WaitGroup
	for i, t := range targets {
		group.Go(func() {
			if err := rescue.Call(log, "webhook", func() error { return w.target(ctx, t) }); err != nil {
				errs[i] = fmt.Errorf("%s: %w", t, err)
			}
		})
	}
	group.Wait()
	return errs
}

// waker wakes the objects of one request.
type waker struct {
	*handler

	log  logr.Logger
	at   string
	done sync.Map // types.NamespacedName with kind: what is woken, or about to be
}

// target wakes what one entry names. An object that nothing filters is not read.
func (w *waker) target(ctx context.Context, t target) error {
	if t.name != all && len(t.filter.conditions) == 0 {
		return w.patch(ctx, t, t.name)
	}
	if t.name != all {
		obj := &metav1.PartialObjectMetadata{}
		obj.SetGroupVersionKind(t.kind)
		err := w.ask(ctx, func() error { return w.Live.Get(ctx, types.NamespacedName{Namespace: t.namespace, Name: t.name}, obj) })
		if err != nil {
			return fmt.Errorf("read metadata: %w", err)
		}
		return w.object(ctx, t, obj)
	}
	return w.selected(ctx, t)
}

// selected wakes the objects with the labels; the first that fails ends it.
func (w *waker) selected(ctx context.Context, t target) error {
	next := ""
	for {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(t.kind.GroupVersion().WithKind(t.kind.Kind + "List"))
		err := w.ask(ctx, func() error {
			return w.Live.List(ctx, list, client.InNamespace(t.namespace), client.MatchingLabels(t.labels), client.Limit(pageSize), client.Continue(next))
		})
		if apierrors.IsResourceExpired(err) && next != "" {
			next = "" // the pages took too long; what is woken already is not woken again
			continue
		}
		if err != nil {
			return fmt.Errorf("list: %w", err)
		}
		if len(list.Items) == 0 && next == "" {
			w.log.Info("webhook matches no object", "kind", t.kind.Kind, "namespace", t.namespace)
		}
		if err := w.page(ctx, t, list.Items); err != nil {
			return err
		}
		if next = list.GetContinue(); next == "" {
			return nil
		}
	}
}

// page wakes objects several at once. One that is deleted meanwhile is no longer among those with the labels.
func (w *waker) page(ctx context.Context, t target, items []metav1.PartialObjectMetadata) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	for i := range items {
		group.Go(func() {
			items[i].SetGroupVersionKind(t.kind)
			if err := rescue.Call(w.log, "webhook", func() error { return w.object(ctx, t, &items[i]) }); client.IgnoreNotFound(err) != nil {
				cancel(fmt.Errorf("%s: %w", items[i].Name, err))
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

// object wakes an object if the filters let it through.
func (w *waker) object(ctx context.Context, t target, obj *metav1.PartialObjectMetadata) error {
	if len(t.filter.conditions) > 0 {
		obj.ManagedFields = nil
		res, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
		if err != nil {
			return fmt.Errorf("convert metadata: %w", err)
		}
		passes, err := t.filter.passes(ctx, res)
		if err != nil || !passes {
			return err
		}
	}
	return w.patch(ctx, t, obj.Name)
}

// patch sets the annotation.
func (w *waker) patch(ctx context.Context, t target, name string) error {
	id := fmt.Sprintf("%s %s/%s", t.kind, t.namespace, name)
	if _, done := w.done.LoadOrStore(id, true); done {
		return nil
	}
	document, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{meta.ReconcileRequestAnnotation: w.at}}})
	if err != nil {
		return fmt.Errorf("encode annotation: %w", err)
	}
	obj := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: t.namespace, Name: name}}
	obj.SetGroupVersionKind(t.kind)
	err = w.ask(ctx, func() error {
		return w.Client.Patch(ctx, obj, client.RawPatch(types.MergePatchType, document), client.FieldOwner(fieldOwner))
	})
	if err != nil {
		return fmt.Errorf("annotate: %w", err)
	}
	w.log.Info("object woken", "kind", t.kind.Kind, "object", types.NamespacedName{Namespace: t.namespace, Name: name})
	return nil
}

// ask makes a request to the API server among a bounded number of them, again where a moment later it may succeed.
func (h *handler) ask(ctx context.Context, do func() error) error {
	return apifault.Outlast(ctx, func() error { return h.slot(ctx, do) })
}

// slot runs a request to the API server among a bounded number of them.
func (h *handler) slot(ctx context.Context, do func() error) error {
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-h.slots }()
	return do()
}
