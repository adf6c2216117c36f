// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package plane

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
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

// ports hands out ports to one supervisor. A lock file for each keeps other supervisors off until this process ends.
type ports struct {
	dir   string
	locks []*os.File
}

func newPorts() (*ports, error) {
	dir := filepath.Join(os.TempDir(), "weir-cluster-ports-"+strconv.Itoa(os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("reserve ports: %w", err)
	}
	return &ports{dir: dir}, nil
}

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
	lock, err := os.OpenFile(filepath.Join(p.dir, strconv.Itoa(port)), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return false
	}
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil || !free(port) {
		_ = lock.Close()
		return false
	}
	p.locks = append(p.locks, lock)
	return true
}

// release gives the ports back. The lock files stay: deleting one that another process has just opened would let two
// processes hold the same port.
func (p *ports) release() {
	for _, lock := range p.locks {
		_ = lock.Close()
	}
}

func free(port int) bool {
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		return false
	}
	return l.Close() == nil
}
