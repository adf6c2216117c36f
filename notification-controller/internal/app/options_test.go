// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"io"
	"testing"

	"github.com/weir-gitops/weir/kit/testkit/process"
)

func TestOptions(t *testing.T) {
	process.TestFlags(t, Program, map[string]process.Flags{
		"Defaults": {Reason: "The defaults are valid."},
		"Shipped":  {Reason: "So are the arguments that manifests use.", Args: []string{"--watch-all-namespaces=true", "--log-level=info", "--log-encoding=json", "--enable-leader-election"}},
		"Values":   {Reason: "So is what people set.", Args: []string{"--events-addr=:1", "--receiverAddr=127.0.0.1:2", "--rate-limit-interval=-1s", "--token-cache-max-size=0", "--outbox-max-size=8388608", "--no-cross-namespace-refs", "--export-http-path-metrics"}},
		"Everything": {
			Reason:  "All problems are named at once.",
			Args:    []string{"--events-addr=x", "--receiverAddr=", "--outbox-path=", "--outbox-max-size=1", "--outbox-max-age=0", "--token-cache-max-size=-1"},
			Refused: []string{"--events-addr", "--receiverAddr", "--outbox-path", "--outbox-max-size", "--outbox-max-age", "--token-cache-max-size"},
		},
		"AccountWithoutGate": {Reason: "A default service account needs the gate.", Args: []string{"--default-service-account=x"}, Refused: []string{"ObjectLevelWorkloadIdentity"}},
		"AccountWithGate": {
			Reason: "And is not supported yet.", Args: []string{"--default-service-account=x", "--feature-gates=ObjectLevelWorkloadIdentity=true"},
			Refused: []string{"not supported yet"},
		},
		"UnknownGate": {Reason: "A gate that nobody knows.", Args: []string{"--feature-gates=NoSuchGate=true"}, Refused: []string{"NoSuchGate"}},
	})
}

// What the environment says of the address of events is about the others: the controller would post events to itself.
func TestEventsAddress(t *testing.T) {
	t.Setenv("EVENTS_ADDR", "http://elsewhere")
	program := Program()
	if _, err := program.Parse(nil, io.Discard); err != nil || program.Options.Common().EventsAddr != "" {
		t.Errorf("it posts to %q, %v", program.Options.Common().EventsAddr, err)
	}
}
