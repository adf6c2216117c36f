// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"path/filepath"
	"testing"

	"github.com/weir-gitops/weir/kit/testkit/process"
)

// Every flag of the contract is known, so that Deployments written for the compatibility target start.
// Flux: source-controller contract, "Flags".
func TestFlags(t *testing.T) {
	dir := t.TempDir()
	args := []string{
		"--metrics-addr=:0", "--events-addr=", "--health-addr=:0", "--concurrent=3", "--requeue-dependency=5s",
		"--storage-path=" + dir, "--storage-addr=:9090", "--storage-adv-addr=source-controller.flux-system.svc.cluster.local.",
		"--artifact-retention-ttl=1m", "--artifact-retention-records=3", "--artifact-digest-algo=blake3",
		"--helm-index-max-size=1", "--helm-chart-max-size=1", "--helm-chart-file-max-size=1", "--helm-cache-max-size=1", "--helm-cache-ttl=1m",
		"--helm-cache-purge-interval=1m", "--ssh-kex-algos=curve25519-sha256", "--ssh-hostkey-algos=ssh-ed25519,rsa-sha2-512",
		"--token-cache-max-size=1", "--token-cache-max-duration=1h", "--interval-jitter-percentage=10", "--min-retry-delay=1s", "--max-retry-delay=1m",
		"--kube-api-qps=1", "--kube-api-burst=1", "--watch-all-namespaces=true", "--watch-label-selector=sharding.fluxcd.io/key=shard1",
		"--watch-configs-label-selector=x=y", "--enable-leader-election", "--leader-election-release-on-cancel=false",
		"--leader-election-lease-duration=35s", "--leader-election-renew-deadline=30s", "--leader-election-retry-period=5s",
		"--log-level=debug", "--log-encoding=console", "--feature-gates=ObjectLevelWorkloadIdentity=true,OptimizedGitClones=true,CacheSecretsAndConfigMaps=true",
		"--default-service-account=x",
	}
	process.TestFlags(t, Program, map[string]process.Flags{"Contract": {Reason: "All of them are good.", Args: args}})
}

func TestBadFlags(t *testing.T) {
	storage := "--storage-path=" + t.TempDir()
	process.TestFlags(t, Program, map[string]process.Flags{
		"Gate":             {Reason: "An unknown feature gate.", Args: []string{storage, "--feature-gates=Nonsense=true"}, Refused: []string{"--feature-gates"}},
		"Digest":           {Reason: "An unknown hash.", Args: []string{storage, "--artifact-digest-algo=md5"}, Refused: []string{"--artifact-digest-algo"}},
		"StoragePath":      {Reason: "A storage directory that is not there.", Args: []string{storage, "--storage-path=" + filepath.Join(t.TempDir(), "missing")}, Refused: []string{"--storage-path"}},
		"StorageAddr":      {Reason: "An address without port.", Args: []string{storage, "--storage-addr=nonsense"}, Refused: []string{"--storage-addr"}},
		"Jitter":           {Reason: "More jitter than interval.", Args: []string{storage, "--interval-jitter-percentage=100"}, Refused: []string{"--interval-jitter-percentage"}},
		"Selector":         {Reason: "A label selector that does not parse.", Args: []string{storage, "--watch-label-selector=a=b=c"}, Refused: []string{"--watch-label-selector"}},
		"Account":          {Reason: "An identity without its gate.", Args: []string{storage, "--default-service-account=x"}, Refused: []string{"--default-service-account"}},
		"Kex":              {Reason: "An algorithm SSH does not have.", Args: []string{storage, "--ssh-kex-algos=rot13"}, Refused: []string{"--ssh-kex-algos"}},
		"HostKey":          {Reason: "The same for host keys.", Args: []string{storage, "--ssh-hostkey-algos=rot13"}, Refused: []string{"--ssh-hostkey-algos"}},
		"HelmCache":        {Reason: "A duration that does not parse.", Args: []string{storage, "--helm-cache-ttl=soon"}, Refused: []string{"--helm-cache-ttl"}},
		"HelmChartSize":    {Reason: "A limit that nothing keeps.", Args: []string{storage, "--helm-chart-max-size=0"}, Refused: []string{"--helm-chart-max-size"}},
		"CrossNamespace":   {Reason: "A flag that this controller does not have.", Args: []string{storage, "--no-cross-namespace-refs"}, Refused: []string{"no-cross-namespace-refs"}},
		"UnknownArguments": {Reason: "Words that belong to no flag.", Args: []string{storage, "true"}, Refused: []string{"true"}},
	})
}
