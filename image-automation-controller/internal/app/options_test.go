// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/weir-gitops/weir/kit/manager"
)

// Every flag of the contract is known, so that Deployments written for the compatibility target start.
// Flux: image-automation-controller contract, "Flags" and "Feature gates".
func TestFlags(t *testing.T) {
	args := []string{
		"--metrics-addr=:0", "--events-addr=", "--health-addr=:0", "--concurrent=3", "--requeue-dependency=5s", "--storage-path=" + t.TempDir(),
		"--storage-value-log-file-size=1", "--storage-compression-threshold=1", "--gc-interval=0",
		"--ssh-kex-algos=curve25519-sha256", "--ssh-hostkey-algos=ssh-ed25519,rsa-sha2-512", "--default-service-account=x", "--no-cross-namespace-refs=true",
		"--watch-all-namespaces=true", "--watch-label-selector=sharding.fluxcd.io/key=shard1", "--watch-configs-label-selector=x=y",
		"--min-retry-delay=1s", "--max-retry-delay=1m", "--kube-api-qps=1", "--kube-api-burst=1", "--log-level=debug", "--log-encoding=console",
		"--enable-leader-election", "--leader-election-release-on-cancel=false", "--leader-election-lease-duration=35s",
		"--leader-election-renew-deadline=30s", "--leader-election-retry-period=5s", "--token-cache-max-size=0", "--token-cache-max-duration=1h",
		"--feature-gates=GitForcePushBranch=false,GitShallowClone=false,GitAllBranchReferences=false,GitSparseCheckout=true,FluxStorage=true," +
			"CacheSecretsAndConfigMaps=true,ObjectLevelWorkloadIdentity=true", "--version",
	}
	var out bytes.Buffer
	if code := manager.Run(t.Context(), Program(), args, &out, &out); code != 0 || !strings.HasPrefix(out.String(), name+" ") {
		t.Errorf("code %d: %s", code, &out)
	}
}

func TestBadFlags(t *testing.T) {
	cases := map[string]struct {
		reason string
		flags  []string
	}{
		"Unknown":     {"A flag nobody has.", []string{"--nonsense"}},
		"AutoLogin":   {"One that was removed long ago.", []string{"--aws-autologin-for-ecr"}},
		"Jitter":      {"One that this controller does not have.", []string{"--interval-jitter-percentage=1"}},
		"Gate":        {"An unknown feature gate.", []string{"--feature-gates=Nonsense=true"}},
		"Duration":    {"A duration that does not parse.", []string{"--requeue-dependency=soon"}},
		"GCNegative":  {"A number below zero.", []string{"--gc-interval=-1"}},
		"GCLarge":     {"A number that is too large.", []string{"--gc-interval=65536"}},
		"Compression": {"A threshold that makes no sense.", []string{"--feature-gates=FluxStorage=true", "--storage-compression-threshold=0"}},
		"Account":     {"An identity without its gate.", []string{"--default-service-account=x"}},
		"Kex":         {"An algorithm SSH does not have.", []string{"--ssh-kex-algos=rot13"}},
		"HostKey":     {"The same for host keys.", []string{"--ssh-hostkey-algos=rot13"}},
		"LogLevel":    {"A level that does not exist.", []string{"--log-level=loud"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if code := manager.Run(t.Context(), Program(), tc.flags, &out, &out); code != 1 {
				t.Errorf("%s\ncode %d: %s", tc.reason, code, &out)
			}
		})
	}
}

// What this binary must not link: weight that none of its jobs needs.
func TestLink(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "github.com/weir-gitops/weir/image-automation-controller").Output()
	if err != nil {
		t.Fatal(err)
	}
	forbidden := []string{
		"helm.sh/", "github.com/fluxcd/pkg/ssa", "github.com/fluxcd/pkg/kustomize", "github.com/fluxcd/pkg/git/", "github.com/getsops/",
		"github.com/aws/", "github.com/Azure/azure-sdk", "cloud.google.com/", "github.com/sigstore/cosign", "github.com/dgraph-io/badger",
		"github.com/weir-gitops/weir/kit/apply", "github.com/weir-gitops/weir/kit/testkit", "github.com/weir-gitops/weir/source-controller",
	}
	for dep := range strings.Lines(string(out)) {
		for _, prefix := range forbidden {
			if strings.HasPrefix(dep, prefix) {
				t.Errorf("links %s", strings.TrimSpace(dep))
			}
		}
	}
}
