// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/util/flowcontrol"
	"sigs.k8s.io/controller-runtime/pkg/client"

	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	"github.com/weir-gitops/weir/notification-controller/internal/apifault"
)

// How often the Receivers are listed past the cache, whatever strangers ask for: looksBurst times at once, then looksPerSecond.
const (
	looksPerSecond = 5
	looksBurst     = 10
)

// latest knows the Receivers as the API server has them. The cache is milliseconds behind that: who reads that a Receiver is ready and posts at once
// would be told that there is none. Everybody who comes before a look begins shares it, and looks are made one after the other: an API server that
// answers slowly is not asked by more of them for that.
type latest struct {
	live client.Reader
	// namespace is the only one that is looked at, empty for all.
	namespace string
	turns     flowcontrol.RateLimiter
	// looking has room for the look whose turn it is, until it is over.
	looking chan struct{}

	mu sync.Mutex
	// next is the look that has not begun, nil when nobody waits for one.
	next *look
}

// look is a list of all Receivers. What it found stands when done is closed.
type look struct {
	done   chan struct{}
	byPath map[string][]notificationv1.Receiver
	err    error
}

func newLatest(live client.Reader, namespace string) *latest {
	return &latest{
		live: live, namespace: namespace, turns: flowcontrol.NewTokenBucketRateLimiter(looksPerSecond, looksBurst), looking: make(chan struct{}, 1),
	}
}

// reread returns a Receiver that the cache has; nil if it has lost the path since.
func (l *latest) reread(ctx context.Context, cached *notificationv1.Receiver) (*notificationv1.Receiver, error) {
	ctx, cancel := context.WithTimeout(ctx, apifault.Patience)
	defer cancel()
	now := &notificationv1.Receiver{}
	err := apifault.Outlast(ctx, func() error { return l.live.Get(ctx, client.ObjectKeyFromObject(cached), now) })
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read receiver: %w", err)
	case now.Status.WebhookPath != cached.Status.WebhookPath:
		return nil, nil
	}
	return now, nil
}

// at lists the Receivers that have the path now.
func (l *latest) at(ctx context.Context, path string) ([]notificationv1.Receiver, error) {
	ctx, cancel := context.WithTimeout(ctx, apifault.Patience)
	defer cancel()
	l.mu.Lock()
	k, first := l.next, l.next == nil
	if first {
		k = &look{done: make(chan struct{})}
		l.next = k
	}
	l.mu.Unlock()
	if first {
		l.run(context.WithoutCancel(ctx), k) // the others wait for it
	}
	select {
	case <-k.done:
		return k.byPath[path], k.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// run takes a turn and looks. Who comes from then on may ask for what is newer, and waits for the next look. The time for the look begins with the
// turn: others came later than the one who runs it.
func (l *latest) run(ctx context.Context, k *look) {
	defer close(k.done)
	l.looking <- struct{}{}
	defer func() { <-l.looking }()
	k.err = l.turns.Wait(ctx)
	l.mu.Lock()
	l.next = nil
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, apifault.Patience)
	defer cancel()
	if k.err == nil {
		k.err = apifault.Outlast(ctx, func() (err error) {
			k.byPath, err = l.list(ctx)
			return err
		})
	}
}

func (l *latest) list(ctx context.Context) (map[string][]notificationv1.Receiver, error) {
	byPath := make(map[string][]notificationv1.Receiver)
	for next := ""; ; {
		var page notificationv1.ReceiverList
		if err := l.live.List(ctx, &page, client.InNamespace(l.namespace), client.Limit(pageSize), client.Continue(next)); err != nil {
			return nil, fmt.Errorf("list receivers: %w", err)
		}
		for _, receiver := range page.Items {
			if path := receiver.Status.WebhookPath; path != "" {
				byPath[path] = append(byPath[path], receiver)
			}
		}
		if next = page.GetContinue(); next == "" {
			return byPath, nil
		}
	}
}
