// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/hack/local/cluster"
	"github.com/weir-gitops/weir/hack/local/controllers"
	"github.com/weir-gitops/weir/hack/local/gitserver"
	"github.com/weir-gitops/weir/hack/local/install"
	"github.com/weir-gitops/weir/hack/local/process"
)

const (
	// patience bounds each wait. What is waited for takes seconds; a loaded machine may take much longer.
	patience = 5 * time.Minute
	// lookInterval is how often the cluster is asked while waiting.
	lookInterval = 100 * time.Millisecond
	// binVariable names another folder of programs than bin/.
	binVariable = "WEIR_BIN"
	// system is the namespace of sources and Kustomizations, source the name of the one source.
	system = "flux-system"
	source = "fleet"
)

// machine is a control plane with all five controllers and the servers that they talk to.
type machine struct {
	*platform

	client client.Client
	kinds  *discovery.DiscoveryClient

	// controllers are those that run, by name. Whoever restarts one holds restarting.
	controllers map[string]*controllers.Controller
	restarting  sync.Mutex

	*services
	repository *gitserver.Repository
	clone      *gitserver.Clone
}

// bringUp starts everything for one test, which leaves nothing behind but, if it fails, its folder with the logs.
func bringUp(t *testing.T) *machine {
	t.Helper()
	return bringUpAs(t, ".")
}

// bringUpAs does that with the rights and arguments of a bundle, a folder in manifests/install.
func bringUpAs(t *testing.T, bundle string) *machine {
	t.Helper()
	p := newPlatform(t, bundle)
	m := &machine{platform: p, controllers: map[string]*controllers.Controller{}}
	m.connect(t, p.cluster)
	must(t, p.manifest.WithoutPods().Apply(t.Context(), m.client))

	m.services = serveAll(t, p.dir)
	var err error
	m.repository, err = m.git.Create(t.Context(), source)
	must(t, err)
	m.clone, err = m.repository.Clone(t.Context(), filepath.Join(p.dir, "work"), fstest.MapFS{"README.md": {Data: []byte("A fleet.\n")}})
	must(t, err)

	names := controllers.Names()
	first := p.run(t, names[0], nil)
	m.controllers[names[0]] = first
	m.intake = listen(t, first.EventsURL)
	m.hooks.base = first.WebhookURL
	t.Cleanup(func() { m.expectHooks(t) })
	for _, name := range names[1:] {
		m.controllers[name] = p.run(t, name, func(o *controllers.Options) { o.Events = m.intake.url })
	}
	return m
}

// platform is what controllers run on.
type platform struct {
	bin, dir string
	cluster  *cluster.Cluster
	manifest install.Manifest
}

func newPlatform(t *testing.T, bundle string) *platform {
	t.Helper()
	root, err := filepath.Abs("../..")
	must(t, err)
	p := &platform{bin: filepath.Join(root, "bin")}
	if other := os.Getenv(binVariable); other != "" {
		p.bin = other
	}
	for _, name := range append(controllers.Names(), "weir-cluster") {
		if _, err := os.Stat(filepath.Join(p.bin, name)); err != nil {
			t.Fatalf("this tests programs that have to be built first, with `make e2e` or `make build cluster`: %v", err)
		}
	}
	p.dir = folder(t)
	p.cluster, err = cluster.Up(t.Context(), cluster.Options{Program: filepath.Join(p.bin, "weir-cluster"), Dir: filepath.Join(p.dir, "cluster")})
	must(t, err)
	onEnd(t, func(ctx context.Context) error { return p.cluster.Down(ctx) })
	p.manifest, err = install.Build(filesys.MakeFsOnDisk(), filepath.Join(root, "manifests", "install", bundle))
	must(t, err)
	return p
}

// run starts a controller as its own service account; change may change how.
func (p *platform) run(t *testing.T, name string, change func(*controllers.Options)) *controllers.Controller {
	t.Helper()
	identity, err := p.manifest.Identity(name)
	must(t, err)
	kubeconfig, err := p.cluster.Identity(t.Context(), identity.Namespace, identity.ServiceAccount)
	must(t, err)
	options := controllers.Options{
		Identity: identity, Program: filepath.Join(p.bin, name), Kubeconfig: kubeconfig,
		Dir: filepath.Join(p.dir, name), Log: filepath.Join(p.dir, name+".log"),
		// A killed leader holds its lease for 35 s, which only TestFailover is about.
		Flags: []string{"--enable-leader-election=false"},
	}
	if change != nil {
		change(&options)
	}
	controller, err := controllers.Start(t.Context(), options)
	if controller != nil {
		onEnd(t, func(context.Context) error { return controller.Stop() })
	}
	must(t, err)
	return controller
}

// connect makes the clients of the test itself.
func (m *machine) connect(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	scheme := runtime.NewScheme()
	kinds := runtime.NewSchemeBuilder(
		install.Scheme, rbacv1.AddToScheme, sourcev1.AddToScheme, kustomizev1.AddToScheme, helmv2.AddToScheme, imagev1.AddToScheme,
		notificationv1.AddToScheme, notificationv1beta3.AddToScheme, metav1.AddMetaToScheme,
	)
	must(t, kinds.AddToScheme(scheme))
	config, err := c.Config()
	must(t, err)
	m.client, err = client.New(config, client.Options{Scheme: scheme})
	must(t, err)
	m.kinds, err = discovery.NewDiscoveryClientForConfig(config)
	must(t, err)
}

// folder makes a folder that stays when the test fails, and sees at the very end that no process is left that names it.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "weir-e2e-") //nolint:usetesting // the logs in it outlive a test that fails
	must(t, err)
	t.Cleanup(func() {
		var left []string
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(lookInterval) {
			if left = process.Naming(dir); len(left) == 0 {
				break
			}
		}
		for _, p := range left {
			t.Errorf("this outlived the test: %s", p)
		}
		if t.Failed() {
			t.Logf("logs and data are in %s", dir)
		} else if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// onEnd does something when the test is over, also when it was interrupted.
func onEnd(t *testing.T, do func(context.Context) error) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	t.Cleanup(func() {
		if err := do(ctx); err != nil {
			t.Error(err)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits until a check finds nothing wrong any more, and fails with what it still finds otherwise.
func (m *machine) eventually(t *testing.T, check func() error) {
	t.Helper()
	var last error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(lookInterval) {
		if last = check(); last == nil {
			return
		}
		if m.restarting.TryLock() {
			err := m.ended()
			m.restarting.Unlock()
			must(t, err)
		}
	}
	t.Fatalf("not within %s: %v", patience, last)
}

// ended is nil while no controller has ended by itself.
func (m *machine) ended() error {
	for _, c := range m.controllers {
		select {
		case <-c.Done():
			return c.Err()
		default:
		}
	}
	return nil
}

// push commits the working folder and pushes it, whatever others push meanwhile; the webhook of the Git server follows. It returns the revision
// to come.
func (m *machine) push(t *testing.T, message string) (revision string) {
	t.Helper()
	_, err := m.clone.Push(t.Context(), message)
	must(t, err)
	return m.head(t)
}

// head is the revision of what everybody has pushed.
func (m *machine) head(t *testing.T) (revision string) {
	t.Helper()
	out, err := m.clone.Git(t.Context(), "ls-remote", "origin", "refs/heads/"+gitserver.Branch)
	must(t, err)
	commit, _, _ := strings.Cut(out, "\t")
	return gitserver.Branch + "@sha1:" + commit
}
