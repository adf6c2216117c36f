// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package lifeline

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"
)

// helperVariable makes the test binary a process that holds a lifeline and nothing else.
const helperVariable = "WEIR_LIFELINE_TEST_HELPER"

func TestHold(t *testing.T) {
	if os.Getenv(helperVariable) != "" {
		Hold()
		select {}
	}
	child, keep, err := Pipe()
	if err != nil {
		t.Fatal(err)
	}
	helper := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHold$")
	helper.Env = append(os.Environ(), helperVariable+"=1", Env+"=3")
	helper.ExtraFiles = []*os.File{child}
	if err := helper.Start(); err != nil {
		t.Fatal(err)
	}
	_ = child.Close()
	if !Alive(helper.Process.Pid) {
		t.Error("a process that was just started does not run")
	}
	_ = keep.Close()
	if err := helper.Wait(); err == nil || helper.ProcessState.ExitCode() != 1 {
		t.Errorf("ended with %v", err)
	}
}

func TestWithPID(t *testing.T) {
	sleeper := exec.CommandContext(t.Context(), "sleep", "600")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	ctx := WithPID(t.Context(), sleeper.Process.Pid)
	if ctx.Err() != nil {
		t.Fatal("the process runs")
	}
	if err := sleeper.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// It is a zombie until Wait, which comes after: that must count as gone.
	<-ctx.Done()
	if !errors.Is(context.Cause(ctx), ErrGone) {
		t.Errorf("cause: %v", context.Cause(ctx))
	}
	_ = sleeper.Wait()
	if Alive(sleeper.Process.Pid) {
		t.Error("a process that has ended is alive")
	}
}

func TestWithReader(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx := WithReader(t.Context(), r)
	if _, err := w.WriteString("still here\n"); err != nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Error("input is not the end of input")
	}
	_ = w.Close()
	<-ctx.Done()
	if !errors.Is(context.Cause(ctx), ErrGone) {
		t.Errorf("cause: %v", context.Cause(ctx))
	}
}
