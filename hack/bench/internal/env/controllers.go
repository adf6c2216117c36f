// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package env

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/weir-gitops/weir/hack/bench/internal/process"
	"github.com/weir-gitops/weir/hack/bench/internal/result"
)

// probeInterval is how often a starting controller is asked whether it is ready.
// Nothing is measured meanwhile.
const probeInterval = 100 * time.Millisecond

// controller is a measured process.
type controller struct {
	*process.Process

	name string
	// user is its identity for the API server.
	user string
	// metrics is the address of metrics and profiles, host:port.
	metrics string
}

// program is how one of the two controllers is started.
type program struct {
	name, path string
	// flags are added to those that both have.
	flags []string
	// probes are URLs that answer 200 when the controller is ready.
	probes []string
}

// startControllers starts both with their default flags, but free ports, and
// waits until they are ready.
func (e *Env) startControllers(ctx context.Context) error {
	ports, err := freePorts(ctx, 5)
	if err != nil {
		return err
	}
	storage := filepath.Join(e.options.Dir, "storage")
	if err := os.MkdirAll(storage, 0o750); err != nil {
		return fmt.Errorf("create storage folder: %w", err)
	}
	programs := []program{{
		name: result.SourceName, path: e.options.SourceController,
		flags:  []string{"--storage-path=" + storage, "--storage-addr=" + ports[4], "--storage-adv-addr=" + ports[4]},
		probes: []string{"http://" + ports[4] + "/"},
	}, {
		name: result.KustomizeName, path: e.options.KustomizeController,
	}}
	for i, p := range programs {
		p.flags = append(p.flags, "--metrics-addr="+ports[2*i], "--health-addr="+ports[2*i+1])
		p.probes = append(p.probes, "http://"+ports[2*i+1]+"/readyz")
		c, err := e.start(ctx, p)
		if err != nil {
			return err
		}
		c.metrics = ports[2*i]
		e.controllers = append(e.controllers, c)
		for _, probe := range p.probes {
			if err := ready(ctx, c, probe); err != nil {
				return err
			}
		}
	}
	return nil
}

// start runs one controller under its own service account.
func (e *Env) start(ctx context.Context, p program) (*controller, error) {
	kubeconfig, err := e.cluster.Identity(ctx, SystemNamespace, p.name)
	if err != nil {
		return nil, err
	}
	temp := filepath.Join(e.options.Dir, "tmp-"+p.name)
	if err := os.MkdirAll(temp, 0o750); err != nil {
		return nil, fmt.Errorf("create temporary folder: %w", err)
	}
	started, err := process.Start(process.Command{
		Name: p.name, Path: p.path, Dir: e.options.Dir, Log: filepath.Join(e.options.Dir, p.name+".log"),
		Args: append([]string{"--watch-all-namespaces=true", "--log-level=info", "--log-encoding=json"}, p.flags...),
		Env: []string{
			"KUBECONFIG=" + kubeconfig, "RUNTIME_NAMESPACE=" + SystemNamespace, "TMPDIR=" + temp, "HOME=" + temp,
			"GOMEMLIMIT=", "GOGC=", "EVENTS_ADDR=",
		},
	})
	if err != nil {
		return nil, err
	}
	return &controller{Process: started, name: p.name, user: "system:serviceaccount:" + SystemNamespace + ":" + p.name}, nil
}

// ready waits until the controller answers the probe.
func ready(ctx context.Context, c *controller, url string) error {
	client := http.Client{Timeout: time.Second}
	ticker := time.NewTicker(probeInterval)
	defer ticker.Stop()
	for {
		last := probe(ctx, client, url)
		if last == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-c.Ended():
			return c.Err()
		case <-ctx.Done():
			return fmt.Errorf("wait for %s to get ready: %w (%w); its log ends with:\n%s",
				c.name, context.Cause(ctx), last, process.Tail(c.Log))
		}
	}
}

func probe(ctx context.Context, client http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("make probe: %w", err)
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	return nil
}

// freePorts returns addresses of 127.0.0.1 that nobody listened on just now.
func freePorts(ctx context.Context, n int) ([]string, error) {
	addresses := make([]string, 0, n)
	for range n {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer listener.Close() // all at the end, so that they differ
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses, nil
}
