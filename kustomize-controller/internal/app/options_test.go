// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/weir-gitops/weir/kit/testkit/process"
)

func TestOptions(t *testing.T) {
	process.TestFlags(t, Program, map[string]process.Flags{
		"Defaults":   {Reason: "The defaults are valid."},
		"Values":     {Reason: "So is what people set.", Args: []string{"--concurrent=10", "--concurrent-ssa", "8", "--no-remote-bases", "--override-manager=a", "--override-manager=b", "--custom-apply-stage-kinds=example.com/Kind"}},
		"EmptyLater": {Reason: "Flags for what is not supported yet are accepted while they ask for nothing.", Args: []string{"--sops-age-secret=", "--token-cache-max-size=0"}},
		"Everything": {
			Reason: "All problems are named at once.", Args: []string{"--concurrent-ssa=0", "--http-retry=-1", "--custom-apply-stage-kinds=a/b/c"},
			Refused: []string{"--concurrent-ssa", "--http-retry", "--custom-apply-stage-kinds"},
		},
		"Unsupported": {
			Reason: "A key that would not be used is refused.", Args: []string{"--sops-age-secret=keys", "--default-decryption-service-account=kms"},
			Refused: []string{"--sops-age-secret", "--default-decryption-service-account"},
		},
		"UnknownGate": {Reason: "A gate that nobody knows.", Args: []string{"--feature-gates=NoSuchGate=true"}, Refused: []string{"NoSuchGate"}},
	})
}

func TestArtifactCachePath(t *testing.T) {
	o := NewOptions()
	o.BindFlags(pflag.NewFlagSet("test", pflag.ContinueOnError))
	if strings.HasPrefix(filepath.Base(o.ArtifactCachePath), "kustomize-") {
		t.Errorf("builds refuse an artifact in %s: the folder name belongs to kustomize", o.ArtifactCachePath)
	}
}
