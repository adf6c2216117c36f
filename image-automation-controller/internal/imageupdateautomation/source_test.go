// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imageupdateautomation

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/git"
)

// Flux: image-automation-controller contract, "Source resolution".
func TestPlan(t *testing.T) {
	type ref = sourcev1.GitRepositoryRef
	cases := map[string]struct {
		reason   string
		repo     *ref
		checkout *ref
		push     string
		want     git.Reference
		branch   string
		switches bool
		bad      bool
	}{
		"Repository":   {reason: "The reference of the repository.", repo: &ref{Branch: "main"}, want: git.Reference{Branch: "main"}, branch: "main"},
		"Checkout":     {reason: "The own one replaces it whole.", repo: &ref{Branch: "main", Tag: "v1"}, checkout: &ref{Branch: "dev"}, want: git.Reference{Branch: "dev"}, branch: "dev"},
		"Push":         {reason: "Another branch to push to.", repo: &ref{Branch: "main"}, push: "auto", want: git.Reference{Branch: "main"}, branch: "auto", switches: true},
		"SamePush":     {reason: "The same branch, said twice.", repo: &ref{Branch: "main"}, push: "main", want: git.Reference{Branch: "main"}, branch: "main"},
		"NoReference":  {reason: "Nothing said but where to push.", push: "auto", branch: "auto", switches: true},
		"Default":      {reason: "The default branch.", push: "master", branch: "master"},
		"Tag":          {reason: "A tag needs a branch to push to.", repo: &ref{Tag: "v1"}, push: "auto", want: git.Reference{Tag: "v1"}, branch: "auto", switches: true},
		"TagAlone":     {reason: "And has none of its own.", repo: &ref{Tag: "v1"}, bad: true},
		"Nothing":      {reason: "Nor has nothing at all.", bad: true},
		"EmptyOverlay": {reason: "Or an empty reference.", repo: &ref{Branch: "main"}, checkout: &ref{}, bad: true},
		"Commit":       {reason: "The branch next to a commit is pushed to.", repo: &ref{Branch: "main", Commit: "c"}, want: git.Reference{Branch: "main", Commit: "c"}, branch: "main"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			repo := &sourcev1.GitRepository{Spec: sourcev1.GitRepositorySpec{URL: "https://u:p@example.com/x?y", Reference: tc.repo}}
			o := &imagev1.ImageUpdateAutomation{Spec: imagev1.ImageUpdateAutomationSpec{GitSpec: &imagev1.GitSpec{}}}
			if tc.checkout != nil {
				o.Spec.GitSpec.Checkout = &imagev1.GitCheckoutSpec{Reference: *tc.checkout}
			}
			if tc.push != "" {
				o.Spec.GitSpec.Push = &imagev1.PushSpec{Branch: tc.push}
			}
			got, err := newPlan(o, repo)
			if (err != nil) != tc.bad {
				t.Fatalf("%s\n%v", tc.reason, err)
			}
			if tc.bad {
				return
			}
			if diff := cmp.Diff(tc.want, got.ref); diff != "" || got.branch != tc.branch || got.switches != tc.switches || got.url != "https://example.com/x" || got.timeout != time.Minute {
				t.Errorf("%s\n%+v %s", tc.reason, got, diff)
			}
		})
	}
}
