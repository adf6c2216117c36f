// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// Machine is what the figures were measured on.
type Machine struct {
	// Cores is the number of CPUs this process may use.
	Cores int `json:"cores"`
	// CPU is the model name, empty where the kernel gives none.
	CPU string `json:"cpu"`
	// MemoryBytes is the memory of the machine.
	MemoryBytes int64 `json:"memoryBytes"`
	// Kernel is the kernel's version, for example 6.1.0, without what a
	// distribution adds to it.
	Kernel string `json:"kernel"`
	// Arch is the operating system and architecture as Go names them.
	Arch string `json:"arch"`
}

// Machine describes the machine.
func (f FS) Machine() (Machine, error) {
	m := Machine{Cores: runtime.NumCPU(), Arch: runtime.GOOS + "/" + runtime.GOARCH}
	meminfo, err := os.ReadFile(filepath.Join(f.Root, "meminfo"))
	if err != nil {
		return Machine{}, fmt.Errorf("read memory size: %w", err)
	}
	if m.MemoryBytes, err = parseKilobytes(meminfo, "MemTotal"); err != nil {
		return Machine{}, fmt.Errorf("parse memory size: %w", err)
	}
	cpuinfo, err := os.ReadFile(filepath.Join(f.Root, "cpuinfo"))
	if err != nil {
		return Machine{}, fmt.Errorf("read CPU model: %w", err)
	}
	m.CPU = parseModel(cpuinfo)
	release, err := os.ReadFile(filepath.Join(f.Root, "sys/kernel/osrelease"))
	if err != nil {
		return Machine{}, fmt.Errorf("read kernel release: %w", err)
	}
	number, _, _ := bytes.Cut(bytes.TrimSpace(release), []byte("-"))
	m.Kernel = string(number)
	return m, nil
}

// parseModel finds the first "model name" of /proc/cpuinfo.
func parseModel(cpuinfo []byte) string {
	for line := range bytes.Lines(cpuinfo) {
		key, value, ok := bytes.Cut(line, []byte(":"))
		if ok && string(bytes.TrimSpace(key)) == "model name" {
			return string(bytes.TrimSpace(value))
		}
	}
	return ""
}
