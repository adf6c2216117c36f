// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package rescue makes errors of panics. A panic that nobody recovers ends the process, wherever it happens, and one bad object must not end what
// serves all others: whoever starts a goroutine that calls libraries with what users wrote calls them through this package.
package rescue

import (
	"fmt"
	"runtime/debug"

	"github.com/go-logr/logr"
)

// Call calls work. A panic of it is logged with its stack and returned as an error that says what was being done.
func Call(log logr.Logger, what string, work func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			log.Error(nil, "panic", "in", what, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = fmt.Errorf("panic in %s: %v", what, v)
		}
	}()
	return work()
}
