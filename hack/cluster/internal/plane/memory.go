// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package plane

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
)

// rss returns the resident memory of a process in bytes, 0 if it is gone. ps is the one way that Linux and macOS share.
func rss(ctx context.Context, pid int) int64 {
	out, err := exec.CommandContext(ctx, "ps", "-o", "rss=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return 0
	}
	kib, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}
