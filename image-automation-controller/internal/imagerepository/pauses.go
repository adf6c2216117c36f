// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imagerepository

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
)

// pauses remembers, from a run to its end, how long it is until the next scan.
type pauses struct {
	mu sync.Mutex
	of map[types.NamespacedName]time.Duration
}

func (p *pauses) set(o *imagev1.ImageRepository, pause time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of == nil {
		p.of = make(map[types.NamespacedName]time.Duration)
	}
	p.of[client.ObjectKeyFromObject(o)] = pause
}

// until is the time until the next run, 0 if none is due by time.
func (p *pauses) until(o *imagev1.ImageRepository) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.of[client.ObjectKeyFromObject(o)]
}

func (p *pauses) drop(key types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.of, key)
}
