// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"maps"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/cli-utils/pkg/object"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/weir-gitops/weir/kit/apply/internal/observe"
)

// maxFailedPods bounds the list of pods that is searched for a failed one.
const maxFailedPods = 500

// visit is one call of Health.
type visit struct {
	engine  *Engine
	clients Clients
	owner   Owner
	account *account
	in      *interest
	targets map[schema.GroupVersionKind]target
	recheck time.Duration
}

// target is the answer of the mapper for a kind.
type target struct {
	observe.Target

	err error
}

func (v *visit) target(k known) target {
	t, ok := v.targets[k.gvk()]
	if !ok {
		t.Target, t.err = v.clients.anyTarget(k.gvk())
		v.targets[k.gvk()] = t
	}
	return t
}

// deepen makes the watches of the owner's kinds carry a status.
func (v *visit) deepen(ctx context.Context) {
	if v.engine.hub == nil || v.clients.Remote {
		return
	}
	kinds := map[schema.GroupKind]observe.Target{}
	for _, k := range v.in.list {
		gk := k.id.GroupKind
		if observe.Static(gk) && v.in.exprs.find(gk) == nil {
			continue
		}
		if _, applied := v.account.posting(k.id); !applied {
			continue // not ours; watched on its own
		}
		if t := v.target(k); t.err == nil {
			kinds[gk] = t.Target
		}
	}
	v.engine.hub.Deepen(ctx, v.owner.key(), kinds, deepenLimit)
}

// status returns the health of one object.
func (v *visit) status(ctx context.Context, k known) (observe.Status, error) {
	if !v.clients.Remote {
		if st, ok := v.engine.watched(v.account, v.owner, v.in, k.id); ok && !needsLook(k.id.GroupKind, st) {
			return st, nil
		}
	}
	return v.read(ctx, k)
}

// needsLook tells whether the health of an object depends on more than the object: time, or its pods.
func needsLook(gk schema.GroupKind, st observe.Status) bool {
	return st.State == status.InProgressStatus && (gk == schema.GroupKind{Kind: "Pod"} || ownsPods(gk))
}

// read gets the object with the owner's identity, and lets a watch follow it where that is possible.
func (v *visit) read(ctx context.Context, k known) (observe.Status, error) {
	t := v.target(k)
	if t.err != nil {
		v.recheck = healthRecheck
		return observe.Status{State: status.UnknownStatus, Problem: t.err.Error()}, nil //nolint:nilerr // it is the health of the object
	}
	live, err := v.clients.dynamic(t.Target, k.id.Namespace).Get(ctx, k.id.Name, metav1.GetOptions{})
	if ctx.Err() != nil {
		return observe.Status{}, ctx.Err()
	}
	by := v.in.exprs.find(k.id.GroupKind)
	var st observe.Status
	switch {
	case apierrors.IsNotFound(err):
		st = v.in.judge(k.id, observe.Status{State: status.NotFoundStatus})
	case err != nil:
		v.recheck = healthRecheck
		return observe.Status{State: status.UnknownStatus, Problem: err.Error()}, nil //nolint:nilerr // it is the health of the object
	default:
		st = observe.Compute(ctx, live, by)
		if by == nil && needsLook(k.id.GroupKind, st) {
			v.recheck = healthRecheck
			st, err = v.searchPods(ctx, live, st)
			if err != nil {
				return observe.Status{}, err
			}
		}
	}
	v.follow(k, t.Target, by, st)
	return st, nil
}

// follow watches a single object, unless the watch of its kind shows it. The owner has just been allowed to read it, and was
// told st.
func (v *visit) follow(k known, t observe.Target, by observe.Evaluator, st observe.Status) {
	if v.engine.hub == nil || v.clients.Remote {
		v.recheck = healthRecheck
		return
	}
	if _, ok := v.engine.watchedByKind(v.account, v.owner, v.in, k.id); ok {
		return
	}
	v.account.mu.Lock()
	v.account.spots[k.id] = true
	v.account.mu.Unlock()
	v.engine.hub.Spot(v.owner.key(), t, k.id, by)
	if seen, ok := v.engine.watched(v.account, v.owner, v.in, k.id); !ok || seen.State != st.State {
		v.recheck = healthRecheck // until the watch has answered once
	}
}

// spots returns the single objects of the wait that no watch of a kind shows, and forgets all others.
func (v *visit) spots() map[object.ObjMetadata]bool {
	keep := map[object.ObjMetadata]bool{}
	for _, k := range v.in.list {
		if !v.account.spotted(k.id) {
			continue
		}
		if _, ok := v.engine.watchedByKind(v.account, v.owner, v.in, k.id); !ok {
			keep[k.id] = true
		}
	}
	v.account.mu.Lock()
	defer v.account.mu.Unlock()
	v.account.spots = keep
	return maps.Clone(keep)
}

// ownsPods tells the kinds that are Failed when one of their pods is. Deployments report that themselves.
func ownsPods(gk schema.GroupKind) bool {
	return gk.Group == "apps" && (gk.Kind == "StatefulSet" || gk.Kind == "ReplicaSet")
}

// searchPods turns InProgress into Failed if a pod of the object failed.
func (v *visit) searchPods(ctx context.Context, live *unstructured.Unstructured, st observe.Status) (observe.Status, error) {
	if !ownsPods(live.GroupVersionKind().GroupKind()) {
		return st, nil
	}
	selector, ok := podSelector(live)
	if !ok {
		return st, nil
	}
	list, err := v.clients.Dynamic.Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).
		Namespace(live.GetNamespace()).
		List(ctx, metav1.ListOptions{LabelSelector: selector, Limit: maxFailedPods})
	if err != nil {
		if ctx.Err() != nil {
			return st, ctx.Err()
		}
		st.Problem = err.Error()
		return st, nil
	}
	for i := range list.Items {
		if observe.Compute(ctx, &list.Items[i], nil).State == status.FailedStatus {
			return observe.Status{State: status.FailedStatus}, nil
		}
	}
	return st, nil
}

// podSelector returns the selector of a workload; false if it has none that the API server would have let in.
func podSelector(live *unstructured.Unstructured) (string, bool) {
	raw, found, err := unstructured.NestedMap(live.Object, "spec", "selector")
	if err != nil || !found {
		return "", false
	}
	var ls metav1.LabelSelector
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw, &ls); err != nil {
		return "", false
	}
	selector, err := metav1.LabelSelectorAsSelector(&ls)
	if err != nil || selector.Empty() {
		return "", false
	}
	return selector.String(), true
}
