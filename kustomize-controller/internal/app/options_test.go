// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/weir-gitops/weir/kit/manager"
)

func TestOptions(t *testing.T) {
	cases := map[string]struct {
		reason string
		args   []string
		want   []string
	}{
		"Defaults":    {reason: "The defaults are valid."},
		"Values":      {reason: "So is what people set.", args: []string{"--concurrent=10", "--concurrent-ssa", "8", "--no-remote-bases", "--override-manager=a", "--override-manager=b", "--custom-apply-stage-kinds=example.com/Kind"}},
		"EmptyLater":  {reason: "Flags for what is not supported yet are accepted while they ask for nothing.", args: []string{"--sops-age-secret=", "--token-cache-max-size=0"}},
		"Everything":  {reason: "All problems are named at once.", args: []string{"--concurrent-ssa=0", "--http-retry=-1", "--custom-apply-stage-kinds=a/b/c"}, want: []string{"--concurrent-ssa", "--http-retry", "--custom-apply-stage-kinds"}},
		"Unsupported": {reason: "A key that would not be used is refused.", args: []string{"--sops-age-secret=keys", "--default-decryption-service-account=kms"}, want: []string{"--sops-age-secret", "--default-decryption-service-account"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := NewOptions()
			fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
			o.BindFlags(fs)
			if err := fs.Parse(tc.args); err != nil {
				t.Fatal(err)
			}
			err := o.Validate()
			if (err != nil) != (len(tc.want) > 0) {
				t.Fatalf("%s\nValidate() = %v", tc.reason, err)
			}
			for _, flag := range tc.want {
				if !strings.Contains(err.Error(), flag) {
					t.Errorf("%s\n%q does not name %s", tc.reason, err, flag)
				}
			}
		})
	}
}

func TestArtifactCachePath(t *testing.T) {
	o := NewOptions()
	o.BindFlags(pflag.NewFlagSet("test", pflag.ContinueOnError))
	if strings.HasPrefix(filepath.Base(o.ArtifactCachePath), "kustomize-") {
		t.Errorf("builds refuse an artifact in %s: the folder name belongs to kustomize", o.ArtifactCachePath)
	}
}

func TestUnknownGate(t *testing.T) {
	var out bytes.Buffer
	if code := manager.Run(t.Context(), Program(), []string{"--feature-gates=NoSuchGate=true"}, &out, &out); code != 1 || !strings.Contains(out.String(), "NoSuchGate") {
		t.Errorf("an unknown gate must stop the process, got %d: %s", code, out.String())
	}
}
