// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package events

import (
	"bytes"
	"fmt"
	"testing"
)

func TestQueue(t *testing.T) {
	cases := map[string]struct {
		reason      string
		push        [][]byte
		wantFirst   string
		wantDropped int
		wantLen     int
	}{
		"InOrder": {
			reason:    "Documents leave in the order they came.",
			push:      [][]byte{[]byte("a"), []byte("b")},
			wantFirst: "a",
			wantLen:   2,
		},
		"TooMany": {
			reason:      "The oldest go when there are too many.",
			push:        numbered(maxQueued + 3),
			wantFirst:   "3",
			wantDropped: 3,
			wantLen:     maxQueued,
		},
		"TooBig": {
			reason:      "The oldest go when they take too much memory.",
			push:        [][]byte{bytes.Repeat([]byte("a"), maxQueuedBytes), []byte("b")},
			wantFirst:   "b",
			wantDropped: 1,
			wantLen:     1,
		},
		"OneTooBig": {
			reason:    "The newest is kept whatever its size.",
			push:      [][]byte{bytes.Repeat([]byte("a"), maxQueuedBytes+1)},
			wantFirst: "a",
			wantLen:   1,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			q := newQueue()
			for _, body := range tc.push {
				q.push(body)
			}
			if got := q.len(); got != tc.wantLen {
				t.Errorf("%s\nlen() = %d, want %d", tc.reason, got, tc.wantLen)
			}
			first, dropped, ok := q.pop()
			if !ok || !bytes.HasPrefix(first, []byte(tc.wantFirst)) || dropped != tc.wantDropped {
				t.Errorf("%s\npop() = %.10q, %d, %t, want %q, %d, true", tc.reason, first, dropped, ok, tc.wantFirst, tc.wantDropped)
			}
			if _, again, _ := q.pop(); again != 0 {
				t.Errorf("%s\n%d dropped documents are reported twice", tc.reason, again)
			}
		})
	}
}

func TestQueueEmpty(t *testing.T) {
	if _, _, ok := newQueue().pop(); ok {
		t.Error("an empty queue has a document")
	}
}

func numbered(n int) [][]byte {
	bodies := make([][]byte, n)
	for i := range bodies {
		bodies[i] = fmt.Append(nil, i)
	}
	return bodies
}
