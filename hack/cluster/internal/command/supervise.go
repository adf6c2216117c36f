// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/weir-gitops/weir/hack/cluster/internal/instance"
	"github.com/weir-gitops/weir/hack/cluster/internal/lifeline"
	"github.com/weir-gitops/weir/hack/cluster/internal/plane"
)

// The background supervisor is this program again, told what to do through its standard input and reporting on a pipe.
// Its standard input stays open until `up` has seen the cluster ready: if `up` goes before that, so does the cluster.

// reportFD is the descriptor of the pipe on which a background supervisor reports, the first one after standard error.
const reportFD = 3

// order is the first thing on a background supervisor's standard input.
type order struct {
	plane.Options
	// Parent is the process to which the cluster is bound, 0 for none.
	Parent int
}

// message is a line that a background supervisor reports.
type message struct {
	Progress string           `json:"progress,omitempty"`
	Ready    *instance.Report `json:"ready,omitempty"`
	// Running says that another supervisor was faster.
	Running bool   `json:"running,omitempty"`
	Error   string `json:"error,omitempty"`
}

var (
	// errSilent says that the supervisor died without a word.
	errSilent = errors.New("the supervisor ended without a report; see supervisor.log in the data folder")
	// errInterrupted says that the user changed their mind.
	errInterrupted = errors.New("interrupted before the cluster was ready; nothing is left running")
)

// detach starts a background supervisor and returns when its cluster is ready or has failed.
func detach(ctx context.Context, o order, w plane.Watcher) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	logPath := o.Folder.Path("supervisor.log")
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	defer log.Close() // the supervisor has its own
	reports, theirs, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make a pipe: %w", err)
	}
	defer reports.Close() // only read

	// Not bound to the context: the supervisor outlives this call, and ends cleanly when it is asked to.
	cmd := exec.Command(self, "supervise") //nolint:noctx // see above
	cmd.Dir = string(o.Folder)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	orders, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("make a pipe: %w", err)
	}
	defer orders.Close() // closing is the message
	err = cmd.Start()
	_ = theirs.Close()
	if err != nil {
		return fmt.Errorf("start the supervisor: %w", err)
	}
	let := context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	defer let()
	if err := json.NewEncoder(orders).Encode(o); err != nil {
		return fmt.Errorf("instruct the supervisor: %w", err)
	}
	ready, err := follow(reports, w)
	if !ready {
		_ = cmd.Wait() // it is on its way out; its lock must be free when this returns
		if ctx.Err() != nil {
			return errInterrupted
		}
		return err
	}
	_, err = io.WriteString(orders, "stay\n")
	return err
}

// follow passes the supervisor's reports on until it is ready or ends.
func follow(reports io.Reader, w plane.Watcher) (ready bool, err error) {
	lines := json.NewDecoder(reports)
	for {
		var m message
		if err := lines.Decode(&m); err != nil {
			return false, errSilent
		}
		switch {
		case m.Ready != nil:
			w.Ready(*m.Ready)
			return true, nil
		case m.Running:
			return false, instance.ErrRunning
		case m.Error != "":
			return false, errors.New(m.Error)
		default:
			w.Progress(m.Progress)
		}
	}
}

func superviseCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "supervise",
		Short:  "Be the background supervisor; used by up",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return supervise(cmd.Context())
		},
	}
}

func supervise(ctx context.Context) error {
	syscall.CloseOnExec(reportFD)
	pipe := os.NewFile(reportFD, "reports")
	if pipe == nil {
		return usageError{errors.New("supervise is for weir-cluster's own use")}
	}
	defer pipe.Close() // its reader is gone
	stdin := bufio.NewReader(os.Stdin)
	line, err := stdin.ReadBytes('\n')
	if err != nil {
		return usageError{errors.New("supervise is for weir-cluster's own use")}
	}
	var o order
	if err := json.Unmarshal(line, &o); err != nil {
		return fmt.Errorf("read orders: %w", err)
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if _, err := stdin.ReadByte(); err != nil {
			cancel(lifeline.ErrGone)
		}
	}()
	if o.Parent != 0 {
		ctx = lifeline.WithPID(ctx, o.Parent)
	}
	w := reporter{json.NewEncoder(pipe)}
	if err := plane.Run(ctx, o.Options, w); err != nil {
		w.send(message{Error: err.Error(), Running: errors.Is(err, instance.ErrRunning)})
		return err
	}
	w.send(message{Error: "the cluster was told to stop"})
	return nil
}

// reporter tells `up` how it goes. Nobody listens any more once the cluster is ready.
type reporter struct{ to *json.Encoder }

// Progress passes a step on.
func (r reporter) Progress(text string) { r.send(message{Progress: text}) }

// Ready passes on that all is up.
func (r reporter) Ready(report instance.Report) { r.send(message{Ready: &report}) }

func (r reporter) send(m message) { _ = r.to.Encode(m) } //nolint:errchkjson // plain values; the reader may be gone
