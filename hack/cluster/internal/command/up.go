// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/weir-gitops/weir/hack/cluster/internal/instance"
	"github.com/weir-gitops/weir/hack/cluster/internal/lifeline"
	"github.com/weir-gitops/weir/hack/cluster/internal/plane"
	"github.com/weir-gitops/weir/hack/cluster/internal/users"
)

// up starts a cluster.
type up struct {
	selection
	output
	audit          bool
	kwok           bool
	nodes          int
	users          []string
	wait           time.Duration
	foreground     bool
	exitWithParent bool
	withParent     int
	exitWithStdin  bool
}

func upCommand() *cobra.Command {
	var u up
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start a cluster, or say that it runs already",
		Long: "Start a cluster and return when it is ready; its supervisor stays in the background until `down`.\n" +
			"With --foreground this process is the supervisor: it ends on Ctrl-C and takes everything with it.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return u.run(cmd) },
	}
	u.selection.bind(cmd)
	u.output.bind(cmd)
	f := cmd.Flags()
	f.BoolVar(&u.audit, "audit", false, "log every request as a JSON line in audit.log in the data folder")
	f.BoolVar(&u.kwok, "kwok", true, "simulate nodes: pods become ready and jobs complete")
	f.IntVar(&u.nodes, "nodes", 1, "how many nodes to simulate, each with room for 10000 pods")
	f.StringArrayVar(&u.users, "user", nil, "a user with a bearer token: token,name,uid[,group...]; may be repeated")
	f.DurationVar(&u.wait, "wait", time.Minute, "how long the start may take")
	f.BoolVar(&u.foreground, "foreground", false, "stay, and stop the cluster on SIGINT, SIGTERM or SIGHUP")
	f.BoolVar(&u.exitWithParent, "exit-with-parent", false, "stop the cluster when the process that runs this command is gone")
	f.IntVar(&u.withParent, "with-parent", 0, "stop the cluster when the process of this id is gone")
	f.BoolVar(&u.exitWithStdin, "exit-with-stdin", false, "with --foreground: stop the cluster at the end of standard input")
	return cmd
}

func (u *up) run(cmd *cobra.Command) error {
	options, err := u.options()
	if err != nil {
		return err
	}
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), signals...)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends at once; the children go along
	if options.Folder.Running() {
		return u.join(ctx, cmd, options)
	}
	if err := options.Folder.Claim(); err != nil {
		return err
	}
	w := &console{out: cmd.OutOrStdout(), err: cmd.ErrOrStderr(), json: u.json(), foreground: u.foreground}
	sayf(w.err, "starting cluster %s in %s", options.Name, options.Folder)
	if u.foreground {
		return plane.Run(u.bound(ctx), options, w)
	}
	err = detach(ctx, order{Options: options, Parent: u.parent()}, w)
	if errors.Is(err, instance.ErrRunning) { // another up was faster
		return u.join(ctx, cmd, options)
	}
	return err
}

func (u *up) options() (plane.Options, error) {
	folder, err := u.folder()
	if err != nil {
		return plane.Options{}, err
	}
	o := plane.Options{Folder: folder, Name: u.name, Audit: u.audit, Nodes: u.nodes, Wait: u.wait}
	if !u.kwok {
		o.Nodes = 0
	}
	for _, text := range u.users {
		user, err := users.Parse(text)
		if err != nil {
			return o, usageError{err}
		}
		o.Users = append(o.Users, user)
	}
	if o.Nodes > 0 {
		o.Kwok, err = besides("weir-kwok")
	}
	return o, errors.Join(err, u.output.validate(), u.validate())
}

func (u *up) validate() error {
	if u.nodes < 0 {
		return usageError{errors.New("--nodes must not be negative")}
	}
	if u.exitWithStdin && !u.foreground {
		return usageError{errors.New("--exit-with-stdin needs --foreground")}
	}
	return nil
}

// bound returns a context that also ends with whatever the flags bind a foreground supervisor to.
func (u *up) bound(ctx context.Context) context.Context {
	if u.exitWithParent {
		ctx = lifeline.WithParent(ctx)
	}
	if u.withParent != 0 {
		ctx = lifeline.WithPID(ctx, u.withParent)
	}
	if u.exitWithStdin {
		ctx = lifeline.WithReader(ctx, os.Stdin)
	}
	return ctx
}

// parent is the process that a background supervisor is bound to, 0 for none.
func (u *up) parent() int {
	if u.withParent == 0 && u.exitWithParent {
		return os.Getppid()
	}
	return u.withParent
}

// join waits for the cluster that another call has started.
func (u *up) join(ctx context.Context, cmd *cobra.Command, o plane.Options) error {
	ctx, cancel := context.WithTimeout(ctx, o.Wait)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		state, err := o.Folder.Load()
		if err != nil {
			return err
		}
		// A supervisor that has just begun has not yet replaced the state of one that crashed.
		if state.Ready && lifeline.Alive(state.Supervisor) {
			if o.Audit && !state.Audit {
				return errors.New("the cluster is running without --audit; run `weir-cluster down` first")
			}
			sayf(cmd.ErrOrStderr(), "cluster %s is already running", state.Name)
			w := &console{out: cmd.OutOrStdout(), err: cmd.ErrOrStderr(), json: u.json()}
			w.Ready(o.Folder.Report(state))
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the cluster that is starting in %s: %w", o.Folder, context.Cause(ctx))
		case <-tick.C:
		}
		if !o.Folder.Running() {
			return errors.New("the cluster that was starting has ended; see `weir-cluster status`")
		}
	}
}

// console shows a start to whoever runs the command.
type console struct {
	out, err   io.Writer
	json       bool
	foreground bool
}

// Progress prints a step.
func (c *console) Progress(text string) { sayf(c.err, "%s", text) }

// Ready prints how to use the cluster: for a program one line of JSON, for a person commands to paste.
func (c *console) Ready(r instance.Report) {
	if c.json {
		_ = json.NewEncoder(c.out).Encode(r) //nolint:errchkjson // plain values; a closed pipe is the reader's choice
		return
	}
	sayf(c.err, "Kubernetes %s is ready at %s", r.Version, r.Server)
	sayf(c.out, "export KUBECONFIG=%s", r.Kubeconfig)
	if r.AuditLog != "" {
		sayf(c.err, "requests are logged in %s", r.AuditLog)
	}
	if c.foreground {
		sayf(c.err, "press Ctrl-C to stop it")
	}
}

// besides finds a program that was built together with this one.
func besides(name string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	if self, err = filepath.EvalSymlinks(self); err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	path := filepath.Join(filepath.Dir(self), name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s is missing beside weir-cluster; hack/cluster/build makes both: %w", name, err)
	}
	return path, nil
}
