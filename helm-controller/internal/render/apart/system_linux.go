// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apart

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// executable is this program, also when its file has been replaced meanwhile.
func executable() (string, error) { return "/proc/self/exe", nil }

// attributes has the kernel kill a child with its parent.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// restrict bounds what this process can write to, beyond what it began with, in bytes, and the time that it takes of processors, in seconds. RLIMIT_AS
// would count what Go reserves and never uses.
func restrict(memory, seconds int64) error {
	// If the container is out of memory nevertheless, the system is to end this process and not its parent. It need not allow that.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	limit := uint64(written() + memory)                                   //nolint:gosec // neither is negative
	cpu := syscall.Rlimit{Cur: uint64(seconds), Max: uint64(seconds) + 1} //nolint:gosec // the same
	return errors.Join(
		syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: limit, Max: limit}),
		// Go makes an orderly end of the signal at the first bound; the system insists at the second.
		syscall.Setrlimit(syscall.RLIMIT_CPU, &cpu),
	)
}

// written is what this process can write to by now, in bytes; 0 if the system does not say.
func written() int64 {
	const dataField = 5 // proc(5), statm: size resident shared text lib data dt, in pages
	content, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	numbers := strings.Fields(string(content))
	if len(numbers) <= dataField {
		return 0
	}
	pages, err := strconv.ParseInt(numbers[dataField], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
