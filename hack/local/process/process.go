// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package process runs programs: in the background with their output in a file, told apart when they end by themselves, or to their end with
// their output as the result. None of them outlives the process that started it.
package process

import (
	"bytes"
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

const (
	// grace is how long a program may take to end after SIGTERM before it is killed. The controllers grant running work 30 s.
	grace = 35 * time.Second
	// maxTailBytes is how much of a log is read to show its last lines.
	maxTailBytes = 64 << 10
	// maxErrorBytes is how much of what a program says about its failure goes into the error.
	maxErrorBytes = 2000
	// endLines is how many lines of its log explain why a program ended.
	endLines = 15
)

// ErrEnded says that a program ended by itself.
var ErrEnded = errors.New("ended by itself")

// Spec says what to run.
type Spec struct {
	// Name is what messages call the program.
	Name string
	// Path and Args are the program and its arguments.
	Path string
	Args []string
	// Env is added to the environment of this process.
	Env []string
	// Dir is the working folder; empty for that of this process.
	Dir string
	// Log is the file that the output of Start is appended to.
	Log string
}

func (s Spec) command(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.Path, s.Args...)
	cmd.Dir, cmd.Env = s.Dir, append(os.Environ(), s.Env...)
	cmd.SysProcAttr = attributes()
	return cmd
}

// Process is a running program.
type Process struct {
	spec Spec
	cmd  *exec.Cmd
	from int64 // the size of the log at the start, in bytes: what is before was printed by runs before
	done chan struct{}
	err  error // set before done is closed
}

// Start runs the program until it ends by itself or Stop or Kill is called; the end of ctx does not end it, as stopping takes patience.
func Start(ctx context.Context, spec Spec) (*Process, error) {
	log, err := os.OpenFile(spec.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("log of %s: %w", spec.Name, err)
	}
	info, err := log.Stat()
	if err != nil {
		_ = log.Close()
		return nil, fmt.Errorf("log of %s: %w", spec.Name, err)
	}
	p := &Process{spec: spec, cmd: spec.command(context.WithoutCancel(ctx)), from: info.Size(), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	started := make(chan error)
	go func() {
		// Linux sends the parent-death signal when the thread that forked ends, so that thread has to stay with us.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		defer log.Close()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
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

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err waits for the end of the program and says how it came, with the end of the log.
func (p *Process) Err() error {
	<-p.done
	return fmt.Errorf("%s %w (%s); its log ends with:\n%s", p.spec.Name, ErrEnded, p.cmd.ProcessState, p.Tail(endLines))
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
		return errors.Join(fmt.Errorf("%s did not stop within %s and was killed", p.spec.Name, grace), p.Kill())
	}
}

// Kill ends the program at once, as the kernel does when memory runs out, and returns when it is gone.
func (p *Process) Kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %s: %w", p.spec.Name, err)
	}
	<-p.done
	return nil
}

// Tail returns the last lines that the program printed in this run.
func (p *Process) Tail(lines int) string {
	log, err := os.Open(p.spec.Log)
	if err != nil {
		return err.Error()
	}
	defer log.Close()
	info, err := log.Stat()
	if err != nil {
		return err.Error()
	}
	data := make([]byte, min(max(0, info.Size()-p.from), maxTailBytes))
	if _, err := log.ReadAt(data, info.Size()-int64(len(data))); err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// Run runs a program to its end and returns its standard output. What it says on standard error becomes part of the error. The end of ctx ends it.
func Run(ctx context.Context, spec Spec) ([]byte, error) {
	runtime.LockOSThread() // for the parent-death signal, see Start
	defer runtime.UnlockOSThread()
	cmd := spec.command(ctx)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = grace
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		text := bytes.TrimSpace(stderr.Bytes())
		return nil, fmt.Errorf("%s: %w: %s", spec.Name, err, text[max(0, len(text)-maxErrorBytes):])
	}
	return stdout.Bytes(), nil
}
