// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package plane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/weir-gitops/weir/hack/cluster/internal/instance"
	"github.com/weir-gitops/weir/hack/cluster/internal/lifeline"
)

// child is a running component.
type child struct {
	component
	process *os.Process
	// ended is closed once the process is gone; err says how it ended.
	ended chan struct{}
	err   error
}

// nursery starts children, which all die when this process does.
type nursery struct {
	folder   instance.Folder
	line     *os.File // what children watch
	keep     *os.File // held open by this process alone
	requests chan func()
}

// newNursery starts the thread on which children are born. On Linux the kernel kills a child when the thread that started
// it ends, so it has to be one that lasts as long as the process.
func newNursery(f instance.Folder) (*nursery, error) {
	line, keep, err := lifeline.Pipe()
	if err != nil {
		return nil, err
	}
	n := &nursery{folder: f, line: line, keep: keep, requests: make(chan func())}
	go func() {
		runtime.LockOSThread()
		for start := range n.requests {
			start()
		}
	}()
	return n, nil
}

// close ends every child that is left, and the thread.
func (n *nursery) close() {
	close(n.requests)
	_ = n.keep.Close()
	_ = n.line.Close()
}

// start runs a component with its output in its log.
func (n *nursery) start(c component) (*child, error) {
	program, args := c.program, c.args
	if program == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find this program: %w", err)
		}
		program, args = self, append([]string{c.name}, c.args...)
	}
	log, err := os.OpenFile(n.folder.Log(c.name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log of %s: %w", c.name, err)
	}
	defer log.Close() // the child has its own

	// Not bound to a context: cancelling one would kill the child, and children are asked to end, in order.
	cmd := exec.Command(program, args...) //nolint:noctx // see above
	cmd.Dir = string(n.folder)
	cmd.Env = n.environment(c)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{n.line} // becomes descriptor 3
	cmd.SysProcAttr = childAttributes()

	failed := make(chan error)
	n.requests <- func() { failed <- cmd.Start() }
	if err := <-failed; err != nil {
		return nil, fmt.Errorf("start %s: %w", c.name, err)
	}
	ch := &child{component: c, process: cmd.Process, ended: make(chan struct{})}
	go func() {
		ch.err = cmd.Wait()
		close(ch.ended)
	}()
	return ch, nil
}

// environment is small on purpose: a proxy or an ETCD_ variable of the user's must not change what is run. HOME is the data
// folder because kwok reads a configuration from there.
func (n *nursery) environment(c component) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"),
		"TMPDIR=" + os.TempDir(),
		"HOME=" + string(n.folder),
		"GOGC=" + strconv.Itoa(c.gogc),
		lifeline.Env + "=3",
	}
}

// stop asks the component to end, and makes it after the patience is over.
func (c *child) stop(patience time.Duration) {
	_ = c.process.Signal(syscall.SIGTERM) // fails only when it has ended
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-c.ended:
	case <-timer.C:
		_ = c.process.Kill()
		<-c.ended
	}
}

// failure is what to say about a component that ended by itself.
func (c *child) failure(f instance.Folder) error {
	how := "ended"
	if exit, ok := errors.AsType[*exec.ExitError](c.err); ok {
		how = exit.String()
	}
	return fmt.Errorf("%s: %s; the end of %s:\n%s", c.name, how, f.Log(c.name), tail(f.Log(c.name)))
}

// errEnded says that a component ended before it was ready.
var errEnded = errors.New("ended")

// await polls the component's health until it is good, the component ends or ctx does.
func (c *child) await(ctx context.Context, p *prober) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := p.probe(ctx, c.health)
		if err == nil {
			return nil
		}
		select {
		case <-c.ended:
			return errEnded
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w (last answer: %w)", c.name, context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}
