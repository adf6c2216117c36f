// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package controllers runs controllers as processes of this machine: each with the arguments and the service account of its Deployment, on
// free ports, with everything that it writes below one folder. They can be stopped, killed and started again at the same addresses.
package controllers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/weir-gitops/weir/hack/local/install"
	"github.com/weir-gitops/weir/hack/local/process"
)

// The names of the controllers, as their Deployments have them.
const (
	Source       = "source-controller"
	Kustomize    = "kustomize-controller"
	Helm         = "helm-controller"
	Notification = "notification-controller"
	Image        = "image-automation-controller"
)

// Names lists all controllers in the order to start them: who takes events first, who emits them after.
func Names() []string { return []string{Notification, Source, Kustomize, Helm, Image} }

const (
	// readyTimeout is how long a controller may take to be ready; it needs about a second on an idle machine.
	readyTimeout = 2 * time.Minute
	// probeInterval is how often a starting controller is asked whether it is ready.
	probeInterval = 50 * time.Millisecond
	// probeTimeout bounds one such question.
	probeTimeout = 10 * time.Second
	// tailLines is how much of its log explains why a controller does not get ready.
	tailLines = 15
	// bindTries is how often a controller is started when somebody else listens at one of its addresses, bindPause the time between two tries.
	bindTries, bindPause = 5, 200 * time.Millisecond
)

// Options says how to run a controller.
type Options struct {
	install.Identity

	// Program is the executable.
	Program string
	// Kubeconfig acts as the identity's service account.
	Kubeconfig string
	// Dir is the folder for all that it writes but its log. It survives a restart, as the volume of a pod does.
	Dir string
	// Log is the file that its output is appended to.
	Log string
	// Events is where it sends its events: EventsURL of a notification-controller that runs, or nothing.
	Events string
	// Flags are added to the arguments of the identity, Env to the environment, and win over what is there.
	Flags, Env []string
}

// Controller is a controller, running or not.
type Controller struct {
	*process.Process
	// Metrics is the address, host:port, of metrics and profiles.
	Metrics string
	// EventsURL and WebhookURL are where a notification-controller takes events and webhooks; empty for the others.
	EventsURL, WebhookURL string

	spec      process.Spec
	user      string
	probes    []string
	addresses addresses // kept until this process ends, so that a restart finds them free
}

// Start runs a controller and waits until it is ready. What has started but does not get ready is returned along with the error.
func Start(ctx context.Context, o Options) (c *Controller, err error) {
	for range bindTries { // each at other addresses
		if c, err = start(ctx, o); !errors.Is(err, errAddressInUse) {
			break
		}
		c.addresses.release()
	}
	return c, err
}

// errAddressInUse says that a controller has ended as somebody else listens at one of its addresses.
var errAddressInUse = errors.New("an address was taken meanwhile")

func start(ctx context.Context, o Options) (*Controller, error) {
	reserved, err := reserve(ctx, 4)
	if err != nil {
		return nil, err
	}
	addresses := reserved.list()
	c := &Controller{
		Metrics:   addresses[0],
		user:      "system:serviceaccount:" + o.Namespace + ":" + o.ServiceAccount,
		probes:    []string{"http://" + addresses[1] + "/readyz"},
		addresses: reserved,
	}
	data, temporary := filepath.Join(o.Dir, "data"), filepath.Join(o.Dir, "tmp")
	if err := errors.Join(os.MkdirAll(data, 0o750), os.MkdirAll(temporary, 0o750)); err != nil {
		return nil, fmt.Errorf("make the folders of %s: %w", o.Name, err)
	}
	args := slices.Concat(o.Args, []string{"--metrics-addr=" + c.Metrics, "--health-addr=" + addresses[1]}, c.own(o, data, addresses[2:]))
	c.spec = process.Spec{
		Name: o.Name, Path: o.Program, Args: append(args, o.Flags...), Log: o.Log,
		Env: append([]string{
			"KUBECONFIG=" + o.Kubeconfig, "RUNTIME_NAMESPACE=" + o.Namespace, "TMPDIR=" + temporary,
			"GOMEMLIMIT=", "GOGC=", // the settings of the person stay out
		}, o.Env...),
	}
	err = c.run(ctx)
	if c.Process == nil {
		return nil, err
	}
	return c, err
}

// own lists the arguments that differ from one controller to another, for the folder of what it keeps and two free addresses.
func (c *Controller) own(o Options, data string, addresses []string) []string {
	if o.Name == Notification {
		c.EventsURL, c.WebhookURL = "http://"+addresses[0], "http://"+addresses[1]
		return []string{"--events-addr=" + addresses[0], "--receiverAddr=" + addresses[1]}
	}
	args := []string{"--events-addr=" + o.Events}
	switch o.Name {
	case Source:
		c.probes = append(c.probes, "http://"+addresses[0]+"/")
		args = append(args, "--storage-path="+data, "--storage-addr="+addresses[0], "--storage-adv-addr="+addresses[0])
	case Image:
		args = append(args, "--storage-path="+data)
	}
	return args
}

// Restart runs a controller that has ended once more, at the same addresses, and waits until it is ready.
func (c *Controller) Restart(ctx context.Context) error {
	var err error
	for range bindTries {
		if err = c.run(ctx); !errors.Is(err, errAddressInUse) {
			break
		}
		time.Sleep(bindPause)
	}
	return err
}

func (c *Controller) run(ctx context.Context) error {
	p, err := process.Start(ctx, c.spec)
	if err != nil {
		return err
	}
	c.Process = p
	err = c.ready(ctx)
	// What another program says is text, and the controllers all say this one.
	if errors.Is(err, process.ErrEnded) && strings.Contains(p.Tail(tailLines), syscall.EADDRINUSE.Error()) {
		err = errors.Join(fmt.Errorf("%w: %w", errAddressInUse, err), note(c.spec.Log, errAddressInUse.Error()))
	}
	return err
}

// note adds a line of ours to a log: what is tried again shows.
func note(log, text string) error {
	f, err := os.OpenFile(log, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "(%s)\n", text)
	return errors.Join(err, f.Close())
}

// User is who the controller is for the API server.
func (c *Controller) User() string { return c.user }

// ready waits until every probe is answered.
func (c *Controller) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	tick := time.NewTicker(probeInterval)
	defer tick.Stop()
	for _, url := range c.probes {
		for {
			last := probe(ctx, url)
			if last == nil && !c.ended() { // else it was somebody else who answered
				break
			}
			select {
			case <-tick.C:
			case <-c.Done():
				return c.Err()
			case <-ctx.Done():
				return fmt.Errorf("%s is not ready: %w (%w); its log ends with:\n%s", c.Name(), context.Cause(ctx), last, c.Tail(tailLines))
			}
		}
	}
	return nil
}

func (c *Controller) ended() bool {
	select {
	case <-c.Done():
		return true
	default:
		return false
	}
}

// probe is nil when the URL answers 200 OK.
func probe(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	return nil
}
