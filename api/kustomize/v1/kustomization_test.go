// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v1_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
)

func TestGetTimeout(t *testing.T) {
	cases := map[string]struct {
		reason   string
		interval time.Duration
		timeout  *metav1.Duration
		want     time.Duration
	}{
		"Given": {
			reason:   "A timeout of the spec is taken as it is.",
			interval: time.Hour,
			timeout:  &metav1.Duration{Duration: 3 * time.Minute},
			want:     3 * time.Minute,
		},
		"LongerThanInterval": {
			reason:   "A timeout of the spec may exceed the interval.",
			interval: time.Minute,
			timeout:  &metav1.Duration{Duration: 5 * time.Minute},
			want:     5 * time.Minute,
		},
		"Default": {
			reason:   "Without a timeout the wait ends 30 seconds before the next run.",
			interval: 10 * time.Minute,
			want:     9*time.Minute + 30*time.Second,
		},
		"DefaultOfShortInterval": {
			reason:   "At least 30 seconds are given, however short the interval.",
			interval: 40 * time.Second,
			want:     30 * time.Second,
		},
		"GivenTooShort": {
			reason:   "At least 30 seconds are given, also when less is asked for.",
			interval: time.Hour,
			timeout:  &metav1.Duration{Duration: 5 * time.Second},
			want:     30 * time.Second,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			ks := kustomizev1.Kustomization{}
			ks.Spec.Interval.Duration = tc.interval
			ks.Spec.Timeout = tc.timeout
			if got := ks.GetTimeout(); got != tc.want {
				t.Errorf("%s: got %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
}

func TestGetRetryInterval(t *testing.T) {
	ks := kustomizev1.Kustomization{}
	ks.Spec.Interval.Duration = 10 * time.Minute
	if got := ks.GetRetryInterval(); got != 10*time.Minute {
		t.Errorf("without a retry interval: got %s, want the interval", got)
	}
	ks.Spec.RetryInterval = &metav1.Duration{Duration: 2 * time.Minute}
	if got := ks.GetRetryInterval(); got != 2*time.Minute {
		t.Errorf("with a retry interval: got %s, want it", got)
	}
}

func TestDefaults(t *testing.T) {
	ks := kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Namespace: "apps"}}
	if got := ks.GetDeletionPolicy(); got != kustomizev1.DeletionPolicyMirrorPrune {
		t.Errorf("deletion policy: got %s, want %s", got, kustomizev1.DeletionPolicyMirrorPrune)
	}
	if got := ks.GetSourceNamespace(); got != "apps" {
		t.Errorf("source namespace: got %s, want that of the object", got)
	}
	ks.Spec.DeletionPolicy = kustomizev1.DeletionPolicyOrphan
	ks.Spec.SourceRef = kustomizev1.CrossNamespaceSourceReference{Kind: "GitRepository", Name: "fleet", Namespace: "flux-system"}
	if got := ks.GetDeletionPolicy(); got != kustomizev1.DeletionPolicyOrphan {
		t.Errorf("deletion policy: got %s, want %s", got, kustomizev1.DeletionPolicyOrphan)
	}
	if got := ks.GetSourceNamespace(); got != "flux-system" {
		t.Errorf("source namespace: got %s, want that of the reference", got)
	}
	if got, want := ks.Spec.SourceRef.String(), "GitRepository/flux-system/fleet"; got != want {
		t.Errorf("source: got %s, want %s", got, want)
	}
}
