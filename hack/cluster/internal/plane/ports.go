// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package plane

import (
	"errors"
	"math/rand/v2"
	"net"
)

// Ports come from below every system's ephemeral range (32768 on Linux, 49152 on macOS), so that no outgoing connection
// takes one between the moment it is found free and the moment a component listens on it.
const (
	firstPort = 20000
	lastPort  = 31999
)

// portAttempts bounds the search; a try costs a few microseconds, and nearly every port in the range is free.
const portAttempts = 1000

var errNoPort = errors.New("no free port on 127.0.0.1")

// ports hands out ports to one supervisor. A TCP port belongs to whoever has bound the UDP port of the same number, which ends with the process:
// hack/local and kit/testkit take ports of the same range in the same way, so that all of them know what is taken, also while nobody listens there.
type ports struct{ marks []*net.UDPConn }

// take reserves a free port, the wanted one if possible: a cluster keeps its address over a restart.
func (p *ports) take(wanted int) (int, error) {
	if wanted != 0 && p.reserve(wanted) {
		return wanted, nil
	}
	for range portAttempts {
		port := firstPort + rand.IntN(lastPort-firstPort+1) //nolint:gosec // not a secret
		if p.reserve(port) {
			return port, nil
		}
	}
	return 0, errNoPort
}

func (p *ports) reserve(port int) bool {
	mark, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		return false
	}
	if !free(port) {
		_ = mark.Close()
		return false
	}
	p.marks = append(p.marks, mark)
	return true
}

// release gives the ports back.
func (p *ports) release() {
	for _, mark := range p.marks {
		_ = mark.Close()
	}
}

func free(port int) bool {
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		return false
	}
	return l.Close() == nil
}
