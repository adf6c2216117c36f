// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apart

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// maxTime bounds a child by the clock: it has others wait for their turn.
	maxTime = 2 * time.Minute
	// maxComplaint is how much is kept of what a dying child says, in bytes. The first lines tell why it dies.
	maxComplaint = 4096
	// lastWords is how long the pipes of a dead child are waited for.
	lastWords = 5 * time.Second
	// maxAnswering bounds what this process does for a child in all: waiting costs no processor, and others wait for their turn.
	maxAnswering = 30 * time.Second
	// tooMuchText is what a child says when the templates render to more than is taken.
	tooMuchText = "rendering was stopped: the templates render to more than 64 MiB"
)

var (
	// errTime ends a child that takes too long.
	errTime = errors.New("out of time")
	// errAnswers ends a child for which too much is asked of the cluster.
	errAnswers = errors.New("too long in lookups")
)

// apart does a job in a child.
func (k *Keeper) apart(ctx context.Context, j Job, l Lookups, limit time.Duration) (map[string]string, error) {
	codec, err := newCodec()
	if err != nil {
		return nil, err
	}
	// The kernel kills the child when the thread ends that has started it, which is not to be before the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	limit = min(limit, k.longest)
	bounded, cancel := context.WithTimeoutCause(ctx, limit, errTime)
	defer cancel()
	program, err := executable()
	if err != nil {
		return nil, err
	}
	seconds := int64(k.cpu / time.Second)
	cmd := exec.CommandContext(bounded, program, childArgument, strconv.FormatInt(k.memory, 10), strconv.FormatInt(seconds, 10)) //nolint:gosec // this program
	cmd.Env, cmd.SysProcAttr, cmd.WaitDelay = environment(), attributes(), lastWords
	complaint := &head{}
	cmd.Stderr = complaint
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, cmp.Or(over(ctx, bounded, limit), fmt.Errorf("start a process to render apart: %w", err))
	}
	done, err := talk(bounded, pipe{codec: codec, in: stdout, out: stdin, takes: maxAnswerBytes, gives: maxJobBytes}, j, l, k.answers)
	died := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.EPIPE)
	if !died {
		cancel() // there is nothing more to come
	}
	ended := cmd.Wait()
	if err == nil {
		return done.outcome()
	}
	if late := over(ctx, bounded, limit); late != nil {
		return nil, late
	}
	if errors.Is(err, errAnswers) {
		return nil, fmt.Errorf("rendering was stopped: the cluster took more than %s to answer the lookups of the templates", k.answers)
	}
	if !died || ended == nil {
		return nil, fmt.Errorf("render apart: %w", err)
	}
	return nil, k.explain(ended, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime(), complaint.String())
}

// over says why the time of a child is over: ctx is that of the run, and bounded that of the child. It is nil while there is time left.
func over(ctx, bounded context.Context, limit time.Duration) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(context.Cause(bounded), errTime):
		return fmt.Errorf("rendering was stopped: the templates did not come to an end within %s", limit)
	}
	return nil
}

// talk sends a job and answers questions until the child has done it, for so long in all. Its error is one of the conversation, not of the job.
func talk(ctx context.Context, p pipe, j Job, l Lookups, left time.Duration) (*result, error) {
	if err := p.send(message{Job: j.sent()}); err != nil {
		return nil, err
	}
	for {
		m, err := p.receive()
		if err != nil {
			return nil, err
		}
		switch {
		case m.Result != nil:
			return m.Result, nil
		case m.Question == nil:
			return nil, errMalformed
		}
		began := time.Now()
		reply, err := l.answerWithin(ctx, left, *m.Question)
		if err != nil {
			return nil, err
		}
		if left -= time.Since(began); left <= 0 {
			return nil, errAnswers
		}
		if err := p.send(message{Answer: reply}); err != nil {
			return nil, err
		}
	}
}

// explain says which bound ended a child that has used so much time of processors. Nothing that the chart has written is passed on.
func (k *Keeper) explain(ended error, used time.Duration, complaint string) error {
	const mebibyte = 1 << 20
	switch {
	case strings.Contains(complaint, "stack overflow"):
		return fmt.Errorf("rendering was stopped: the templates call each other without end, with more than %d MiB of stack", childStack/mebibyte)
	case slices.ContainsFunc(wants(), func(want string) bool { return strings.Contains(complaint, want) }):
		return fmt.Errorf("rendering was stopped: the templates need more than %d MiB of memory", k.memory/mebibyte)
	case used >= k.cpu:
		return fmt.Errorf("rendering was stopped: the templates need more than %s of a processor", k.cpu)
	}
	if failed, ok := errors.AsType[*exec.ExitError](ended); ok {
		if status, ok := failed.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
			return errors.New("rendering was stopped: the system killed the process that rendered, for want of memory most likely")
		}
	}
	return fmt.Errorf("rendering was stopped: the process that rendered ended by itself: %w", ended)
}

// wants are what the runtime of Go says when it is refused memory, for threads, too.
func wants() []string {
	return []string{"out of memory", "cannot allocate memory", "pthread_create failed", "failed to create new OS thread"}
}

// environment has what templates depend on: the time zone.
func environment() []string {
	env := []string{} // nil would mean all
	for _, name := range []string{"TZ", "ZONEINFO"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// head keeps the beginning of what is written to it.
type head struct{ bytes.Buffer }

// Write implements io.Writer.
func (h *head) Write(p []byte) (int, error) {
	if room := maxComplaint - h.Len(); room > 0 {
		h.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
