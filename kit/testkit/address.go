// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// The ports that are handed out lie below those that Linux gives to connections (net.ipv4.ip_local_port_range: 32768 and above), which would
// otherwise take a free port before the server under test does.
const (
	firstPort = 20000
	lastPort  = 32000
)

var errNoPort = errors.New("no port is free")

// FreeAddress returns an address of this machine that nobody listens on, for a server that has to be told its port. Nobody else is given it
// until the test ends.
func FreeAddress(tb testing.TB) string {
	tb.Helper()
	free, err := reserve(context.WithoutCancel(tb.Context()))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(free.release)
	return free.address()
}

// reservation is a TCP port that belongs to whoever has bound the UDP port of the same number. That keeps off everybody who binds that before taking
// a port of the range, tests in other processes among them, also while the server that the port is meant for does not listen yet, or not at the
// moment. Who only looks whether anybody listens is kept off no earlier than that.
type reservation struct{ mark net.PacketConn }

// reserve finds a port that is free and not reserved.
func reserve(ctx context.Context) (reservation, error) {
	var listen net.ListenConfig
	for range lastPort - firstPort {
		address := fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(lastPort-firstPort)) //nolint:gosec // guards no secret
		mark, err := listen.ListenPacket(ctx, "udp", address)
		if err != nil {
			continue
		}
		if listener, err := listen.Listen(ctx, "tcp", address); err == nil && listener.Close() == nil {
			return reservation{mark}, nil
		}
		_ = mark.Close()
	}
	return reservation{}, errNoPort
}

func (r reservation) address() string { return r.mark.LocalAddr().String() }

// release leaves the port to others. The error of closing a socket that nothing was written to tells nothing.
func (r reservation) release() { _ = r.mark.Close() }
