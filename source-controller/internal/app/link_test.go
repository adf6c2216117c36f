// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"os/exec"
	"strings"
	"testing"
)

// What this binary must not link: weight that none of its jobs needs.
func TestLinks(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "github.com/weir-gitops/weir/source-controller").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	// Of Helm only what reads and packs charts.
	forbidden := []string{
		"helm.sh/helm/v3/pkg/action", "helm.sh/helm/v3/pkg/engine", "helm.sh/helm/v3/pkg/kube", "helm.sh/helm/v3/pkg/registry", "helm.sh/helm/v3/pkg/repo",
		"helm.sh/helm/v3/pkg/getter", "helm.sh/helm/v3/pkg/storage", "github.com/fluxcd/pkg/ssa", "github.com/fluxcd/pkg/kustomize", "github.com/fluxcd/pkg/git/", "github.com/getsops/",
		"sigs.k8s.io/kustomize/", "k8s.io/cli-runtime", "k8s.io/kubectl", "github.com/fluxcd/cli-utils/pkg/kstatus",
		"github.com/aws/", "github.com/Azure/azure-sdk", "cloud.google.com/", "github.com/sigstore/cosign", "github.com/weir-gitops/weir/kit/apply",
		"github.com/weir-gitops/weir/kit/testkit", "github.com/weir-gitops/weir/kustomize-controller",
	}
	for dep := range strings.Lines(string(out)) {
		for _, prefix := range forbidden {
			if strings.HasPrefix(dep, prefix) {
				t.Errorf("links %s", strings.TrimSpace(dep))
			}
		}
	}
}
