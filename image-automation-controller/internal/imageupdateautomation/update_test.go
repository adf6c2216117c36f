// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imageupdateautomation

import (
	"bytes"
	"context"
	"errors"
	"testing"
)

// While a large file is parsed small ones are as well, and who waits with another large one does so no longer than its run lasts.
func TestApplyLarge(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	w := &worker{scope: &scope{large: make(chan struct{}, 1)}}
	w.large <- struct{}{}
	large := bytes.Repeat([]byte("a: b\n"), largeFile)
	if _, _, err := w.apply(ended, large); !errors.Is(err, context.Canceled) {
		t.Errorf("a large file: %v", err)
	}
	if _, _, err := w.apply(t.Context(), []byte("a: b\n")); err != nil {
		t.Errorf("a small file: %v", err)
	}
	<-w.large
	for range 2 {
		if _, _, err := w.apply(t.Context(), large); err != nil {
			t.Errorf("a large file, nobody being there: %v", err)
		}
	}
}
