// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	// Patience is how long a test waits for something before it gives up. Only a failing test uses it up: what works takes milliseconds, on
	// a machine with nothing else to do. On one where all packages test at once a controller may have failed and waited a few times by then.
	Patience = 2 * time.Minute
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
