// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"fmt"
	"net"
)

// Host returns the address to advertise for a server that listens on listen. advertised wins if it is
// set; hostname stands in for a listener on all addresses. Flux: source-controller, "Advertised host".
func Host(advertised, listen, hostname string) (string, error) {
	if advertised != "" {
		return advertised, nil
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fmt.Errorf("storage address %q: %w", listen, err)
	}
	switch host {
	case "":
		return net.JoinHostPort("localhost", port), nil
	case "0.0.0.0":
		return net.JoinHostPort(hostname, port), nil
	}
	return listen, nil
}
