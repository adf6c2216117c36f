// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// assetsEnv names the folder with the executables etcd and kube-apiserver.
const assetsEnv = "KUBEBUILDER_ASSETS"

// startLimit bounds the start of etcd, of the API server, and of its CRDs, a second or two each. The limits of envtest (20 s, 10 s for CRDs) are too
// tight for a machine on which all packages test at once.
const startLimit = 2 * time.Minute

// startAttempts is how often a start is tried that ends with lateNamespace: after the limits that can be set, envtest gives the server 5 s to make
// the namespace default, which is little for a machine on which many of them start. Any other error is a fault, told at once.
const (
	startAttempts = 3
	lateNamespace = "default namespace didn't register within deadline" // envtest has no error of its own for it
)

// Cluster is a running API server with the CRDs of this repository.
type Cluster struct {
	// Config reaches the server as an administrator, without limits on the client's side.
	Config *rest.Config
	// Client reads and writes past any cache.
	Client client.Client

	env   *envtest.Environment
	ports []reservation
}

// stop ends the server and leaves its ports to others.
func (c *Cluster) stop() error {
	err := c.env.Stop()
	for _, port := range c.ports {
		port.release()
	}
	return err
}

// Suite shares one API server among the tests of a package:
//
//	var suite testkit.Suite
//
//	func TestMain(m *testing.M) { os.Exit(suite.Main(m)) }
//
//	func TestApply(t *testing.T) { cluster := suite.Cluster(t) … }
type Suite struct {
	// Scheme holds the types that Cluster.Client knows; nil means those of Kubernetes.
	Scheme *runtime.Scheme

	once    sync.Once
	cluster *Cluster
	err     error
}

// Main runs the tests, stops the API server if one of them started it, and returns the exit code.
func (s *Suite) Main(m *testing.M) int {
	log.SetLogger(logr.Discard()) // the programs of tests have loggers of their own
	code := m.Run()
	if s.cluster == nil {
		return code
	}
	if err := s.cluster.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop API server:", err)
		return max(code, 1)
	}
	return code
}

// Cluster returns the API server of the suite, starting it for the first test that asks. It skips the test where there is none to start.
func (s *Suite) Cluster(tb testing.TB) *Cluster {
	tb.Helper()
	skipWithoutAssets(tb)
	s.once.Do(func() { s.cluster, s.err = start(s.Scheme) })
	if s.err != nil {
		tb.Fatalf("start API server: %v", s.err)
	}
	return s.cluster
}

// APIServer starts an API server for one test alone. It skips the test where there is none to start.
func APIServer(tb testing.TB, scheme *runtime.Scheme) *Cluster {
	tb.Helper()
	skipWithoutAssets(tb)
	cluster, err := start(scheme)
	if err != nil {
		tb.Fatalf("start API server: %v", err)
	}
	tb.Cleanup(func() {
		if err := cluster.stop(); err != nil {
			tb.Errorf("stop API server: %v", err)
		}
	})
	return cluster
}

func skipWithoutAssets(tb testing.TB) {
	tb.Helper()
	if os.Getenv(assetsEnv) == "" {
		tb.Skipf("needs an API server: %s is not set", assetsEnv)
	}
}

// start starts an API server, with everything new in each attempt.
func start(scheme *runtime.Scheme) (*Cluster, error) {
	crds, err := crdFolder()
	if err != nil {
		return nil, err
	}
	if scheme == nil {
		scheme = clientgoscheme.Scheme
	}
	var cluster *Cluster
	err = attempt(func() error {
		cluster = &Cluster{env: &envtest.Environment{
			CRDDirectoryPaths: []string{crds}, ErrorIfCRDPathMissing: true, CRDInstallOptions: envtest.CRDInstallOptions{MaxTime: startLimit},
			ControlPlaneStartTimeout: startLimit, ControlPlaneStopTimeout: startLimit, UseExistingCluster: new(false),
		}}
		if err := cluster.start(scheme); err != nil {
			return errors.Join(err, cluster.stop())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return cluster, nil
}

// attempt runs a start again that was late, and says so: what happens often is to be seen, although the tests then pass.
func attempt(start func() error) error {
	for n := 1; ; n++ {
		err := start()
		if err == nil || n == startAttempts || !strings.Contains(err.Error(), lateNamespace) {
			return err
		}
		fmt.Fprintf(os.Stderr, "start API server, attempt %d of %d: %v\n", n, startAttempts, err)
	}
}

func (c *Cluster) start(scheme *runtime.Scheme) (err error) {
	if err := c.place(); err != nil {
		return err
	}
	if c.Config, err = c.env.Start(); err != nil {
		return err
	}
	c.Config.QPS, c.Config.Burst = -1, -1
	c.Client, err = client.New(c.Config, client.Options{Scheme: scheme})
	return err
}

// place gives etcd and the API server ports of their own. Those that envtest finds are among those of connections: one that is made between the
// search and the start of the server would take them.
func (c *Cluster) place() error {
	for range 3 {
		port, err := reserve(context.Background())
		if err != nil {
			return err
		}
		c.ports = append(c.ports, port)
	}
	client, peer, server := c.ports[0], c.ports[1], c.ports[2]
	etcd := &envtest.Etcd{URL: &url.URL{Scheme: "http", Host: client.address()}}
	etcd.Configure().Set("listen-peer-urls", "http://"+peer.address())
	host, number, err := net.SplitHostPort(server.address())
	if err != nil {
		return err
	}
	api := &envtest.APIServer{SecureServing: envtest.SecureServing{ListenAddr: envtest.ListenAddr{Address: host, Port: number}}}
	c.env.ControlPlane.Etcd, c.env.ControlPlane.APIServer = etcd, api
	return nil
}

// crdFolder finds manifests/crds at the root of the repository, which is the folder with go.work above the tested package.
func crdFolder() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return filepath.Join(dir, "manifests", "crds"), nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.work above the tested package")
		}
	}
}
