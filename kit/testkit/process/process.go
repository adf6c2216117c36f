// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package process

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	ctrlcontroller "sigs.k8s.io/controller-runtime/pkg/controller"
	ctrlmanager "sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/weir-gitops/weir/kit/manager"
	"github.com/weir-gitops/weir/kit/testkit"
)

// Options say what runs, and on what.
type Options struct {
	// Program makes the program. Every start takes a new one, as a program holds its flags.
	Program func() manager.Program
	// Config leads to the API server.
	Config *rest.Config
	// Namespace is the one that the controller runs in and, unless the arguments say otherwise, the only one that it looks after.
	Namespace string
	// Args are the flags. They come after those that Start sets, and win.
	Args []string
	// Serves tells from the log whether the controller is up. Nil means that the workers of all its kinds have started; a replica that does
	// not lead never starts any.
	Serves func(log string) bool
}

// Process is a controller that runs.
type Process struct {
	// Log is what it writes.
	Log *testkit.Buffer

	tb     testing.TB
	cancel context.CancelFunc
	done   chan struct{}
	code   int // once done is closed
	report sync.Once
}

// Start runs a controller and returns when it is up. It is stopped when the test ends, which shows its log if it has failed.
func Start(tb testing.TB, o Options) *Process {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	p := &Process{Log: &testkit.Buffer{}, tb: tb, cancel: cancel, done: make(chan struct{})}
	program := o.Program()
	program.Config, program.Namespace = o.Config, o.Namespace
	controllers := count(&program)
	args := append([]string{"--metrics-addr=0", "--health-addr=0", "--watch-all-namespaces=false"}, o.Args...)
	go func() {
		defer close(p.done)
		p.code = manager.Run(ctx, program, args, p.Log, p.Log)
	}()
	tb.Cleanup(func() {
		p.Stop()
		if tb.Failed() {
			tb.Log(p.Log)
		}
	})
	up := func() bool {
		return strings.Count(p.Log.String(), `"Starting workers"`) == int(controllers.Load()) && controllers.Load() > 0
	}
	if o.Serves != nil {
		up = func() bool { return o.Serves(p.Log.String()) }
	}
	testkit.Eventually(tb, "the controller is up", func() bool { return p.ended() || up() }, p.Log.String)
	if p.ended() {
		tb.Fatal("the controller has ended at once")
	}
	return p
}

// Stop ends the controller as a signal would and waits for that. Its exit code has to be 0.
func (p *Process) Stop() {
	p.tb.Helper()
	p.cancel()
	<-p.done
	p.report.Do(func() {
		if p.code != 0 {
			p.tb.Errorf("the controller ended with code %d", p.code)
		}
	})
}

func (p *Process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// count makes the program count its controllers while it sets itself up. The number stands before the first of them starts.
func count(program *manager.Program) *atomic.Int64 {
	counted, setup := new(atomic.Int64), program.Setup
	program.Setup = func(ctx context.Context, rt *manager.Runtime) error {
		rt.Manager = &countingManager{Manager: rt.Manager, controllers: counted}
		return setup(ctx, rt)
	}
	return counted
}

// countingManager is a manager that counts the controllers it is given.
type countingManager struct {
	ctrl.Manager
	controllers *atomic.Int64
}

// Add implements ctrl.Manager.
func (m *countingManager) Add(r ctrlmanager.Runnable) error {
	if _, ok := r.(ctrlcontroller.Controller); ok {
		m.controllers.Add(1)
	}
	return m.Manager.Add(r)
}
