// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"context"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// MaxTokenLifetime is the longest time that a token is kept. Flux: notification-controller contract, "Flags".
const MaxTokenLifetime = time.Hour

// lifetimePercent is how much of the life of a token is used.
const lifetimePercent = 80

// Tokens keeps tokens that services gave for other credentials. It may be used from any goroutine.
type Tokens struct {
	cache *lru.Cache[string, kept] // nil keeps nothing
	life  time.Duration
}

type kept struct {
	token string
	until time.Time
}

// NewTokens returns a cache of up to size tokens, 0 meaning none, each kept for life at most.
func NewTokens(size int, life time.Duration) (*Tokens, error) {
	t := &Tokens{life: min(life, MaxTokenLifetime)}
	if size <= 0 {
		return t, nil
	}
	cache, err := lru.New[string, kept](size)
	if err != nil {
		return nil, fmt.Errorf("make token cache: %w", err)
	}
	t.cache = cache
	return t, nil
}

// Get returns the token of that key, or else what fetch returns, which says when the token ends.
func (t *Tokens) Get(ctx context.Context, key string, fetch func(context.Context) (token string, ends time.Time, err error)) (string, error) {
	if t.cache == nil {
		token, _, err := fetch(ctx)
		return token, err
	}
	now := time.Now()
	if found, ok := t.cache.Get(key); ok && now.Before(found.until) {
		return found.token, nil
	}
	token, ends, err := fetch(ctx)
	if err != nil {
		return "", err
	}
	life := min(ends.Sub(now)*lifetimePercent/100, t.life)
	if life > 0 {
		t.cache.Add(key, kept{token: token, until: now.Add(life)})
	}
	return token, nil
}
