// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package plane

import (
	"net"
	"strconv"
	"testing"
)

func TestPorts(t *testing.T) {
	var first, second ports
	defer second.release()
	taken, err := first.take(0)
	if err != nil {
		t.Fatal(err)
	}
	if taken < firstPort || taken > lastPort {
		t.Errorf("port %d is outside the range", taken)
	}
	if other, err := second.take(taken); err != nil || other == taken {
		t.Errorf("a port was handed out twice: %d, %v", other, err)
	}
	first.release()
	if again, err := second.take(taken); err != nil || again != taken {
		t.Errorf("a port that was given back is not to be had: got %d, want %d, %v", again, taken, err)
	}
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // the test is over
	_, text, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	busy, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	var p ports
	defer p.release()
	if got, err := p.take(busy); err != nil || got == busy {
		t.Errorf("a port that somebody listens on was handed out: %d, %v", got, err)
	}
}
