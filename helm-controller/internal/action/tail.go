// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package action

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
)

// maxLines is how many lines of Helm's log a failure tells. Flux: contract helm-controller, section 14.3.
const maxLines = 10

// maxLineBytes bounds a line: Helm logs errors, which may quote manifests.
const maxLineBytes = 1024

// tail keeps the last distinct lines that Helm logged.
type tail struct {
	log logr.Logger

	mu    sync.Mutex
	lines []line
}

type line struct {
	at    time.Time
	text  string
	times int // how often it came in a row
}

// add takes a line. It is what Helm calls to log.
func (t *tail) add(format string, args ...any) {
	text := strings.TrimSpace(fmt.Sprintf(format, args...))
	t.log.Info("helm", "message", text)
	if len(text) > maxLineBytes {
		text = strings.ToValidUTF8(text[:maxLineBytes], "") + "…"
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.lines); n > 0 && t.lines[n-1].text == text {
		t.lines[n-1].times++
		t.lines[n-1].at = time.Now()
		return
	}
	t.lines = append(t.lines, line{at: time.Now(), text: text, times: 1})
	if len(t.lines) > maxLines {
		t.lines = t.lines[len(t.lines)-maxLines:]
	}
}

// String returns "<time>: <text>" of each line.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := make([]string, 0, len(t.lines))
	for _, l := range t.lines {
		text := l.at.UTC().Format(time.RFC3339Nano) + ": " + l.text
		if l.times > 1 {
			text += fmt.Sprintf(" (%d duplicate lines omitted)", l.times-1)
		}
		lines = append(lines, text)
	}
	return strings.Join(lines, "\n")
}
