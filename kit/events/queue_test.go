// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package events

import (
	"bytes"
	"fmt"
	"testing"
	"time"
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
	for _, objects := range []int{1, 3} {
		for name, tc := range cases {
			t.Run(fmt.Sprintf("%s/%dObjects", name, objects), func(t *testing.T) {
				q := newQueue()
				for i, body := range tc.push {
					q.push(fmt.Sprint(i%objects), body, time.Now())
				}
				if got := q.len(); got != tc.wantLen {
					t.Errorf("%s\nlen() = %d, want %d", tc.reason, got, tc.wantLen)
				}
				if dropped, again := q.takeDropped(), q.takeDropped(); dropped != tc.wantDropped || again != 0 {
					t.Errorf("%s\ndropped %d and then %d, want %d and 0", tc.reason, dropped, again, tc.wantDropped)
				}
				first, _, _, ok := q.take(time.Now(), false)
				if !ok || !bytes.HasPrefix(first.body, []byte(tc.wantFirst)) {
					t.Errorf("%s\ntake() = %.10q, %t, want %q", tc.reason, first.body, ok, tc.wantFirst)
				}
			})
		}
	}
}

func TestQueueEmpty(t *testing.T) {
	if _, _, _, ok := newQueue().take(time.Now(), true); ok {
		t.Error("an empty queue has a document")
	}
}

// TestQueueLanes walks one document of each of two objects through failure and success.
func TestQueueLanes(t *testing.T) {
	now := time.Now()
	q := newQueue()
	q.push("x", []byte("x1"), now)
	q.push("x", []byte("x2"), now)
	q.push("y", []byte("y1"), now)
	take := func(want string, everything bool) work {
		t.Helper()
		w, _, _, ok := q.take(now, everything)
		if got := string(w.body); ok != (want != "") || got != want {
			t.Fatalf("took %q, want %q", got, want)
		}
		return w
	}
	x1 := take("x1", false)
	y1 := take("y1", false) // x2 has to wait for x1
	take("", false)
	q.retry(x1, now.Add(time.Minute))
	q.finish(y1)
	if _, wait, _, ok := q.take(now, false); ok || wait != time.Minute {
		t.Errorf("wait %s, want one minute for what failed", wait)
	}
	if x1 = take("x1", true); x1.failures != 1 {
		t.Errorf("%d failures, want 1", x1.failures)
	}
	q.retry(x1, now.Add(time.Minute))
	q.hurry()
	q.finish(take("x1", false))
	q.finish(take("x2", false))
	if q.len() != 0 || q.bytes != 0 || len(q.lanes) != 0 {
		t.Errorf("%d documents, %d bytes and %d lanes are left", q.len(), q.bytes, len(q.lanes))
	}
}

func numbered(n int) [][]byte {
	bodies := make([][]byte, n)
	for i := range bodies {
		bodies[i] = fmt.Append(nil, i)
	}
	return bodies
}
