// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	// Patience is how long a test waits for something before it gives up. Only a failing test uses it up: what works takes milliseconds.
	Patience = 30 * time.Second
	// glance is the time between two looks at a real server.
	glance = 20 * time.Millisecond
)

// Eventually waits until something is so. It polls: there is no other way to see what a controller has done. In vain, it fails the test with
// what state tells, if that is given.
func Eventually(tb testing.TB, what string, is func() bool, state ...func() string) {
	tb.Helper()
	Within(tb, Patience, what, is, state...)
}

// Within is Eventually with another limit, for what a contract itself makes slow.
func Within(tb testing.TB, limit time.Duration, what string, is func() bool, state ...func() string) {
	tb.Helper()
	for deadline := time.Now().Add(limit); !is(); time.Sleep(glance) {
		if time.Now().After(deadline) {
			var text strings.Builder
			for _, tell := range state {
				fmt.Fprintf(&text, "\n%s", tell())
			}
			tb.Fatalf("waited %s in vain: %s%s", limit, what, &text)
		}
	}
}

// Buffer takes the output of something that may still write while a test reads.
type Buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// String returns what was written so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// The ports that FreeAddress chooses from lie below those that Linux gives to connections (net.ipv4.ip_local_port_range: 32768 and above), which
// would otherwise take a free port before the server under test does.
const (
	firstPort = 20000
	lastPort  = 32000
)

// FreeAddress returns an address of this machine that nobody listens on, for a server that has to be told its port.
func FreeAddress(tb testing.TB) string {
	tb.Helper()
	for range lastPort - firstPort {
		address := fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(lastPort-firstPort)) //nolint:gosec // guards no secret
		listener, err := (&net.ListenConfig{}).Listen(context.WithoutCancel(tb.Context()), "tcp", address)
		if err != nil {
			continue
		}
		if err := listener.Close(); err != nil {
			tb.Fatalf("free %s: %v", address, err)
		}
		return address
	}
	tb.Fatal("no port is free")
	return ""
}
