// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package process runs the programs under measurement: with their output in a
// file, told apart when they end by themselves, and never left behind.
package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

const (
	// grace is how long a program may take to end after SIGTERM.
	grace = 15 * time.Second
	// tailBytes is how much of a log is shown when a program ends by itself.
	tailBytes = 2000
)

// ErrEnded says that a program ended by itself.
var ErrEnded = errors.New("ended by itself")

// Command is a program to run.
type Command struct {
	// Name is what messages call it.
	Name string
	// Path is the executable.
	Path string
	Args []string
	// Env is added to the environment of the bench.
	Env []string
	// Dir is the working directory.
	Dir string
	// Log is the file for both outputs.
	Log string
}

// Process is a program that runs.
type Process struct {
	Command

	cmd    *exec.Cmd
	ended  chan struct{} // closed when the program has ended
	result error         // set before ended is closed
}

// Start runs the program. It ends with Stop, or when the bench dies.
func Start(c Command) (*Process, error) {
	log, err := os.OpenFile(c.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log of %s: %w", c.Name, err)
	}
	defer log.Close()
	// Not bound to a context: Stop asks nicely first.
	cmd := exec.Command(c.Path, c.Args...) //nolint:noctx // ended by Stop
	cmd.Dir, cmd.Env = c.Dir, append(os.Environ(), c.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = attributes()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	p := &Process{Command: c, cmd: cmd, ended: make(chan struct{})}
	go func() {
		p.result = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ended is closed when the program has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Err says why a program that has ended did so, with the end of its log.
func (p *Process) Err() error {
	return fmt.Errorf("%s %w (%w); its log ends with:\n%s", p.Name, ErrEnded, errOrExit(p.result), Tail(p.Log))
}

// Stop ends the program, by force after a time of grace.
func (p *Process) Stop() error {
	select {
	case <-p.ended:
		return nil
	default:
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended just now
	select {
	case <-p.ended:
		return nil
	case <-time.After(grace):
	}
	_ = p.cmd.Process.Kill()
	<-p.ended
	return fmt.Errorf("stop %s: killed after %s", p.Name, grace)
}

// Run runs a program to its end and returns its standard output.
func Run(ctx context.Context, c Command) ([]byte, error) {
	cmd := exec.CommandContext(ctx, c.Path, c.Args...)
	cmd.Dir, cmd.Env = c.Dir, append(os.Environ(), c.Env...)
	cmd.SysProcAttr = attributes()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = grace
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		text := bytes.TrimSpace(stderr.Bytes())
		return nil, fmt.Errorf("%s: %w: %s", c.Name, err, text[max(0, len(text)-tailBytes):])
	}
	return stdout.Bytes(), nil
}

// Tail returns the end of a log.
func Tail(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(data[max(0, len(data)-tailBytes):])
}

// errOrExit stands in for the nil of a program that ended without an error.
func errOrExit(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}
