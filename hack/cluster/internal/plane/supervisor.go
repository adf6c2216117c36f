// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package plane runs a control plane: etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok as children
// of one supervisor, from the moment their configuration is written until the last of them is gone.
package plane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"k8s.io/component-base/version"

	"github.com/weir-gitops/weir/hack/cluster/internal/instance"
	"github.com/weir-gitops/weir/hack/cluster/internal/role"
)

// patience is how long a component may take to end when asked; then it is killed. The API server waits for requests in
// flight and would wait for a minute.
const patience = 5 * time.Second

// aftermath is how long after the end of a component that of another, which took the first one along, may be seen: the
// kernel closes the connections of a killed process a moment before its parent learns of its end.
const aftermath = 500 * time.Millisecond

// Watcher is told how a start gets on.
type Watcher interface {
	// Progress is a step that was reached.
	Progress(text string)
	// Ready is called once, with what was started.
	Ready(instance.Report)
}

// supervisor owns the processes of one cluster.
type supervisor struct {
	Options
	watcher  Watcher
	state    instance.State
	nursery  *nursery
	prober   *prober
	children []*child
	// died carries the first component that ended by itself.
	died chan *child
}

// Run brings the cluster up and keeps it until ctx ends or a component does. It returns nil if it was ctx, after
// everything has been stopped.
func Run(ctx context.Context, o Options, w Watcher) (err error) {
	release, err := o.Folder.Lock()
	if err != nil {
		return err
	}
	defer release()
	s := &supervisor{Options: o, watcher: w, died: make(chan *child, 1)}
	defer func() { err = s.record(err) }()

	ports := new(ports)
	defer ports.release()
	components, err := s.prepare(ports)
	if err != nil {
		return err
	}
	if s.nursery, err = newNursery(o.Folder); err != nil {
		return err
	}
	defer s.nursery.close()
	defer s.stop()

	if err := s.start(ctx, components); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case c := <-s.died:
		return s.cause(c).failure(o.Folder)
	}
}

// cause returns the component to blame when c has ended: the first in the order of their start that has ended too, since
// each stands on those before it.
func (s *supervisor) cause(c *child) *child {
	time.Sleep(aftermath)
	for _, earlier := range s.children {
		select {
		case <-earlier.ended:
			return earlier
		default:
		}
	}
	return c
}

// prepare writes all configuration and the state of a cluster that is about to start.
func (s *supervisor) prepare(ports *ports) ([]component, error) {
	f := s.Folder
	before, err := f.Load()
	if err != nil {
		return nil, err
	}
	s.state = instance.State{
		Name: s.Name, Version: version.Get().GitVersion, Audit: s.Audit, Started: time.Now(), Supervisor: os.Getpid(),
	}
	take := func(component string) (port int) {
		if err == nil {
			port, err = ports.take(before.Port(component))
		}
		return port
	}
	api := take(role.APIServer)
	components := []component{
		etcd(), apiServer(s.Options, api), controllerManager(f, take(role.ControllerManager)), scheduler(f, take(role.Scheduler)),
	}
	if s.Nodes > 0 {
		components = append(components, kwok(s.Options, take(kwokName)))
	}
	if err != nil {
		return nil, err
	}
	s.state.Server = fmt.Sprintf("https://127.0.0.1:%d", api)
	if err := f.Save(s.state); err != nil {
		return nil, err
	}
	if err := configure(s.Options, s.state.Server); err != nil {
		return nil, err
	}
	if s.prober, err = newProber(f); err != nil {
		return nil, err
	}
	return components, rotateLogs(f)
}

// start brings up the components in their order: the first two one after the other, since each is useless without the
// one before, the others at once.
func (s *supervisor) start(ctx context.Context, components []component) error {
	ctx, cancel := context.WithTimeout(ctx, s.Wait)
	defer cancel()
	for _, c := range components[:2] {
		ch, err := s.launch(c)
		if err != nil {
			return err
		}
		if err := s.await(ctx, ch); err != nil {
			return err
		}
	}
	var rest []*child
	for _, c := range components[2:] {
		ch, err := s.launch(c)
		if err != nil {
			return err
		}
		rest = append(rest, ch)
	}
	client, err := adminClient(s.Folder)
	if err != nil {
		return err
	}
	if err := ensureNodes(ctx, client, s.Nodes); err != nil {
		return err
	}
	for _, ch := range rest {
		if err := s.await(ctx, ch); err != nil {
			return err
		}
	}
	if err := settled(ctx, client, s.Nodes); err != nil {
		return err
	}
	s.progress("pods can be scheduled, with %d simulated nodes", s.Nodes)
	s.state.Ready = true
	s.state.StartSeconds = time.Since(s.state.Started).Round(10 * time.Millisecond).Seconds()
	if err := s.Folder.Save(s.state); err != nil {
		return err
	}
	s.watcher.Ready(s.Folder.Report(s.state))
	return nil
}

// launch starts a component and notes its process before anything else happens.
func (s *supervisor) launch(c component) (*child, error) {
	ch, err := s.nursery.start(c)
	if err != nil {
		return nil, err
	}
	s.children = append(s.children, ch)
	s.state.Components = append(s.state.Components, instance.Component{Name: c.name, PID: ch.process.Pid, Port: c.port})
	go func() {
		<-ch.ended
		select {
		case s.died <- ch:
		default: // one is enough
		}
	}()
	return ch, s.Folder.Save(s.state)
}

func (s *supervisor) await(ctx context.Context, c *child) error {
	if err := c.await(ctx, s.prober); err != nil {
		if errors.Is(err, errEnded) {
			return s.cause(c).failure(s.Folder)
		}
		return err
	}
	s.progress("%s is ready", c.name)
	return nil
}

func (s *supervisor) progress(format string, args ...any) {
	s.watcher.Progress(fmt.Sprintf("%5.1fs  ", time.Since(s.state.Started).Seconds()) + fmt.Sprintf(format, args...))
}

// stop ends the components in reverse order, so that none loses what it stands on.
func (s *supervisor) stop() {
	for _, c := range slices.Backward(s.children) {
		c.stop(patience)
	}
}

// record writes down that the cluster is gone, and why if it was not asked to go.
func (s *supervisor) record(err error) error {
	if s.state.Supervisor == 0 {
		return err // another supervisor's folder, or nothing has begun
	}
	s.state.Ready = false
	if err != nil {
		s.state.Failure = err.Error()
	}
	if saveErr := s.Folder.Save(s.state); saveErr != nil && err == nil {
		return saveErr
	}
	return err
}
