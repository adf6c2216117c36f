// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imagerepository

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
)

// Who says how long a scan may take is not overruled.
func TestPageTimeout(t *testing.T) {
	o := &imagev1.ImageRepository{}
	o.Spec.Interval.Duration = time.Hour
	if got := pageTimeout(o); got != patience {
		t.Errorf("by default: %s", got)
	}
	o.Spec.Timeout = &metav1.Duration{Duration: 5 * time.Minute}
	if got := pageTimeout(o); got != 0 {
		t.Errorf("with a timeout: %s", got)
	}
}
