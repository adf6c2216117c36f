// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/helm-controller/internal/render/apart"
	"github.com/weir-gitops/weir/kit/manager"
	"github.com/weir-gitops/weir/kit/testkit"
)

// programEnv makes the test binary a controller, with the flags of one.
const programEnv = "WEIR_TEST_HELM_CONTROLLER"

// runProgram is main of a controller, if this process is to be one, or renders apart for one.
func runProgram() {
	apart.Main()
	if os.Getenv(programEnv) != "" {
		manager.Main(Program())
	}
}

// kubeconfig writes how the API server is reached.
func (f *fixture) kubeconfig() string {
	f.t.Helper()
	c := f.config
	path := filepath.Join(f.t.TempDir(), "kubeconfig")
	err := clientcmd.WriteToFile(api.Config{
		Clusters:       map[string]*api.Cluster{"test": {Server: c.Host, CertificateAuthorityData: c.CAData}},
		AuthInfos:      map[string]*api.AuthInfo{"test": {ClientCertificateData: c.CertData, ClientKeyData: c.KeyData}},
		Contexts:       map[string]*api.Context{"test": {Cluster: "test", AuthInfo: "test"}},
		CurrentContext: "test",
	}, path)
	if err != nil {
		f.t.Fatal(err)
	}
	return path
}

// TestHostileChart has a chart that ends the process that renders it: it does so once. The next process renders it apart, says why that fails, and
// releases everybody else; and the chart itself once it is mended.
func TestHostileChart(t *testing.T) {
	t.Parallel()
	f := newIdleFixture(t)
	bad := chart("1.0.0", map[string]string{"values.yaml": "value: \"{{ tpl .Values.value . }}\"\n", "templates/tpl.yaml": "# {{ tpl .Values.value . }}\n"})
	f.publish(bad)
	good := chart("2.0.0", nil)
	f.show("good", f.artifacts.AddBytes(good.Package(t), good.Version))
	f.create("app", func(hr *helmv2.HelmRelease) { hr.Spec.Timeout = &metav1.Duration{Duration: 30 * time.Second} })
	f.create("good", func(hr *helmv2.HelmRelease) {
		hr.Spec.ChartRef = &helmv2.CrossNamespaceSourceReference{Kind: sourcev1.HelmChartKind, Name: "good"}
	})

	folder := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 4*testkit.Patience)
	defer cancel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	first := exec.CommandContext(ctx, program, "--metrics-addr=0", "--health-addr=0", "--watch-all-namespaces=false",
		"--events-addr=", "--artifact-cache-path="+folder, "--log-level=debug")
	first.Env = append(os.Environ(), programEnv+"=1", "KUBECONFIG="+f.kubeconfig(), "RUNTIME_NAMESPACE="+f.namespace)
	output := &testkit.Buffer{}
	first.Stdout, first.Stderr = output, output
	if err := first.Run(); err == nil || !strings.Contains(output.String(), "stack overflow") {
		t.Fatalf("the first process ended with %v:\n%s", err, output)
	}

	second := f.start("--artifact-cache-path=" + folder)
	f.awaitRevision("good", 1)
	hr := f.awaitReason("app", helmv2.InstallFailedReason)
	const why = "rendering was stopped: " // the templates call each other without end; or the machine is slow, and the time is up
	if message := conditions.GetMessage(hr, meta.ReadyCondition); !strings.Contains(message, why) {
		t.Errorf("the condition says %s", message)
	}
	if !strings.Contains(second.Log.String(), "an earlier process ended while it prepared this release") {
		t.Error("the log does not say who is suspected")
	}

	f.change(func(hr *helmv2.HelmRelease) {
		hr.Spec.Values, hr.Spec.Timeout = with(map[string]any{"value": "mended"}), &metav1.Duration{Duration: time.Hour}
	})
	f.awaitRevision("app", 1)
	if got := f.configMap("app-config").Data["value"]; got != "mended" {
		t.Errorf("value %s", got)
	}
	mark := filepath.Join(folder, "rendering", string(f.get().UID)+".json")
	if _, err := os.Stat(mark); err != nil {
		t.Errorf("who has ended a process stays suspect: %v", err)
	}
	f.change(func(hr *helmv2.HelmRelease) {
		hr.Spec.Suspend, hr.Annotations = true, map[string]string{meta.ReconcileRequestAnnotation: "suspended"}
	})
	f.confirmed("suspended")
	if _, err := os.Stat(mark); err != nil {
		t.Errorf("who is suspended stays suspect: %v", err)
	}
	f.remove()
	f.eventually("the suspicion ends with the object", func() bool {
		_, err := os.Stat(mark)
		return os.IsNotExist(err)
	})
}

// TestSweep lets go of suspects that are gone, or are not who they were.
func TestSweep(t *testing.T) {
	t.Parallel()
	f := newIdleFixture(t)
	f.create("app", nil)
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "rendering"), 0o700); err != nil {
		t.Fatal(err)
	}
	uid := f.get().UID
	for id, name := range map[types.UID]string{uid: "app", "recreated": "app", "deleted": "other", "torn": ""} {
		content := `{"namespace": "` + f.namespace + `", "name": "` + name + `"}`
		if name == "" {
			content = "{"
		}
		if err := os.WriteFile(filepath.Join(folder, "rendering", string(id)+".json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	keeper, err := apart.New(apart.Options{Dir: folder, Memory: minChildMemory, Log: logr.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	defer keeper.Close() // nothing is written
	sweep(t.Context(), client.Reader(f.cluster.Client), keeper)
	entries, err := os.ReadDir(filepath.Join(folder, "rendering"))
	if err != nil {
		t.Fatal(err)
	}
	left := map[string]bool{}
	for _, e := range entries {
		left[e.Name()] = true
	}
	if len(left) != 1 || !left[string(uid)+".json"] {
		t.Errorf("left are %v", left)
	}
}

// TestMakeRoom leaves a child its part of the memory, once.
func TestMakeRoom(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	root := t.TempDir()
	makeRoom(root)
	if got := debug.SetMemoryLimit(-1); got != before {
		t.Errorf("without a limit: %d, was %d", got, before)
	}
	const limit = 1 << 50 // more than any machine has: other tests run meanwhile
	debug.SetMemoryLimit(limit)
	for range 2 {
		if err := os.WriteFile(filepath.Join(root, "memory.max"), []byte(strconv.Itoa(limit)), 0o600); err != nil {
			t.Fatal(err)
		}
		makeRoom(root)
		if got := debug.SetMemoryLimit(-1); got != limit-maxChildMemory {
			t.Errorf("got %d", got)
		}
	}
}

func TestChildMemory(t *testing.T) {
	cases := map[string]struct {
		reason, limit string
		want          int64
	}{
		"Default": {"A third of what the manifest gives.", "1073741824\n", 1 << 30 / 3},
		"Small":   {"Less than this is no use.", "100000000", minChildMemory},
		"Large":   {"More than this no honest chart needs.", "100000000000", maxChildMemory},
		"None":    {"Without a limit there is enough.", "max\n", maxChildMemory},
		"Unknown": {"Without a file there is no limit.", "", maxChildMemory},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			if tc.limit != "" {
				if err := os.WriteFile(filepath.Join(root, "memory.max"), []byte(tc.limit), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if got := childMemory(root); got != tc.want {
				t.Errorf("%s\ngot %d, want %d", tc.reason, got, tc.want)
			}
		})
	}
}
