// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/weir-gitops/weir/hack/local/cluster"
	"github.com/weir-gitops/weir/hack/local/process"
)

// asDemo makes the test program behave as the demo, so that a test can signal it and see its exit code.
const asDemo = "WEIR_TEST_AS_DEMO"

// patience bounds each wait of these tests. What they wait for takes seconds; a loaded machine may take longer.
const patience = 5 * time.Minute

func TestMain(m *testing.M) {
	if os.Getenv(asDemo) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// demoCommand is the demo as a command with data of its own. It needs the programs that `make test` builds.
func demoCommand(t *testing.T, args ...string) (cmd *exec.Cmd, data string) {
	t.Helper()
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Skip("needs a cluster: make test M=hack/demo")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	data = t.TempDir()
	// Not bound to the test: it is asked to end, and takes its time to end what it started.
	cmd = exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0], append([]string{"--root", root, "--data", data}, args...)...)
	cmd.Env = append(os.Environ(), asDemo+"=1")
	cmd.Dir = root
	return cmd, data
}

// TestOnce is `make run ARGS=--once`.
func TestOnce(t *testing.T) {
	cmd, data := demoCommand(t, "--once", "--timeout", patience.String())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, line := range []string{
		`GitRepository +production +True +main@[0-9a-f]{8}`, `Kustomization +apps-production +True +main@`,
		`OCIRepository +apps-staging/reports +True +1\.0\.0@`, `Kustomization +apps-staging/reports +True +1\.0\.0@`,
		`HelmRelease +infrastructure-staging/backup +True +1\.0\.0\.v1`, `HelmRelease +apps-production/mailer +True +2\.0\.0\.v1`,
		`ImageRepository +podinfo +True +2 tags`, `ImagePolicy +podinfo +True +6\.9\.1`, `ImageUpdateAutomation +staging +True`,
		`Receiver +push-staging +True`, `Provider +chat-production +-`, `Alert +chat-production +-`,
		`everything is ready, [0-9.]+s after the start`,
		`after [0-9.]+s frontend reads ConfigMap greeting-`, `HelmRelease backup had put it back`, `the chat was told: `,
		`its signature is good`, `the audit trail was told`, `all 5 steps came true`,
	} {
		if !regexp.MustCompile(line).Match(out) {
			t.Errorf("no line like %s in\n%s", line, out)
		}
	}
	expectNothingLeft(t, data)
}

// TestOnceFails sees what is said about a repository that cannot be applied.
func TestOnceFails(t *testing.T) {
	repo := t.TempDir()
	script := `git init -q -b main && mkdir deploy && echo '{apiVersion: v1, kind: ConfigMap, metadata: {name: Not_A_Name, namespace: default}}' >deploy/a.yaml &&
		git add . && git -c user.name=a -c user.email=a@b.invalid commit -q -m Start`
	shell := exec.CommandContext(t.Context(), "sh", "-c", script)
	shell.Dir = repo
	if out, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// The demo ends when its time is over. On a loaded machine that may be before the fault shows, so that it gets more.
	for timeout := 15 * time.Second; ; timeout *= 3 {
		cmd, data := demoCommand(t, "--once", "--timeout", timeout.String(), "--repo", repo, "--dir", "deploy")
		out, err := cmd.CombinedOutput()
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 {
			t.Fatalf("ended with %v, want exit code 1\n%s", err, out)
		}
		expectNothingLeft(t, data)
		var missing []string
		for _, text := range []string{
			"GitRepository   own    True", "Kustomization   own    False", "Not_A_Name", "not ready after " + timeout.String(), "kustomize-controller.log",
		} {
			if !strings.Contains(string(out), text) {
				missing = append(missing, text)
			}
		}
		if len(missing) == 0 {
			return
		}
		if timeout > patience {
			t.Fatalf("no %q in\n%s", missing, out)
		}
	}
}

// TestGuide does everything that the demo tells a person to try, with the lines that it prints, and ends with Ctrl-C.
func TestGuide(t *testing.T) {
	cmd, data := demoCommand(t)
	d := start(t, cmd, data)
	d.until("What to try now")
	guide := d.until("Ctrl-C ends it")

	try := func(number string) {
		t.Helper()
		_, section, _ := strings.Cut(guide, "\n"+number+". ")
		section, _, _ = strings.Cut(section, "\n\n")
		var lines []string
		for line := range strings.Lines(section) {
			if strings.HasPrefix(line, "  ") {
				lines = append(lines, line)
			}
		}
		if len(lines) == 0 {
			t.Fatalf("nothing to paste for %s in\n%s", number, guide)
		}
		shell := exec.CommandContext(t.Context(), "sh", "-e", "-c", strings.Join(lines, ""))
		shell.Dir = cmd.Dir
		shell.Env = append(os.Environ(), asDemo+"=1")
		if out, err := shell.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s\n%s", number, err, strings.Join(lines, ""), out)
		}
	}

	head := func() string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "git", "-C", filepath.Join(data, "fleet"), "rev-parse", "--short=8", "HEAD").Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}

	try("1")
	try("2")
	d.until("Kustomization/apps-production ready=True main@" + head())
	try("3")
	try("4")
	d.until("Kustomization/apps-staging ready=False")
	try("5")
	d.until("Kustomization/apps-staging ready=True main@" + head())
	try("6")
	d.until("ImagePolicy/podinfo ready=True 6.11.0")
	try("7")

	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := d.wait(); err != nil {
		t.Errorf("Ctrl-C is how it is meant to end, got %v", err)
	}
	expectNothingLeft(t, data)
}

