// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-gitops/weir/kit/manager"
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
		"--default-service-account=x", "--version",
	}
	var out bytes.Buffer
	if code := manager.Run(t.Context(), Program(), args, &out, &out); code != 0 || !strings.HasPrefix(out.String(), "source-controller ") {
		t.Errorf("code %d: %s", code, &out)
	}
}

func TestBadFlags(t *testing.T) {
	cases := map[string]struct {
		reason string
		flag   string
	}{
		"Gate":             {"An unknown feature gate.", "--feature-gates=Nonsense=true"},
		"Digest":           {"An unknown hash.", "--artifact-digest-algo=md5"},
		"StoragePath":      {"A storage directory that is not there.", "--storage-path=" + filepath.Join(t.TempDir(), "missing")},
		"StorageAddr":      {"An address without port.", "--storage-addr=nonsense"},
		"Jitter":           {"More jitter than interval.", "--interval-jitter-percentage=100"},
		"Selector":         {"A label selector that does not parse.", "--watch-label-selector=a=b=c"},
		"Account":          {"An identity without its gate.", "--default-service-account=x"},
		"Kex":              {"An algorithm SSH does not have.", "--ssh-kex-algos=rot13"},
		"HostKey":          {"The same for host keys.", "--ssh-hostkey-algos=rot13"},
		"HelmCache":        {"A duration that does not parse.", "--helm-cache-ttl=soon"},
		"HelmChartSize":    {"A limit that nothing keeps.", "--helm-chart-max-size=0"},
		"CrossNamespace":   {"A flag that this controller does not have.", "--no-cross-namespace-refs"},
		"UnknownArguments": {"Words that belong to no flag.", "true"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if code := manager.Run(t.Context(), Program(), []string{"--storage-path=" + t.TempDir(), tc.flag}, &out, &out); code != 1 {
				t.Errorf("%s\ncode %d: %s", tc.reason, code, &out)
			}
		})
	}
}
