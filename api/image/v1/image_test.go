// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v1_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
)

func TestImageRefString(t *testing.T) {
	ref := imagev1.ImageRef{Name: "ghcr.io/org/app", Tag: "1.2.3"}
	if got, want := ref.String(), "ghcr.io/org/app:1.2.3"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	ref.Digest = "sha256:ab"
	if got, want := ref.String(), "ghcr.io/org/app:1.2.3@sha256:ab"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestImageRepositoryTimeout(t *testing.T) {
	cases := map[string]struct {
		reason   string
		interval time.Duration
		timeout  *metav1.Duration
		want     time.Duration
	}{
		"Default":  {reason: "The default is the interval.", interval: 5 * time.Minute, want: 5 * time.Minute},
		"Given":    {reason: "A timeout of the spec counts.", interval: time.Hour, timeout: &metav1.Duration{Duration: time.Minute}, want: time.Minute},
		"TooShort": {reason: "At least a second is given, also without an interval.", want: time.Second},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			repo := imagev1.ImageRepository{}
			repo.Spec.Interval.Duration = tc.interval
			repo.Spec.Timeout = tc.timeout
			if got := repo.GetTimeout(); got != tc.want {
				t.Errorf("%s: got %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
}

func TestImagePolicyRequeueAfter(t *testing.T) {
	cases := map[string]struct {
		reason   string
		policy   imagev1.ReflectionPolicy
		interval *metav1.Duration
		want     time.Duration
	}{
		"Default":    {reason: "Without a policy digests are not looked up."},
		"Never":      {reason: "An interval alone asks for nothing.", policy: imagev1.ReflectNever, interval: &metav1.Duration{Duration: time.Hour}},
		"Always":     {reason: "Always looks again after the interval.", policy: imagev1.ReflectAlways, interval: &metav1.Duration{Duration: time.Hour}, want: time.Hour},
		"AlwaysZero": {reason: "An interval of 0 means ten minutes.", policy: imagev1.ReflectAlways, interval: &metav1.Duration{}, want: 10 * time.Minute},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := imagev1.ImagePolicy{}
			p.Spec.DigestReflectionPolicy = tc.policy
			p.Spec.Interval = tc.interval
			if got := p.GetRequeueAfter(); got != tc.want {
				t.Errorf("%s: got %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
}
