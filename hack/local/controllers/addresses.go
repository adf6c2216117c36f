// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Addresses have ports of a range that is below every system's ephemeral one (32768 on Linux, 49152 on macOS), so that no outgoing connection takes
// one between the moment it is found free and the moment a controller listens on it, nor while a controller is being restarted.
const (
	firstPort, lastPort = 20000, 31999
	// portTries bounds the search for one; nearly every port of the range is free.
	portTries = 1000
)

var errNoPort = errors.New("no free port on 127.0.0.1")

// addresses are loopback addresses whose TCP ports are ours because we have bound the UDP ports of the same numbers. hack/cluster and kit/testkit
// take ports of the same range in the same way, so that all of them know what is taken, also while nobody listens there.
type addresses []net.PacketConn

// reserve finds addresses that nobody listens on and nobody has reserved.
func reserve(ctx context.Context, n int) (addresses, error) {
	var listen net.ListenConfig
	found := make(addresses, 0, n)
	for range n * portTries {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(firstPort+rand.IntN(lastPort-firstPort+1))) //nolint:gosec // not a secret
		mark, err := listen.ListenPacket(ctx, "udp4", address)
		if err != nil {
			continue
		}
		if l, err := listen.Listen(ctx, "tcp4", address); err != nil || l.Close() != nil {
			_ = mark.Close()
			continue
		}
		if found = append(found, mark); len(found) == n {
			return found, nil
		}
	}
	found.release()
	return nil, fmt.Errorf("reserve %d addresses: %w", n, errNoPort)
}

// list returns them as host:port.
func (a addresses) list() []string {
	list := make([]string, 0, len(a))
	for _, mark := range a {
		list = append(list, mark.LocalAddr().String())
	}
	return list
}

// release leaves them to others. The error of closing a socket that nothing was written to tells nothing.
func (a addresses) release() {
	for _, mark := range a {
		_ = mark.Close()
	}
}
