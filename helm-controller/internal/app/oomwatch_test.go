// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
)

func TestOOMWatch(t *testing.T) {
	cases := map[string]struct {
		reason string
		files  map[string]string
		broken bool // it cannot be watched
		ends   bool // the process ends
	}{
		"Enough":     {reason: "Below the threshold the process goes on.", files: map[string]string{"memory.max": "1000\n", "memory.current": "949\n"}},
		"Full":       {reason: "At the threshold it ends.", files: map[string]string{"memory.max": "1000\n", "memory.current": "950\n"}, ends: true},
		"VersionOne": {reason: "Control groups of version 1 are found, too.", files: map[string]string{"memory/memory.limit_in_bytes": "100", "memory/memory.usage_in_bytes": "99"}, ends: true},
		"NoLimit":    {reason: "Without a limit there is nothing to watch.", files: map[string]string{"memory.max": "max\n", "memory.current": "950\n"}, broken: true},
		"NoFiles":    {reason: "Without files neither.", broken: true},
		"NoUsage":    {reason: "Nor without the memory in use.", files: map[string]string{"memory.max": "1000\n"}, broken: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for path, content := range tc.files {
				file := filepath.Join(root, path)
				if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o750), os.WriteFile(file, []byte(content), 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			w, err := newOOMWatcher(oomOptions{interval: time.Millisecond, threshold: 95}, root, logr.Discard())
			if (err != nil) != tc.broken {
				t.Fatalf("%s\ngot %v", tc.reason, err)
			}
			if tc.broken {
				return
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			if tc.ends {
				ctx, cancel = context.WithCancel(t.Context())
			}
			defer cancel()
			if err := w.Start(ctx); (err != nil) != tc.ends {
				t.Errorf("%s\ngot %v", tc.reason, err)
			}
		})
	}
}
