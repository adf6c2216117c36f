// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apart

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// lowPriority is how nice a child is to its parent: what it computes must not delay other releases.
const lowPriority = 10

// executable is this program, also when its file has been replaced meanwhile.
func executable() (string, error) { return "/proc/self/exe", nil }

// attributes has the kernel kill a child with its parent.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// restrict bounds what this process can write to, beyond what it began with, in bytes. RLIMIT_AS would count what Go reserves and never uses.
func restrict(memory int64) error {
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, lowPriority) // a courtesy
	limit := uint64(written() + memory)
	return syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: limit, Max: limit})
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
