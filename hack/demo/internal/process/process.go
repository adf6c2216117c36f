// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package process runs a program in the background: its output goes to a file, and it never outlives the one that started it.
package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// grace is how long a program may take to end after SIGTERM before it is killed. The controllers grant running work 30 s.
const grace = 35 * time.Second

// Spec says what to run.
type Spec struct {
	// Name is what messages call the program.
	Name string
	// Path and Args are the program and its arguments.
	Path string
	Args []string
	// Env is added to the environment of this process.
	Env []string
	// Log is the file that takes the output. It is emptied first.
	Log string
	// Stdout, when set, takes the standard output instead.
	Stdout *os.File
}

// Process is a running program.
type Process struct {
	spec Spec
	cmd  *exec.Cmd
	done chan struct{}
	err  error // set before done is closed
}

// Start runs the program until it ends by itself or Stop is called; the end of ctx does not end it, as stopping takes patience.
func Start(ctx context.Context, spec Spec) (*Process, error) {
	log, err := os.Create(spec.Log)
	if err != nil {
		return nil, fmt.Errorf("log of %s: %w", spec.Name, err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), spec.Path, spec.Args...)
	cmd.Env = append(os.Environ(), spec.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	if spec.Stdout != nil {
		cmd.Stdout = spec.Stdout
	}
	cmd.SysProcAttr = attributes()

	p := &Process{spec: spec, cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// Linux sends the parent-death signal when the thread that forked ends, so that thread has to stay with us.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		defer log.Close()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	return p, nil
}

// Name is the name that messages use.
func (p *Process) Name() string { return p.spec.Name }

// Log is the file with the program's output.
func (p *Process) Log() string { return p.spec.Log }

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err tells how the program ended; it may be called once Done is closed.
func (p *Process) Err() error {
	<-p.done
	if p.err == nil {
		return fmt.Errorf("%s ended by itself", p.spec.Name)
	}
	return fmt.Errorf("%s ended: %w", p.spec.Name, p.err)
}

// Stop asks the program to end, kills it when it takes too long, and returns when it is gone.
func (p *Process) Stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.spec.Name, err)
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(grace):
		err := p.cmd.Process.Kill()
		<-p.done
		return errors.Join(fmt.Errorf("%s did not stop within %s and was killed", p.spec.Name, grace), err)
	}
}

// Tail returns the last lines that the program printed.
func (p *Process) Tail(lines int) string {
	data, err := os.ReadFile(p.spec.Log)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
