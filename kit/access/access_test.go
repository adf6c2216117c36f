// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"errors"
	"fmt"
	"testing"

	"github.com/fluxcd/pkg/runtime/acl"
)

func TestNamespaced(t *testing.T) {
	cases := map[string]struct {
		reason  string
		blocked bool
		to      Reference
		want    string
	}{
		"Allowed": {
			reason: "Without the flag a reference may go anywhere.",
			to:     Reference{Kind: "GitRepository", Namespace: "team-b", Name: "app"},
		},
		"SameNamespace": {
			reason:  "The flag leaves references inside the namespace alone.",
			blocked: true,
			to:      Reference{Kind: "GitRepository", Namespace: "team-a", Name: "app"},
		},
		"DefaultedNamespace": {
			reason:  "No namespace in the reference means that of the object.",
			blocked: true,
			to:      Reference{Kind: "GitRepository", Name: "app"},
		},
		"Blocked": {
			reason:  "The flag refuses other namespaces with the text of the contract.",
			blocked: true,
			to:      Reference{Kind: "GitRepository", Namespace: "team-b", Name: "app"},
			want:    "can't access 'GitRepository/team-b/app', cross-namespace references have been blocked",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			checkDenied(t, tc.reason, Namespaced(acl.Options{NoCrossNamespaceRefs: tc.blocked}, "team-a", tc.to), tc.want)
		})
	}
}

func TestGated(t *testing.T) {
	to := Reference{Kind: "ExternalArtifact", Namespace: "team-a", Name: "app"}
	checkDenied(t, "A gate that is on lets the reference through.", Gated(true, "ExternalArtifact", to), "")
	checkDenied(t, "A gate that is off refuses it with the text of the contract.", Gated(false, "ExternalArtifact", to),
		"can't access 'ExternalArtifact/team-a/app', ExternalArtifact feature gate is disabled")
}

func checkDenied(t *testing.T, reason string, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("%s\nunexpected error: %v", reason, err)
		}
		return
	}
	denied, ok := errors.AsType[acl.AccessDeniedError](fmt.Errorf("resolve: %w", err))
	if !ok || denied.Error() != want {
		t.Errorf("%s\ngot %v, want access denied: %s", reason, err, want)
	}
}
