// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"context"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"github.com/weir-gitops/weir/kit/rescue"
)

// A list that failed is tried again after retryMin, doubling to retryMax; refusals (no permission, kind not served) start there.
const (
	retryMin = 500 * time.Millisecond
	retryMax = 2 * time.Minute
	// calmWatch is how long a watch has to last for its end not to count as a failure.
	calmWatch = time.Minute
)

// sink takes what a source delivers. Calls do not overlap.
type sink interface {
	// reduce turns an object into what is kept of it.
	reduce(ctx context.Context, obj metav1.Object) Record
	// change delivers a new state, of a gone object the last one.
	change(key types.NamespacedName, rec Record, gone bool)
	replace(list []*residue, version string)
	bookmark(version string)
	fail(err error)
}

// source lists and watches one kind, or one object, and hands everything to its sink.
type source struct {
	hub       *Hub
	target    Target
	full      bool   // full objects instead of metadata
	selector  string // label selector
	namespace string // with name: watch this object only
	name      string
	sink      sink

	once   sync.Once
	closed chan struct{}
}

func newSource(h *Hub, t Target, full bool) *source {
	return &source{hub: h, target: t, full: full, closed: make(chan struct{})}
}

// stop ends run. It may be called before run and more than once.
func (s *source) stop() { s.once.Do(func() { close(s.closed) }) }

func (s *source) run(parent context.Context) {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	defer context.AfterFunc(ctx, s.stop)()
	go func() {
		<-s.closed
		cancel()
	}()

	ctx = logr.NewContext(ctx, s.hub.cfg.Logger) // what client-go logs
	backoff := newBackoff()
	for ctx.Err() == nil {
		began := time.Now()
		store := &intake{ctx: func() context.Context { return ctx }, sink: s.sink}
		r := cache.NewReflectorWithOptions(s.listWatch(), s.example(), store, cache.ReflectorOptions{
			Name:            "apply",
			TypeDescription: s.target.Resource.String(),
		})
		err := rescue.Call(s.hub.cfg.Logger, "watch of "+s.target.Resource.String(), func() error { return r.ListAndWatchWithContext(ctx) })
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > calmWatch {
			backoff = newBackoff()
		}
		delay := backoff.Step()
		if err != nil { // else the watch ended in the ordinary way, and what we have stays usable while we list again
			s.hub.cfg.Logger.V(1).Info("cannot watch", "resource", s.target.Resource.String(), "reason", err.Error())
			s.sink.fail(err)
			if refused(err) {
				delay = retryMax
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(delay):
		}
	}
}

func newBackoff() wait.Backoff {
	return wait.Backoff{Duration: retryMin, Factor: 2, Jitter: 0.2, Steps: 9, Cap: retryMax}
}

// refused tells whether trying again soon is pointless.
func refused(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) || apierrors.IsNotFound(err) ||
		apierrors.IsMethodNotSupported(err)
}

func (s *source) example() any {
	if s.full {
		return &unstructured.Unstructured{}
	}
	return &metav1.PartialObjectMetadata{}
}

func (s *source) listWatch() cache.ListerWatcher {
	narrow := func(o metav1.ListOptions) metav1.ListOptions {
		o.LabelSelector = s.selector
		if s.name != "" {
			o.FieldSelector = "metadata.name=" + s.name
		}
		return o
	}
	lw := &cache.ListWatch{}
	if s.full {
		c := s.hub.cfg.Dynamic.Resource(s.target.Resource).Namespace(s.namespace)
		lw.ListWithContextFunc = func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return c.List(ctx, narrow(o))
		}
		lw.WatchFuncWithContext = func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return c.Watch(ctx, narrow(o))
		}
		return cache.ToListWatcherWithWatchListSemantics(lw, s.hub.cfg.Dynamic)
	}
	c := s.hub.cfg.Metadata.Resource(s.target.Resource).Namespace(s.namespace)
	lw.ListWithContextFunc = func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		return c.List(ctx, narrow(o))
	}
	lw.WatchFuncWithContext = func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
		return c.Watch(ctx, narrow(o))
	}
	return cache.ToListWatcherWithWatchListSemantics(lw, s.hub.cfg.Metadata)
}
