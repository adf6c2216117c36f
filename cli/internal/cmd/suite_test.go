// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package cmd

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/weir-gitops/weir/cli/internal/session"
	"github.com/weir-gitops/weir/cli/internal/terminal"
	"github.com/weir-gitops/weir/kit/testkit"
)

var suite testkit.Suite //nolint:gochecknoglobals // one API server for the package, started by the first test that needs it

// TestMain takes away what the machine says about clusters and namespaces, which commands would heed.
func TestMain(m *testing.M) {
	for _, variable := range []string{
		"KUBECONFIG", "KUBECACHEDIR", "KUBERNETES_MASTER", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT",
		"FLUX_SYSTEM_NAMESPACE", "FLUX_NS_FOLLOWS_KUBE_CONTEXT", "NO_COLOR",
	} {
		if err := os.Unsetenv(variable); err != nil {
			panic(err)
		}
	}
	os.Exit(suite.Main(m))
}

// result is what a command left behind.
type result struct {
	out, err string
	code     int
}

// weir runs the command as a shell would, with this on its standard input.
func weir(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	code := runArgs(t.Context(), t, terminal.Terminal{In: strings.NewReader(stdin), Out: &out, Err: &err}, args)
	return result{out.String(), err.String(), code}
}

func runArgs(ctx context.Context, t *testing.T, streams terminal.Terminal, args []string) int {
	t.Helper()
	s, root, err := tree(streams)
	if err != nil {
		t.Fatal(err)
	}
	root.SetArgs(args)
	return run(ctx, s, root)
}

// weirUntil runs the command and interrupts it as soon as it has printed a text, on whichever stream.
func weirUntil(t *testing.T, text string, args ...string) result {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out, err := &alarm{text: text, ring: interrupt}, &alarm{text: text, ring: interrupt}
	code := runArgs(ctx, t, terminal.Terminal{In: strings.NewReader(""), Out: out, Err: err}, args)
	return result{out.String(), err.String(), code}
}

// alarm is a stream that rings when a text has gone through it.
type alarm struct {
	text string
	ring func()

	mu sync.Mutex
	bytes.Buffer
}

// Write implements io.Writer.
func (a *alarm) Write(data []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, err := a.Buffer.Write(data)
	if strings.Contains(a.String(), a.text) {
		a.ring()
	}
	return n, err
}

// connect points commands of this test at the API server, in a namespace of their own.
func connect(t *testing.T) (cluster *testkit.Cluster, namespace string) {
	t.Helper()
	cluster = suite.Cluster(t)
	t.Setenv("KUBECONFIG", kubeconfig(t, cluster.Config))
	namespace = cluster.Namespace(t, "cli")
	t.Setenv("FLUX_SYSTEM_NAMESPACE", namespace)
	return cluster, namespace
}

