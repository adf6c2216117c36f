// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/go-logr/logr"
	helmrelease "helm.sh/helm/v3/pkg/release"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// A list that failed is tried again after retryMin, doubling to retryMax; a refusal starts there. calmWatch is how long a watch has to last
// for its end not to count as a failure.
const (
	retryMin  = 500 * time.Millisecond
	retryMax  = 2 * time.Minute
	calmWatch = time.Minute
)

// Start watches the metadata of release Secrets until ctx ends. It implements manager.Runnable.
func (l *Ledger) Start(ctx context.Context) error {
	if l.options.Metadata == nil {
		<-ctx.Done()
		return nil
	}
	defer l.silence()
	l.watch(logr.NewContext(ctx, l.options.Logger)) // which client-go logs with
	return nil
}

func (l *Ledger) watch(ctx context.Context) {
	backoff := newBackoff()
	for ctx.Err() == nil {
		began := time.Now()
		reflector := cache.NewReflectorWithOptions(l.listWatch(), &metav1.PartialObjectMetadata{}, &intake{ledger: l}, cache.ReflectorOptions{
			Name: "storage", TypeDescription: "release secrets",
		})
		err := reflector.ListAndWatchWithContext(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > calmWatch {
			backoff = newBackoff()
		}
		delay := backoff.Step()
		if err != nil { // else the watch ended in the ordinary way
			l.options.Logger.V(1).Info("cannot watch release secrets", "reason", err.Error())
			l.lose()
			if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
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

func (l *Ledger) listWatch() cache.ListerWatcher {
	secrets := l.options.Metadata.Resource(corev1.SchemeGroupVersion.WithResource("secrets")).Namespace(l.options.Namespace)
	return cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.LabelSelector = ownerLabel + "=" + ownerHelm
			return secrets.List(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector = ownerLabel + "=" + ownerHelm
			return secrets.Watch(ctx, o)
		},
	}, l.options.Metadata)
}

// lose notes that the watch is behind by an unknown amount.
func (l *Ledger) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.synced = false
}

// intake is the store of the reflector. It keeps resourceVersions only.
type intake struct{ ledger *Ledger }

// secretMark is a release Secret reduced to what counts. It has the metadata by which a reflector tells objects apart.
type secretMark struct {
	metav1.ObjectMeta

	release  string
	revision int
	busy     bool // somebody is at work on it
}

func (m *secretMark) key() Key { return Key{Namespace: m.Namespace, Release: m.release} }

// reduce returns nil for what is no release.
func reduce(obj any) (any, error) {
	switch obj := obj.(type) {
	case *secretMark:
		return obj, nil
	case *metav1.PartialObjectMetadata:
		name, revision, ok := identify(&obj.ObjectMeta)
		if !ok {
			revision = 0
		}
		return &secretMark{
			ObjectMeta: metav1.ObjectMeta{Namespace: obj.Namespace, Name: obj.Name, ResourceVersion: obj.ResourceVersion},
			release:    name, revision: revision, busy: isBusy(obj.Labels[statusLabel]),
		}, nil
	}
	return obj, nil
}

// isBusy tells the states in which an action of Helm is under way, or has died.
func isBusy(status string) bool {
	s := helmrelease.Status(status)
	return s.IsPending() || s == helmrelease.StatusUninstalling
}

// identify tells which revision of which release a Secret holds, by its labels or else by its name.
func identify(m *metav1.ObjectMeta) (name string, revision int, ok bool) {
	name, number := m.Labels[nameLabel], m.Labels[versionLabel]
	if name == "" || number == "" {
		rest, found := strings.CutPrefix(m.Name, secretPrefix)
		i := strings.LastIndex(rest, ".v")
		if !found || i < 1 {
			return "", 0, false
		}
		name, number = rest[:i], rest[i+len(".v"):]
	}
	revision, err := strconv.Atoi(number)
	return name, revision, err == nil && revision > 0
}

// Transformer implements cache.TransformingStore.
func (i *intake) Transformer() cache.TransformFunc { return reduce }

// Add implements cache.ReflectorStore.
func (i *intake) Add(obj any) error { return i.change(obj, false) }

// Update implements cache.ReflectorStore.
func (i *intake) Update(obj any) error { return i.change(obj, false) }

// Delete implements cache.ReflectorStore.
func (i *intake) Delete(obj any) error { return i.change(obj, true) }

func (i *intake) change(obj any, gone bool) error {
	reduced, err := reduce(obj)
	if m, ok := reduced.(*secretMark); ok {
		i.ledger.observe(m, gone)
	}
	return err
}

// Replace implements cache.ReflectorStore.
func (i *intake) Replace(objects []any, version string) error {
	marks := make([]*secretMark, 0, len(objects))
	for _, obj := range objects {
		reduced, err := reduce(obj)
		if err != nil {
			return err
		}
		if m, ok := reduced.(*secretMark); ok {
			marks = append(marks, m)
		}
	}
	i.ledger.replace(marks, version)
	return nil
}

// Bookmark implements cache.ReflectorBookmarkStore.
func (i *intake) Bookmark(version string) error {
	i.ledger.advance(version)
	return nil
}

// Resync implements cache.ReflectorStore.
func (i *intake) Resync() error { return nil }

// observe takes a change of one Secret from the watch.
func (l *Ledger) observe(m *secretMark, gone bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.position = m.ResourceVersion
	if m.revision == 0 {
		return
	}
	l.mark(m, gone)
	key := m.key()
	if gone {
		if delete(l.seen[key], m.revision); len(l.seen[key]) == 0 {
			delete(l.seen, key)
		}
	} else {
		if l.seen[key] == nil {
			l.seen[key] = map[int]string{}
		}
		l.seen[key][m.revision] = m.ResourceVersion
	}
	l.tell(key)
}

// replace takes a whole list from the watch.
func (l *Ledger) replace(marks []*secretMark, version string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen, l.busy = map[Key]map[int]string{}, map[Key]int{}
	for _, m := range marks {
		if m.revision == 0 {
			continue
		}
		l.mark(m, false)
		if l.seen[m.key()] == nil {
			l.seen[m.key()] = map[int]string{}
		}
		l.seen[m.key()][m.revision] = m.ResourceVersion
	}
	l.position, l.synced = version, true
	l.dropYounger(version)
	for key := range l.entries {
		l.tell(key)
	}
	for key, t := range l.told {
		if t.later == nil && time.Since(t.at) > 2*maxTold {
			delete(l.told, key)
		}
	}
}

// mark notes whether somebody is at work on a revision.
func (l *Ledger) mark(m *secretMark, gone bool) {
	switch key := m.key(); {
	case m.busy && !gone:
		l.busy[key] = max(l.busy[key], m.revision)
	case l.busy[key] == m.revision:
		delete(l.busy, key)
	}
}

// dropYounger forgets what is younger than a whole list: the API server may have been set back to a backup, which knows nothing of it.
func (l *Ledger) dropYounger(version string) {
	for el := l.recent.Front(); el != nil; {
		next := el.Next()
		if older(version, entryOf(el).version) {
			l.drop(el)
		}
		el = next
	}
}

func (l *Ledger) advance(version string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.position = version
}
