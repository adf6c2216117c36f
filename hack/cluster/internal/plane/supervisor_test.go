// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package plane

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestCause(t *testing.T) {
	cases := map[string]struct {
		reason string
		// ends tells how long after the first end a component ends; the others live on.
		ends map[string]time.Duration
		seen string
		want string
	}{
		"Alone": {
			reason: "A component that ends alone is the cause.",
			ends:   map[string]time.Duration{"kube-scheduler": 0},
			seen:   "kube-scheduler",
			want:   "kube-scheduler",
		},
		"TakenAlong": {
			reason: "One that lost its API server may be seen first; the API server is the cause.",
			ends:   map[string]time.Duration{"kube-controller-manager": 0, "kube-apiserver": 10 * time.Millisecond},
			seen:   "kube-controller-manager",
			want:   "kube-apiserver",
		},
		"LaterOne": {
			reason: "One that stands on the cause and ends later is not to blame.",
			ends:   map[string]time.Duration{"kube-apiserver": 0, "kube-controller-manager": 10 * time.Millisecond},
			seen:   "kube-apiserver",
			want:   "kube-apiserver",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, byName := &supervisor{}, map[string]*child{}
				for _, name := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
					c := &child{component: component{name: name}, ended: make(chan struct{})}
					s.children, byName[name] = append(s.children, c), c
					if after, ok := tc.ends[name]; ok {
						time.AfterFunc(after, func() { close(c.ended) })
					}
				}
				if got := s.cause(byName[tc.seen]).name; got != tc.want {
					t.Errorf("%s: got %s, want %s", tc.reason, got, tc.want)
				}
			})
		})
	}
}