// kubeconfig writes a connection to a file.
func kubeconfig(t *testing.T, config *rest.Config) string {
	t.Helper()
	c := clientcmdapi.NewConfig()
	c.Clusters["test"] = &clientcmdapi.Cluster{Server: config.Host, CertificateAuthorityData: config.CAData}
	c.AuthInfos["test"] = &clientcmdapi.AuthInfo{
		ClientCertificateData: config.CertData, ClientKeyData: config.KeyData, Token: config.BearerToken,
	}
	c.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test", Namespace: "of-context"}
	c.CurrentContext = "test"
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*c, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// wants checks what a command left behind, each text as a part of its stream.
func (r result) wants(t *testing.T, reason string, code int, out, err string) {
	t.Helper()
	if r.code != code || !strings.Contains(r.out, out) || !strings.Contains(r.err, err) {
		t.Errorf("%s\ncode %d, want %d\nstdout %q, want %q in it\nstderr %q, want %q in it", reason, r.code, code, r.out, out, r.err, err)
	}
}

func TestUsage(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	cases := map[string]struct {
		reason string
		args   []string
		err    string
	}{
		"Unknown":        {"A command that does not exist is an error.", []string{"foo"}, `✗ unknown command "foo" for "weir"`},
		"UnknownBelow":   {"So is one below a command that only holds others.", []string{"get", "foo"}, `✗ unknown command "foo" for "weir get"`},
		"Meant":          {"What may be meant is named.", []string{"get", "kustomizatoins"}, `✗ unknown command "kustomizatoins" for "weir get"; did you mean kustomizations?`},
		"MeantAtTheRoot": {"Everywhere.", []string{"recconcile", "ks", "x", "--with-source"}, `✗ unknown command "recconcile" for "weir"; did you mean reconcile?`},
		"NotYet":         {"A command that others have is not unknown.", []string{"bootstrap", "github", "--owner=x"}, "✗ weir bootstrap is not supported yet"},
		"NotYetBelow":    {"Nor below others.", []string{"create", "source", "oci", "x", "--url=oci://x"}, "✗ weir create source oci is not supported yet"},
		"UnknownFlag":    {"A flag that does not exist is an error.", []string{"get", "all", "--foo"}, "✗ unknown flag: --foo"},
		"Namespace":      {"A namespace is checked before the cluster is asked.", []string{"get", "all", "-n", "Bad_Name"}, `✗ namespace "Bad_Name" must be a valid DNS label`},
		"NoCluster":      {"Without a cluster there is one error.", []string{"get", "all"}, "✗ "},
		"AllWatch":       {"Several tables cannot be followed at once.", []string{"get", "all", "-w"}, "✗ --watch follows a single kind"},
		"StatusSelector": {"A selector without a status selects nothing.", []string{"get", "ks", "--status-selector", "ready"}, "✗ status selector"},
		"LabelSelector":  {"A selector must parse.", []string{"get", "ks", "-l", "a=="}, `✗ label selector "a=="`},
		"LabelSelectors": {"So must a longer one.", []string{"get", "all", "-l", "a in (b"}, `✗ label selector "a in (b"`},
		"DeleteNothing":  {"Something has to be named.", []string{"delete", "ks"}, "✗ one kustomization name is required"},
		"Reconcile":      {"Something has to be named.", []string{"reconcile", "source", "git"}, "✗ one source git name is required"},
		"NoSuspend":      {"External artifacts are nobody's to suspend.", []string{"suspend", "source", "external", "x"}, "✗ unknown command"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := weir(t, "", tc.args...)
			got.wants(t, tc.reason, 1, "", tc.err)
			if strings.Count(got.err, "\n") != 1 {
				t.Errorf("an error is one line, got %q", got.err)
			}
		})
	}
}

func TestVersionFlag(t *testing.T) {
	weir(t, "", "--version").wants(t, "One line on the standard output.", 0, "weir version ", "")
}

func TestNamespaceVariable(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	t.Setenv("FLUX_SYSTEM_NAMESPACE", "Bad_Name")
	weir(t, "", "get", "ks").wants(t, "A bad variable is ignored with a warning.", 1, "", "⚠️ FLUX_SYSTEM_NAMESPACE")
}

// TestNamespace checks which of the four sources of a namespace wins.
func TestNamespace(t *testing.T) {
	config := kubeconfig(t, &rest.Config{Host: "https://127.0.0.1:1"})
	cases := map[string]struct {
		reason, variable, follow, want string
		args                           []string
	}{
		"Default":  {reason: "Existing repositories name it.", want: session.DefaultNamespace},
		"Variable": {reason: "The environment replaces the default.", variable: "ours", want: "ours"},
		"Context":  {reason: "The context wins when it was asked for.", variable: "ours", follow: "1", want: "of-context"},
		"Flag":     {reason: "The flag wins over all.", variable: "ours", follow: "1", args: []string{"-n", "named"}, want: "named"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Setenv("KUBECONFIG", config)
			t.Setenv("FLUX_SYSTEM_NAMESPACE", tc.variable)
			t.Setenv("FLUX_NS_FOLLOWS_KUBE_CONTEXT", tc.follow)
			s := session.New(terminal.Terminal{}, nil)
			flags := pflag.NewFlagSet("weir", pflag.ContinueOnError)
			s.Bind(flags)
			if err := flags.Parse(tc.args); err != nil {
				t.Fatal(err)
			}
			if err := s.Complete(); err != nil {
				t.Fatal(err)
			}
			if s.Namespace != tc.want {
				t.Errorf("%s got %q, want %q", tc.reason, s.Namespace, tc.want)
			}
		})
	}
}
