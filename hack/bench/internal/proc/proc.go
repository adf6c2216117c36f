// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package proc reads what a process has used from Linux's /proc: CPU time,
// resident memory and its peak, which can be reset to measure one step alone.
package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// userHz is the unit of the CPU times in /proc/<pid>/stat: 100 ticks a second
// for every architecture's user space (see proc_pid_stat(5), sysconf(_SC_CLK_TCK)).
const userHz = 100

// resetPeak is what /proc/<pid>/clear_refs takes to set VmHWM back to the
// present resident size (see proc_pid_clear_refs(5), Linux 4.0 and later).
const resetPeak = "5"

// ErrFormat says that a file of /proc does not look as documented.
var ErrFormat = errors.New("unexpected format")

// Usage is what a process has used since it started.
type Usage struct {
	// CPU is user plus system time, that of waited-for children included.
	CPU time.Duration
	// RSS is the resident memory in bytes at the moment of reading.
	RSS int64
	// Peak is the highest RSS in bytes since the start or the last ResetPeak.
	Peak int64
}

// FS is a mounted /proc.
type FS struct {
	// Root is the mount point, /proc outside of tests.
	Root string
}

// Usage reads what the process has used.
func (f FS) Usage(pid int) (Usage, error) {
	stat, err := os.ReadFile(f.path(pid, "stat"))
	if err != nil {
		return Usage{}, fmt.Errorf("read CPU time of process %d: %w", pid, err)
	}
	st, err := parseStat(stat)
	if err != nil {
		return Usage{}, fmt.Errorf("parse CPU time of process %d: %w", pid, err)
	}
	status, err := os.ReadFile(f.path(pid, "status"))
	if err != nil {
		return Usage{}, fmt.Errorf("read memory of process %d: %w", pid, err)
	}
	rss, err := parseKilobytes(status, "VmRSS")
	if err != nil {
		return Usage{}, fmt.Errorf("parse memory of process %d: %w", pid, err)
	}
	peak, err := parseKilobytes(status, "VmHWM")
	if err != nil {
		return Usage{}, fmt.Errorf("parse memory of process %d: %w", pid, err)
	}
	return Usage{CPU: st.cpu, RSS: rss, Peak: peak}, nil
}

// ResetPeak makes Usage.Peak count from now on.
func (f FS) ResetPeak(pid int) error {
	if err := os.WriteFile(f.path(pid, "clear_refs"), []byte(resetPeak), 0); err != nil {
		return fmt.Errorf("reset peak memory of process %d: %w", pid, err)
	}
	return nil
}

// Descendants lists the living children of the process, their children and so on.
func (f FS) Descendants(pid int) ([]int, error) {
	entries, err := os.ReadDir(f.Root)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	children := map[int][]int{}
	for _, e := range entries {
		child, err := strconv.Atoi(e.Name())
		if err != nil {
			continue // not a process
		}
		data, err := os.ReadFile(f.path(child, "stat"))
		if err != nil {
			continue // ended meanwhile
		}
		if st, err := parseStat(data); err == nil {
			children[st.parent] = append(children[st.parent], child)
		}
	}
	var found []int
	for todo := []int{pid}; len(todo) > 0; todo = todo[1:] {
		found = append(found, children[todo[0]]...)
		todo = append(todo, children[todo[0]]...)
	}
	return found, nil
}

func (f FS) path(pid int, file string) string {
	return filepath.Join(f.Root, strconv.Itoa(pid), file)
}

// stat is what is used of /proc/<pid>/stat.
type stat struct {
	parent int
	cpu    time.Duration
}

// parseStat reads the line of /proc/<pid>/stat. The command name, its second
// field, may hold spaces and brackets; the fields are counted from its last one.
func parseStat(data []byte) (stat, error) {
	end := bytes.LastIndexByte(data, ')')
	if end < 0 {
		return stat{}, fmt.Errorf("%w: no command name", ErrFormat)
	}
	// Numbers of proc_pid_stat(5), less the two that were cut off, less one.
	const ppid, utime, cstime = 4 - 3, 14 - 3, 17 - 3
	fields := bytes.Fields(data[end+1:])
	if len(fields) <= cstime {
		return stat{}, fmt.Errorf("%w: %d fields", ErrFormat, len(fields))
	}
	parent, err := strconv.Atoi(string(fields[ppid]))
	if err != nil {
		return stat{}, fmt.Errorf("%w: parent: %w", ErrFormat, err)
	}
	var ticks int64
	for _, field := range fields[utime : cstime+1] {
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return stat{}, fmt.Errorf("%w: CPU time: %w", ErrFormat, err)
		}
		ticks += n
	}
	return stat{parent: parent, cpu: time.Duration(ticks) * (time.Second / userHz)}, nil
}

// parseKilobytes reads a line "Name:  123 kB" of /proc/<pid>/status or
// /proc/meminfo, in bytes.
func parseKilobytes(data []byte, name string) (int64, error) {
	for line := range bytes.Lines(data) {
		key, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || string(key) != name {
			continue
		}
		number, unit, _ := bytes.Cut(bytes.TrimSpace(value), []byte(" "))
		n, err := strconv.ParseInt(string(number), 10, 64)
		if err != nil || string(unit) != "kB" {
			return 0, fmt.Errorf("%w: %s is %q", ErrFormat, name, bytes.TrimSpace(value))
		}
		return n << 10, nil
	}
	return 0, fmt.Errorf("%w: no %s", ErrFormat, name)
}
