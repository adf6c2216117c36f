// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"context"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
)

// MaxTokenLifetime is the longest time that a token is kept. Flux: notification-controller contract, "Flags".
const MaxTokenLifetime = time.Hour

// lifetimePercent is how much of the life of a token is used.
const lifetimePercent = 80

// Tokens keeps tokens that services gave for other credentials. It may be used from any goroutine. As a prometheus.Collector it tells how that goes.
type Tokens struct {
	tokenMetrics

	// Known reports whether there is a Provider of that name; nil stands for always. It is set before the first use.
	Known func(ctx context.Context, provider types.NamespacedName) bool

	cache *lru.Cache[string, kept] // nil keeps nothing
	life  time.Duration
}

type kept struct {
	token string
	until time.Time
}

// TokenKey names a token.
type TokenKey struct {
	// Provider is who asks for it; metrics name it. Providers with the same credentials share a token.
	Provider types.NamespacedName
	// Credentials is a digest of everything that the token is given for.
	Credentials string
}

// NewTokens returns a cache of up to size tokens, 0 meaning none, each kept for life at most.
func NewTokens(size int, life time.Duration) (*Tokens, error) {
	t := &Tokens{life: min(life, MaxTokenLifetime)}
	if size > 0 {
		cache, err := lru.New[string, kept](size)
		if err != nil {
			return nil, fmt.Errorf("make token cache: %w", err)
		}
		t.cache = cache
	}
	t.tokenMetrics = newTokenMetrics(t.items)
	return t, nil
}

var _ prometheus.Collector = (*Tokens)(nil)

func (t *Tokens) items() float64 {
	if t.cache == nil {
		return 0
	}
	return float64(t.cache.Len())
}

// Get returns the token of that key, or else what fetch returns, which says when the token ends. old says that it was kept, so that it may have
// been revoked since.
func (t *Tokens) Get(
	ctx context.Context, key TokenKey, fetch func(context.Context) (token string, ends time.Time, err error),
) (token string, old bool, err error) {
	if t.cache == nil {
		token, _, err := fetch(ctx)
		return token, false, err
	}
	now := time.Now()
	if found, ok := t.cache.Get(key.Credentials); ok && now.Before(found.until) {
		t.count(ctx, key.Provider, hit, nil)
		return found.token, true, nil
	}
	token, ends, err := fetch(ctx)
	t.count(ctx, key.Provider, miss, err)
	if err != nil {
		return "", false, err
	}
	life := min(ends.Sub(now)*lifetimePercent/100, t.life)
	if life > 0 && t.cache.Add(key.Credentials, kept{token: token, until: now.Add(life)}) {
		t.evicted.Inc()
	}
	return token, false, nil
}

// count counts a request for a token. A Provider may end while something is sent to it: either Forget comes after the count, or this sees that the
// Provider is gone.
func (t *Tokens) count(ctx context.Context, provider types.NamespacedName, event string, err error) {
	t.asked(provider, event, err)
	if t.Known != nil && !t.Known(ctx, provider) {
		t.Forget(provider)
	}
}

// Drop forgets the token of that key, which the service does not take any more. Another that came in its place stays.
func (t *Tokens) Drop(key TokenKey, token string) {
	if t.cache == nil {
		return
	}
	if found, ok := t.cache.Peek(key.Credentials); ok && found.token == token {
		t.cache.Remove(key.Credentials)
	}
}
