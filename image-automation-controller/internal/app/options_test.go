// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/weir-gitops/weir/kit/testkit/process"
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
			"CacheSecretsAndConfigMaps=true,ObjectLevelWorkloadIdentity=true",
	}
	process.TestFlags(t, Program, map[string]process.Flags{"Contract": {Reason: "All of them are good.", Args: args}})
}

func TestBadFlags(t *testing.T) {
	process.TestFlags(t, Program, map[string]process.Flags{
		"Unknown":     {Reason: "A flag nobody has.", Args: []string{"--nonsense"}, Refused: []string{"nonsense"}},
		"AutoLogin":   {Reason: "One that was removed long ago.", Args: []string{"--aws-autologin-for-ecr"}, Refused: []string{"aws-autologin-for-ecr"}},
		"Jitter":      {Reason: "One that this controller does not have.", Args: []string{"--interval-jitter-percentage=1"}, Refused: []string{"interval-jitter-percentage"}},
		"Gate":        {Reason: "An unknown feature gate.", Args: []string{"--feature-gates=Nonsense=true"}, Refused: []string{"feature-gates"}},
		"Duration":    {Reason: "A duration that does not parse.", Args: []string{"--requeue-dependency=soon"}, Refused: []string{"requeue-dependency"}},
		"GCNegative":  {Reason: "A number below zero.", Args: []string{"--gc-interval=-1"}, Refused: []string{"gc-interval"}},
		"GCLarge":     {Reason: "A number that is too large.", Args: []string{"--gc-interval=65536"}, Refused: []string{"gc-interval"}},
		"Compression": {Reason: "A threshold that makes no sense.", Args: []string{"--feature-gates=FluxStorage=true", "--storage-compression-threshold=0"}, Refused: []string{"storage-compression-threshold"}},
		"Account":     {Reason: "An identity without its gate.", Args: []string{"--default-service-account=x"}, Refused: []string{"default-service-account"}},
		"Kex":         {Reason: "An algorithm SSH does not have.", Args: []string{"--ssh-kex-algos=rot13"}, Refused: []string{"ssh-kex-algos"}},
		"HostKey":     {Reason: "The same for host keys.", Args: []string{"--ssh-hostkey-algos=rot13"}, Refused: []string{"ssh-hostkey-algos"}},
		"LogLevel":    {Reason: "A level that does not exist.", Args: []string{"--log-level=loud"}, Refused: []string{"log-level"}},
	})
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
