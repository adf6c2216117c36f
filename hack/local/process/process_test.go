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
	"time"
)

func shell(t *testing.T, script string) Spec {
	t.Helper()
	return Spec{
		Name: "script", Path: "/bin/sh", Args: []string{"-c", script},
		Env: []string{"WHO=me"}, Log: filepath.Join(t.TempDir(), "log"),
	}
}

func start(t *testing.T, spec Spec) *Process {
	t.Helper()
	p, err := Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Kill() })
	return p
}

// awaitUp waits until a script has said that it is up. Before that it may still be on its way through exec, where it has no environment yet.
func awaitUp(t *testing.T, p *Process) {
	t.Helper()
	for !strings.Contains(p.Tail(1), "up me") {
		select {
		case <-p.Done():
			t.Fatalf("ended early: %v", p.Err())
		case <-time.After(time.Millisecond):
		}
	}
}

func TestEnding(t *testing.T) {
	cases := map[string]struct {
		reason string
		end    func(*Process) error
		want   string
	}{
		"Stop": {reason: "A program is asked to end.", end: (*Process).Stop, want: "terminated"},
		"Kill": {reason: "A killed program gets no chance to do anything.", end: (*Process).Kill, want: "killed"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := start(t, shell(t, "echo up $WHO; exec sleep 600"))
			awaitUp(t, p)
			if err := tc.end(p); err != nil {
				t.Fatalf("%s\n%v", tc.reason, err)
			}
			if err := syscall.Kill(p.PID(), 0); !errors.Is(err, syscall.ESRCH) {
				t.Errorf("process %d is still there: %v", p.PID(), err)
			}
			if err := p.Err(); !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s\nErr() = %v, want %q in it", tc.reason, err, tc.want)
			}
			if err := tc.end(p); err != nil {
				t.Errorf("ending what has ended: %v", err)
			}
		})
	}
}

func TestEndsByItself(t *testing.T) {
	cases := map[string]struct{ reason, script, want string }{
		"Error": {reason: "The exit status and the log are in the error.", script: "printf 'a\nb\nno port\n'; exit 3", want: "exit status 3"},
		"Clean": {reason: "Ending without an error is wrong, too.", script: "printf 'b\nno port\n'", want: "exit status 0"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := start(t, shell(t, tc.script))
			<-p.Done()
			err := p.Err()
			if !errors.Is(err, ErrEnded) || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "no port") {
				t.Errorf("%s\nErr() = %v", tc.reason, err)
			}
			if got := p.Tail(2); got != "b\nno port" {
				t.Errorf("Tail(2) = %q", got)
			}
		})
	}
}

// TestNextRun appends to the log of a run before, whose end is not that of the next one.
func TestNextRun(t *testing.T) {
	spec := shell(t, "echo old >&2; exit 1")
	<-start(t, spec).Done()
	spec.Args = []string{"-c", "exit 2"}
	p := start(t, spec)
	if err := p.Err(); strings.Contains(err.Error(), "old") {
		t.Errorf("Err() = %v, want nothing that the run before said", err)
	}
	if got := p.Tail(1); got != "" {
		t.Errorf("Tail(1) = %q", got)
	}
	if log, err := os.ReadFile(spec.Log); err != nil || string(log) != "old\n" {
		t.Errorf("the log is %q, error %v, want what all runs said", log, err)
	}
}

func TestRun(t *testing.T) {
	out, err := Run(t.Context(), shell(t, "echo $WHO"))
	if err != nil || string(out) != "me\n" {
		t.Errorf("output %q, error %v", out, err)
	}
	if _, err := Run(t.Context(), shell(t, "echo bad >&2; exit 1")); err == nil || !strings.Contains(err.Error(), "bad") {
		t.Errorf("error %v, want the standard error in it", err)
	}
}

func TestNoSuchProgram(t *testing.T) {
	spec := Spec{Name: "ghost", Path: filepath.Join(t.TempDir(), "none"), Log: filepath.Join(t.TempDir(), "log")}
	if _, err := Start(t.Context(), spec); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Start: %v", err)
	}
	if _, err := Run(t.Context(), spec); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Run: %v", err)
	}
}

func TestNaming(t *testing.T) {
	spec := shell(t, "echo up $WHO; kill -STOP $$")
	spec.Env = append(spec.Env, "FOLDER="+spec.Log)
	p := start(t, spec)
	awaitUp(t, p)
	if got := Naming(spec.Log); len(got) != 1 || !strings.Contains(got[0], "kill -STOP") {
		t.Errorf("Naming() = %q, want the one that has it in its environment", got)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	if got := Naming(spec.Log); len(got) != 0 {
		t.Errorf("Naming() = %q after its end", got)
	}
}