// TestCurrentCluster uses a cluster that is there already twice, the second time with what the first has left in it, and leaves it as it was but
// for Weir itself.
func TestCurrentCluster(t *testing.T) {
	args := []string{"--once", "--timeout", patience.String(), "--cluster", "current", "--yes"}
	first, data := demoCommand(t, args...)
	second, other := demoCommand(t, append(args, "--remove")...)
	c, err := cluster.Up(t.Context(), cluster.Options{Program: filepath.Join(first.Dir, "bin", "weir-cluster"), Dir: filepath.Join(t.TempDir(), "theirs")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Down(context.WithoutCancel(t.Context())) })
	for _, cmd := range []*exec.Cmd{first, second} {
		cmd.Env = append(cmd.Env, "KUBECONFIG="+c.Kubeconfig)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	expectNothingLeft(t, data)
	expectNothingLeft(t, other)

	kube, err := connect(c.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	var deployments appsv1.DeploymentList
	if err := kube.List(t.Context(), &deployments); err != nil {
		t.Fatal(err)
	}
	for _, d := range deployments.Items {
		if d.DeletionTimestamp == nil {
			t.Errorf("%s/%s is left", d.Namespace, d.Name)
		}
	}
}

// TestKilled sees that nothing outlives a demo that could not clean up.
func TestKilled(t *testing.T) {
	cmd, data := demoCommand(t)
	d := start(t, cmd, data)
	d.until("controllers ")
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = d.wait() // says "killed"
	expectNothingLeft(t, data)
}

// started is a running demo and what it prints. All of that is taken as it comes, so that the demo never waits for a test.
type started struct {
	t   *testing.T
	cmd *exec.Cmd
	// wait returns when the demo has ended, and how.
	wait func() error
	// more receives when there are lines, and is closed after the last.
	more chan struct{}

	mu    sync.Mutex
	lines []string
}

// start starts a demo that ends with the test at the latest, and is gone then with all that it started.
func start(t *testing.T, cmd *exec.Cmd, data string) *started {
	t.Helper()
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &started{t: t, cmd: cmd, more: make(chan struct{}, 1)}
	s.wait = sync.OnceValue(func() error {
		err := cmd.Wait()
		_ = in.Close()
		return err
	})
	var background sync.WaitGroup
	background.Go(func() { _ = s.wait() })
	background.Go(func() { s.read(out) })
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // fails when it has ended
		background.Wait()
		expectNothingLeft(t, data)
	})
	return s
}

func (s *started) read(from io.Reader) {
	defer close(s.more)
	lines := bufio.NewReader(from) // not a Scanner, which stops at a long line
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			s.mu.Lock()
			s.lines = append(s.lines, strings.TrimSuffix(line, "\n"))
			s.mu.Unlock()
			select {
			case s.more <- struct{}{}:
			default: // it is known that there are some
			}
		}
		if err != nil {
			return
		}
	}
}

// take returns the lines that were printed since the last call.
func (s *started) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := s.lines
	s.lines = nil
	return lines
}

// until reads on until a line holds the text, and returns everything that was printed since the last call.
func (s *started) until(text string) string {
	s.t.Helper()
	timeout := time.After(patience)
	var seen strings.Builder
	for open := true; ; {
		lines := s.take()
		for i, line := range lines {
			seen.WriteString(line + "\n")
			if strings.Contains(line, text) {
				s.mu.Lock()
				s.lines = slices.Concat(lines[i+1:], s.lines)
				s.mu.Unlock()
				return seen.String()
			}
		}
		if !open {
			s.t.Fatalf("it ended before %q:\n%s", text, seen.String())
		}
		select {
		case _, open = <-s.more:
		case <-timeout:
			s.t.Fatalf("no %q within %s:\n%s", text, patience, seen.String())
		}
	}
}

// expectNothingLeft fails while a process names the data folder in its arguments or its environment; such a process belonged to the demo.
func expectNothingLeft(t *testing.T, data string) {
	t.Helper()
	var left []string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if left = process.Naming(data); len(left) == 0 {
			return
		}
	}
	t.Errorf("these outlived the demo:\n%s", strings.Join(left, "\n"))
}

// TestLongLine sees that what the demo prints is taken to its end, whatever a line is like.
func TestLongLine(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	s := &started{t: t, more: make(chan struct{}, 1)}
	s.read(strings.NewReader(long + "\n\nlast"))
	if got := s.take(); !slices.Equal(got, []string{long, "", "last"}) {
		t.Errorf("%d lines were read, want 3", len(got))
	}
}
