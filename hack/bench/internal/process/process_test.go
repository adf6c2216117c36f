// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package process

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func shell(t *testing.T, script string) Command {
	t.Helper()
	return Command{Name: "script", Path: "/bin/sh", Args: []string{"-c", script}, Log: filepath.Join(t.TempDir(), "log")}
}

func TestStop(t *testing.T) {
	p, err := Start(shell(t, "echo ready; exec sleep 60"))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	if err := syscall.Kill(p.PID(), 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d is still there: %v", p.PID(), err)
	}
	if err := p.Stop(); err != nil {
		t.Errorf("stopping twice: %v", err)
	}
}

func TestEnded(t *testing.T) {
	cases := map[string]struct{ reason, script, want string }{
		"Error": {reason: "The exit status and the log are in the error.", script: "echo no port; exit 3", want: "exit status 3"},
		"Clean": {reason: "Ending without an error is wrong, too.", script: "echo no port", want: "exit status 0"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := Start(shell(t, tc.script))
			if err != nil {
				t.Fatal(err)
			}
			<-p.Ended()
			err = p.Err()
			if !errors.Is(err, ErrEnded) || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "no port") {
				t.Errorf("%s\nErr() = %v", tc.reason, err)
			}
		})
	}
}

func TestRun(t *testing.T) {
	out, err := Run(t.Context(), shell(t, "echo $WHO"))
	if err != nil || string(out) != "\n" {
		t.Errorf("output %q, error %v", out, err)
	}
	c := shell(t, "echo $WHO; echo bad >&2; exit 1")
	c.Env = []string{"WHO=me"}
	if _, err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), "bad") {
		t.Errorf("error %v, want the standard error in it", err)
	}
}

func TestStartMissing(t *testing.T) {
	c := Command{Name: "x", Path: filepath.Join(t.TempDir(), "no"), Log: filepath.Join(t.TempDir(), "log")}
	if _, err := Start(c); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}
