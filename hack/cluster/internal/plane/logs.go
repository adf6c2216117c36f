// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package plane

import (
	"fmt"
	"io"
	"os"

	"github.com/weir-gitops/weir/hack/cluster/internal/instance"
)

// tailBytes is how much of a log goes into the message about a component that failed.
const tailBytes = 2 << 10

// rotateLogs starts new logs and keeps those of the start before, which may hold why it ended.
func rotateLogs(f instance.Folder) error {
	if err := os.RemoveAll(f.Path("log.previous")); err != nil {
		return fmt.Errorf("rotate logs: %w", err)
	}
	if err := os.Rename(f.Path("log"), f.Path("log.previous")); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("rotate logs: %w", err)
	}
	if err := os.Mkdir(f.Path("log"), 0o700); err != nil {
		return fmt.Errorf("rotate logs: %w", err)
	}
	return nil
}

// tail returns the end of a file, nothing if it cannot be read: it only ever decorates another error.
func tail(path string) []byte {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close() // only read
	if info, err := file.Stat(); err == nil && info.Size() > tailBytes {
		_, _ = file.Seek(-tailBytes, io.SeekEnd)
	}
	data, _ := io.ReadAll(io.LimitReader(file, tailBytes))
	return data
}
