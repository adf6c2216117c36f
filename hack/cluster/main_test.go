// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/weir-gitops/weir/hack/cluster/internal/instance"
	"github.com/weir-gitops/weir/hack/cluster/internal/lifeline"
)

// These tests drive the binaries as a user would; each starts real control planes. -short skips them.

// patience is how long a test waits for the cluster to do something that takes about a second on an idle machine.
const patience = 5 * time.Minute

// TestMain builds what the tests drive.
func TestMain(m *testing.M) {
	flag.Parse()
	if !testing.Short() {
		build := exec.Command("./build")
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "build:", err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// program returns the path of the binary under test.
func program(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a control plane")
	}
	path, err := filepath.Abs("../../bin/weir-cluster")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// result is how a command ended.
type result struct {
	stdout, stderr string
	code           int
}

// weir runs one command to its end.
func weir(t *testing.T, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program(t), args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// must runs a command that has to succeed and returns its standard output.
func must(t *testing.T, args ...string) string {
	t.Helper()
	r := weir(t, args...)
	if r.code != 0 {
		t.Fatalf("weir-cluster %v: exit code %d\n%s", args, r.code, r.stderr)
	}
	return r.stdout
}

// start brings up a cluster in the background that goes with the test, or with this process.
func start(t *testing.T, data string, args ...string) instance.Report {
	t.Helper()
	t.Cleanup(func() {
		out, err := exec.Command(program(t), "down", "--data", data).CombinedOutput() // the test's context is over
		if err != nil {
			t.Errorf("down: %v\n%s", err, out)
		}
	})
	return report(t, must(t, append(up(data), args...)...))
}

// up is the command that brings up a cluster in the background, which goes with this process at the latest.
func up(data string) []string {
	return []string{"up", "--data", data, "-o", "json", "--wait", patience.String(), "--with-parent", strconv.Itoa(os.Getpid())}
}

func report(t *testing.T, text string) instance.Report {
	t.Helper()
	var r instance.Report
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("report %q: %v", text, err)
	}
	return r
}

// config reads a kubeconfig.
func config(t *testing.T, path string) *rest.Config {
	t.Helper()
	c, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	c.QPS = -1
	return c
}

// client uses a kubeconfig.
func client(t *testing.T, path string) *kubernetes.Clientset {
	t.Helper()
	c, err := kubernetes.NewForConfig(config(t, path))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// eventually polls until check returns nil.
func eventually(t *testing.T, check func(context.Context) error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		last = check(ctx)
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("%v; last: %v", err, last)
	}
}

// gone waits until none of the processes is left.
func gone(t *testing.T, pids map[string]int) {
	t.Helper()
	if len(pids) < 6 {
		t.Errorf("expected a supervisor and five components, got %v", pids)
	}
	eventually(t, func(context.Context) error {
		for name, pid := range pids {
			if lifeline.Alive(pid) {
				return fmt.Errorf("%s, process %d, is still there", name, pid)
			}
		}
		return nil
	})
}
