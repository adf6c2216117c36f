// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package terminal

import (
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// spinInterval is how long one picture of the spinner stays.
const spinInterval = 100 * time.Millisecond

// Spin shows that something goes on until the function it returns is called. It shows nothing where progress does not go to a terminal.
func (t Terminal) Spin(text string) (stop func()) {
	file, ok := t.Err.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return func() {}
	}
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		ticker := time.NewTicker(spinInterval)
		defer ticker.Stop()
		for i := 0; ; i++ {
			fmt.Fprintf(t.Err, "\r%c %s", []rune("◐◓◑◒")[i%4], text)
			select {
			case <-done:
				fmt.Fprint(t.Err, "\r\x1b[K") // clears the line
				return
			case <-ticker.C:
			}
		}
	})
	return sync.OnceFunc(func() { close(done); running.Wait() })
}
