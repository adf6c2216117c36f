// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/weir-gitops/weir/hack/cluster/internal/lifeline"
)

// suiteVariable makes the test binary a suite that never ends, see TestEnvtestOrphans.
const suiteVariable = "WEIR_CLUSTER_TEST_SUITE"

// TestEnvtest starts and stops a server the way every controller's test suite does.
func TestEnvtest(t *testing.T) {
	env := &envtest.Environment{
		BinaryAssetsDirectory:    strings.TrimSpace(must(t, "assets")),
		ControlPlaneStartTimeout: patience, ControlPlaneStopTimeout: patience,
	}
	config, err := env.Start()
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv(suiteVariable) != "" {
		_, _ = fmt.Fprintln(os.Stderr, "up")
		select {}
	}
	t.Cleanup(func() {
		if err := env.Stop(); err != nil {
			t.Error(err)
		}
	})
	c, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CoreV1().Namespaces().Get(t.Context(), "default", metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
}

// TestEnvtestOrphans kills a test suite: etcd and kube-apiserver must not outlive it.
func TestEnvtestOrphans(t *testing.T) {
	_ = program(t)
	suite := exec.Command(os.Args[0], "-test.run=^TestEnvtest$")
	suite.Env = append(os.Environ(), suiteVariable+"=1")
	stderr, err := suite.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := suite.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = suite.Process.Kill()
		_ = suite.Wait()
	})
	for text, buffer := "", make([]byte, 1024); !strings.Contains(text, "up\n"); {
		n, err := stderr.Read(buffer)
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		text += string(buffer[:n])
	}
	children := childrenOf(t, suite.Process.Pid)
	if len(children) != 2 {
		t.Fatalf("the suite has children %v", children)
	}
	if err := suite.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(context.Context) error {
		for _, pid := range children {
			if lifeline.Alive(pid) {
				return fmt.Errorf("process %d has outlived its suite", pid)
			}
		}
		return nil
	})
}

func childrenOf(t *testing.T, parent int) []int {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ps", "-A", "-o", "pid=,ppid=").Output()
	if err != nil {
		t.Fatal(err)
	}
	var children []int
	for line := range strings.Lines(string(out)) {
		var pid, ppid int
		if _, err := fmt.Sscan(line, &pid, &ppid); err != nil {
			t.Fatal(err)
		}
		if ppid == parent {
			children = append(children, pid)
		}
	}
	return children
}
