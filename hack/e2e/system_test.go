// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/hack/local/cluster"
	"github.com/weir-gitops/weir/hack/local/controllers"
	"github.com/weir-gitops/weir/hack/local/gitserver"
	"github.com/weir-gitops/weir/hack/local/install"
	"github.com/weir-gitops/weir/hack/local/process"
)

const (
	// patience bounds each wait. What is waited for takes seconds; a loaded machine may take longer.
	patience = 90 * time.Second
	// lookInterval is how often the cluster is asked while waiting.
	lookInterval = 100 * time.Millisecond
	// binVariable names another folder of programs than bin/.
	binVariable = "WEIR_BIN"
	// system is the namespace of sources and Kustomizations, source the name of the one source.
	system = "flux-system"
	source = "fleet"
)

// machine is a control plane with both controllers and a Git server.
type machine struct {
	client client.Client
	kinds  *discovery.DiscoveryClient

	source, kustomize *controllers.Controller
	repository        *gitserver.Repository
	clone             *gitserver.Clone
}

// bringUp starts everything for one test, which leaves nothing behind but, if it fails, its folder with the logs.
func bringUp(t *testing.T) *machine {
	t.Helper()
	root, err := filepath.Abs("../..")
	must(t, err)
	bin := filepath.Join(root, "bin")
	if other := os.Getenv(binVariable); other != "" {
		bin = other
	}
	for _, name := range []string{"weir-cluster", controllers.Source, controllers.Kustomize} {
		if _, err := os.Stat(filepath.Join(bin, name)); err != nil {
			t.Fatalf("this tests programs that have to be built first, with `make e2e` or `make build cluster`: %v", err)
		}
	}
	dir := folder(t)

	c, err := cluster.Up(t.Context(), cluster.Options{Program: filepath.Join(bin, "weir-cluster"), Dir: filepath.Join(dir, "cluster")})
	must(t, err)
	onEnd(t, func(ctx context.Context) error { return c.Down(ctx) })
	m := &machine{}
	m.connect(t, c)

	manifest, err := install.Build(filesys.MakeFsOnDisk(), filepath.Join(root, "manifests", "install"))
	must(t, err)
	must(t, manifest.WithoutPods().Apply(t.Context(), m.client))

	server, err := gitserver.Start(t.Context(), filepath.Join(dir, "git"), nil)
	must(t, err)
	onEnd(t, func(context.Context) error { return server.Close() })
	m.repository, err = server.Create(t.Context(), source)
	must(t, err)
	m.clone, err = m.repository.Clone(t.Context(), filepath.Join(dir, "work"), fstest.MapFS{"README.md": {Data: []byte("A fleet.\n")}})
	must(t, err)

	run := func(name string) *controllers.Controller {
		identity, err := manifest.Identity(name)
		must(t, err)
		kubeconfig, err := c.Identity(t.Context(), identity.Namespace, identity.ServiceAccount)
		must(t, err)
		controller, err := controllers.Start(t.Context(), controllers.Options{
			Identity: identity, Program: filepath.Join(bin, name), Kubeconfig: kubeconfig,
			Dir: filepath.Join(dir, name), Log: filepath.Join(dir, name+".log"),
			// A killed leader holds its lease for 35 s; what is tested here is not the lease.
			Flags: []string{"--enable-leader-election=false"},
		})
		if controller != nil {
			onEnd(t, func(context.Context) error { return controller.Stop() })
		}
		must(t, err)
		return controller
	}
	m.source, m.kustomize = run(controllers.Source), run(controllers.Kustomize)
	return m
}

// connect makes the clients of the test itself.
func (m *machine) connect(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	scheme := runtime.NewScheme()
	kinds := runtime.NewSchemeBuilder(install.Scheme, sourcev1.AddToScheme, kustomizev1.AddToScheme, metav1.AddMetaToScheme)
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
		for _, c := range []*controllers.Controller{m.source, m.kustomize} {
			select {
			case <-c.Done():
				t.Fatal(c.Err())
			default:
			}
		}
	}
	t.Fatalf("not within %s: %v", patience, last)
}

// kill ends controllers as the kernel does when memory runs out, and starts them again.
func (m *machine) kill(t *testing.T, victims ...*controllers.Controller) {
	t.Helper()
	for _, c := range victims {
		select {
		case <-c.Done():
			t.Fatal(c.Err())
		default:
		}
		must(t, c.Kill())
	}
	slices.Reverse(victims)
	for _, c := range victims {
		must(t, c.Restart(t.Context()))
	}
}

// push commits the working folder and asks for the source to be looked at, as a webhook does. It returns the revision to come.
func (m *machine) push(t *testing.T, message string) (revision string) {
	t.Helper()
	commit, err := m.clone.Push(t.Context(), message)
	must(t, err)
	m.pushed(t)
	return gitserver.Branch + "@sha1:" + commit
}

// pushed asks for the source to be looked at.
func (m *machine) pushed(t *testing.T) {
	t.Helper()
	must(t, m.annotate(t.Context(), &sourcev1.GitRepository{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: source}}))
}
