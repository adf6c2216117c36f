// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestUsage(t *testing.T) {
	fs := FS{Root: "testdata/proc"}
	cases := map[string]struct {
		reason string
		pid    int
		want   Usage
		err    error
	}{
		"Plain": {
			reason: "CPU time is user, system and children's time; memory is in bytes.",
			pid:    100,
			want:   Usage{CPU: 2770 * time.Millisecond, RSS: 51200 << 10, Peak: 61440 << 10},
		},
		"NameWithBrackets": {
			reason: "A command name may hold spaces and brackets.",
			pid:    101,
			want:   Usage{CPU: 30 * time.Millisecond, RSS: 4 << 10, Peak: 8 << 10},
		},
		"Short": {
			reason: "A stat line with too few fields is refused.",
			pid:    102,
			err:    ErrFormat,
		},
		"NoMemory": {
			reason: "A kernel thread has no VmRSS and is refused.",
			pid:    103,
			err:    ErrFormat,
		},
		"Gone": {
			reason: "A process that ended is told apart.",
			pid:    999,
			err:    os.ErrNotExist,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := fs.Usage(tc.pid)
			if !errors.Is(err, tc.err) {
				t.Fatalf("%s\nUsage(): error %v, want %v", tc.reason, err, tc.err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nUsage(): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestDescendants(t *testing.T) {
	got, err := FS{Root: "testdata/proc"}.Descendants(1)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	if diff := cmp.Diff([]int{100, 101, 103}, got); diff != "" {
		t.Errorf("children and grandchildren of process 1: -want, +got:\n%s", diff)
	}
}

func TestMachine(t *testing.T) {
	got, err := FS{Root: "testdata/proc"}.Machine()
	if err != nil {
		t.Fatal(err)
	}
	want := Machine{
		Cores: got.Cores, Arch: got.Arch,
		CPU: "Example CPU @ 2.00GHz", MemoryBytes: 2048 << 10, Kernel: "6.1.0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want, +got:\n%s", diff)
	}
}

// TestRealProcess reads a living process, which is what the format of the
// fixtures stands for.
func TestRealProcess(t *testing.T) {
	fs := FS{Root: "/proc"}
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc on this system")
	}
	child := exec.CommandContext(t.Context(), "sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	}()
	usage, err := fs.Usage(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if usage.RSS <= 0 || usage.Peak < usage.RSS {
		t.Errorf("resident %d bytes, peak %d", usage.RSS, usage.Peak)
	}
	if err := fs.ResetPeak(os.Getpid()); err != nil {
		t.Error(err)
	}
	children, err := fs.Descendants(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(children, child.Process.Pid) {
		t.Errorf("process %d is missing among the descendants %v", child.Process.Pid, children)
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("100 (a b) c) S 1 1 1 0 -1 0 0 0 0 0 200 50 20 7 20 0 1 0 5"))
	f.Add([]byte(") "))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := parseStat(data); err != nil && !errors.Is(err, ErrFormat) {
			t.Errorf("parseStat(%q): %v", data, err)
		}
	})
}
