// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/weir-gitops/weir/kit/testkit/process"
)

func TestOptions(t *testing.T) {
	process.TestFlags(t, Program, map[string]process.Flags{
		"Defaults":   {Reason: "The defaults are valid."},
		"Values":     {Reason: "So is what people set.", Args: []string{"--concurrent=10", "--override-manager=a", "--override-manager=b", "--snapshot-digest-algo=blake3", "--graceful-shutdown-timeout=1m", "--oom-watch-interval=1s"}},
		"EmptyLater": {Reason: "Flags for what is not supported yet are accepted while they ask for nothing.", Args: []string{"--default-kubeconfig-service-account=", "--token-cache-max-size=0"}},
		"Everything": {
			Reason:  "All problems are named at once.",
			Args:    []string{"--http-retry=-1", "--http-timeout=0s", "--snapshot-digest-algo=md5", "--oom-watch-interval=1ms", "--oom-watch-memory-threshold=101"},
			Refused: []string{"--http-retry", "--http-timeout", "--snapshot-digest-algo", "--oom-watch-interval", "--oom-watch-memory-threshold"},
		},
		"Unsupported": {Reason: "An identity that would not be used is refused.", Args: []string{"--default-kubeconfig-service-account=x"}, Refused: []string{"--default-kubeconfig-service-account"}},
		"UnknownGate": {Reason: "A gate that nobody knows.", Args: []string{"--feature-gates=NoSuchGate=true"}, Refused: []string{"NoSuchGate"}},
	})
}

// TestFlags compares the flags with the table of the contract, section 17.1.
func TestFlags(t *testing.T) {
	want := map[string]string{
		"concurrent": "4", "default-service-account": "", "default-kubeconfig-service-account": "", "enable-leader-election": "false",
		"leader-election-release-on-cancel": "true", "leader-election-lease-duration": "35s", "leader-election-renew-deadline": "30s",
		"leader-election-retry-period": "5s", "events-addr": "", "graceful-shutdown-timeout": "10m0s", "health-addr": ":9440",
		"metrics-addr": ":8080", "http-retry": "9", "http-timeout": "30s", "insecure-kubeconfig-exec": "false", "insecure-kubeconfig-tls": "false",
		"interval-jitter-percentage": "5", "kube-api-qps": "50", "kube-api-burst": "300", "log-encoding": "json", "log-level": "info",
		"min-retry-delay": "750ms", "max-retry-delay": "15m0s", "no-cross-namespace-refs": "false", "oom-watch-interval": "500ms",
		"oom-watch-memory-threshold": "95", "oom-watch-max-memory-path": "", "oom-watch-current-memory-path": "", "override-manager": "[]",
		"requeue-dependency": "30s", "snapshot-digest-algo": "sha256", "token-cache-max-size": "100", "token-cache-max-duration": "1h0m0s",
		"watch-all-namespaces": "true", "watch-configs-label-selector": "reconcile.fluxcd.io/watch=Enabled", "watch-label-selector": "",
	}
	o := NewOptions()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	o.BindFlags(fs)
	got := map[string]string{}
	for name := range want {
		if f := fs.Lookup(name); f != nil {
			got[name] = f.DefValue
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("flags (-contract +got):\n%s", diff)
	}
}

// TestGates compares the feature gates with the table of the contract, section 17.1.
func TestGates(t *testing.T) {
	want := []string{
		"AdditiveCELDependencyCheck", "AdoptLegacyReleases", "AllowDNSLookups", "CacheSecretsAndConfigMaps", "CancelHealthCheckOnNewRevision",
		"CorrectDrift", "DefaultToRetryOnFailure", "DetectDrift", "DirectSourceFetch", "DisableChartDigestTracking", "DisableConfigWatchers",
		"ExternalArtifact", "OOMWatch", "ObjectLevelWorkloadIdentity", "UseHelm3Defaults",
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(gates()))); diff != "" {
		t.Errorf("gates (-contract +got):\n%s", diff)
	}
	for gate, on := range gates() {
		if on {
			t.Errorf("gate %s has to be off by default", gate)
		}
	}
}
