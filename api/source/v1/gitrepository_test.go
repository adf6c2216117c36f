// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package v1_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
)

func TestVerificationMode(t *testing.T) {
	cases := map[string]struct {
		reason    string
		mode      sourcev1.GitVerificationMode
		want      sourcev1.GitVerificationMode
		tag, head bool
	}{
		"Absent":     {reason: "The default is the commit.", mode: "", want: sourcev1.ModeGitHEAD, head: true},
		"OldHead":    {reason: "The lower-case spelling is an alias.", mode: "head", want: sourcev1.ModeGitHEAD, head: true},
		"Head":       {reason: "HEAD looks at the commit only.", mode: "HEAD", want: sourcev1.ModeGitHEAD, head: true},
		"Tag":        {reason: "Tag looks at the tag only.", mode: "Tag", want: sourcev1.ModeGitTag, tag: true},
		"TagAndHEAD": {reason: "TagAndHEAD looks at both.", mode: "TagAndHEAD", want: sourcev1.ModeGitTagAndHEAD, tag: true, head: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			v := &sourcev1.GitRepositoryVerification{Mode: tc.mode}
			if got := v.GetMode(); got != tc.want {
				t.Errorf("%s: mode %s, want %s", tc.reason, got, tc.want)
			}
			if got := v.VerifiesTag(); got != tc.tag {
				t.Errorf("%s: tag %t, want %t", tc.reason, got, tc.tag)
			}
			if got := v.VerifiesHEAD(); got != tc.head {
				t.Errorf("%s: head %t, want %t", tc.reason, got, tc.head)
			}
		})
	}
}

func TestTimeouts(t *testing.T) {
	given := &metav1.Duration{Duration: 5 * time.Second}
	cases := map[string]struct {
		absent, given interface{ GetTimeout() time.Duration }
	}{
		"GitRepository":  {&sourcev1.GitRepository{}, &sourcev1.GitRepository{Spec: sourcev1.GitRepositorySpec{Timeout: given}}},
		"OCIRepository":  {&sourcev1.OCIRepository{}, &sourcev1.OCIRepository{Spec: sourcev1.OCIRepositorySpec{Timeout: given}}},
		"HelmRepository": {&sourcev1.HelmRepository{}, &sourcev1.HelmRepository{Spec: sourcev1.HelmRepositorySpec{Timeout: given}}},
		"Bucket":         {&sourcev1.Bucket{}, &sourcev1.Bucket{Spec: sourcev1.BucketSpec{Timeout: given}}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := tc.absent.GetTimeout(); got != time.Minute {
				t.Errorf("absent: got %s, want 1m", got)
			}
			if got := tc.given.GetTimeout(); got != 5*time.Second {
				t.Errorf("given: got %s, want 5s", got)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	include := &sourcev1.GitRepositoryInclude{}
	include.GitRepositoryRef.Name = "shared"
	if got := include.GetToPath(); got != "shared" {
		t.Errorf("toPath: got %s, want the name of the repository", got)
	}
	include.ToPath = "vendor/shared"
	if got := include.GetToPath(); got != "vendor/shared" {
		t.Errorf("toPath: got %s, want that of the spec", got)
	}
	if got := (&sourcev1.HelmRepository{}).GetRequeueAfter(); got != time.Minute {
		t.Errorf("interval of a HelmRepository: got %s, want 1m", got)
	}
	oci := &sourcev1.OCIRepository{}
	if got := oci.GetLayerOperation(); got != sourcev1.OCILayerExtract {
		t.Errorf("layer operation: got %s, want %s", got, sourcev1.OCILayerExtract)
	}
	oci.Spec.LayerSelector = &sourcev1.OCILayerSelector{MediaType: "text/plain", Operation: sourcev1.OCILayerCopy}
	if got := oci.GetLayerOperation(); got != sourcev1.OCILayerCopy {
		t.Errorf("layer operation: got %s, want %s", got, sourcev1.OCILayerCopy)
	}
	if got := oci.GetLayerMediaType(); got != "text/plain" {
		t.Errorf("layer media type: got %s, want text/plain", got)
	}
}
