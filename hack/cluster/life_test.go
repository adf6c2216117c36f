// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/weir-gitops/weir/hack/cluster/internal/instance"
)

// TestCrash kills a supervisor: nothing is left running, and the next up finds what was stored.
func TestCrash(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	before := start(t, data)
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kept"}}
	if _, err := client(t, before.Kubeconfig).CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(before.PIDs["supervisor"], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	gone(t, before.PIDs)
	if r := weir(t, "status", "--data", data); r.code != 1 || !strings.Contains(r.stdout, "stopped") {
		t.Errorf("status: exit code %d\n%s", r.code, r.stdout)
	}

	after := start(t, data)
	if after.Server != before.Server {
		t.Errorf("the address has changed from %s to %s", before.Server, after.Server)
	}
	if _, err := client(t, after.Kubeconfig).CoreV1().Namespaces().Get(t.Context(), "kept", metav1.GetOptions{}); err != nil {
		t.Errorf("what was stored before the crash: %v", err)
	}

	// A component that dies takes the cluster with it, and status says which.
	if err := syscall.Kill(after.PIDs["kube-apiserver"], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	gone(t, after.PIDs)
	eventually(t, func(context.Context) error {
		if r := weir(t, "status", "--data", data); r.code != 1 || !strings.Contains(r.stdout, "kube-apiserver: signal: killed") {
			return fmt.Errorf("status: exit code %d\n%s", r.code, r.stdout)
		}
		return nil
	})
	must(t, "down", "--data", data)
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Errorf("down left the folder: %v", err)
	}
	must(t, "down", "--data", data) // once more is no error
}

// TestSideBySide runs two clusters at once, which know nothing of each other, started at the same moment.
func TestSideBySide(t *testing.T) {
	dir := t.TempDir()
	reports := make(chan instance.Report, 2)
	t.Run("Start", func(t *testing.T) {
		for _, name := range []string{"one", "two"} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				reports <- report(t, must(t, append(up(filepath.Join(dir, name)), "--name", name)...))
			})
		}
	})
	for _, name := range []string{"one", "two"} {
		t.Cleanup(func() {
			if err := exec.Command(program(t), "down", "--data", filepath.Join(dir, name)).Run(); err != nil {
				t.Error(err)
			}
		})
	}
	if t.Failed() {
		return
	}
	one, two := <-reports, <-reports
	if one.Server == two.Server || one.Data == two.Data {
		t.Fatalf("they share something: %+v and %+v", one, two)
	}
	if _, err := client(t, one.Kubeconfig).CoreV1().Namespaces().
		Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "mine"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := client(t, two.Kubeconfig).CoreV1().Namespaces().Get(t.Context(), "mine", metav1.GetOptions{}); err == nil {
		t.Error("a namespace of one cluster is in the other")
	}
	must(t, "down", "--data", one.Data)
	gone(t, one.PIDs)
	eventually(t, func(context.Context) error { return healthy(t, two.Data) })
}

// TestTwoUps starts the same cluster twice at the same moment: both callers get the one that came up.
func TestTwoUps(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	reports := make([]instance.Report, 2)
	t.Run("Start", func(t *testing.T) {
		for i := range reports {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				reports[i] = report(t, must(t, up(data)...))
			})
		}
	})
	if diff := cmp.Diff(reports[0].PIDs, reports[1].PIDs); diff != "" {
		t.Error(diff)
	}
	must(t, "down", "--data", data)
	gone(t, reports[0].PIDs)
}

// TestForeground ends a foreground supervisor in every way there is.
func TestForeground(t *testing.T) {
	cases := map[string]struct {
		reason string
		args   []string
		// end makes the cluster go; shell is the process that runs weir-cluster.
		end func(t *testing.T, r instance.Report, shell *exec.Cmd, stdin io.Closer)
	}{
		"Interrupt": {
			reason: "Ctrl-C stops everything and leaves nothing behind.",
			end: func(t *testing.T, r instance.Report, _ *exec.Cmd, _ io.Closer) {
				t.Helper()
				if err := syscall.Kill(r.PIDs["supervisor"], syscall.SIGINT); err != nil {
					t.Fatal(err)
				}
			},
		},
		"ParentKilled": {
			reason: "With --exit-with-parent, a parent that is killed takes the cluster along.",
			args:   []string{"--exit-with-parent"},
			end: func(t *testing.T, _ instance.Report, shell *exec.Cmd, _ io.Closer) {
				t.Helper()
				if err := shell.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			},
		},
		"StdinClosed": {
			reason: "With --exit-with-stdin, the end of standard input stops the cluster.",
			args:   []string{"--exit-with-stdin"},
			end: func(t *testing.T, _ instance.Report, _ *exec.Cmd, stdin io.Closer) {
				t.Helper()
				if err := stdin.Close(); err != nil {
					t.Fatal(err)
				}
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "data")
			args := append([]string{"-c", `"$0" "$@"; exit $?`, program(t)}, up(data)...)
			args = append(append(args, "--foreground"), tc.args...)
			shell := exec.Command("sh", args...)
			stdin, err := shell.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			stdout, err := shell.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := shell.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				_ = stdin.Close()
				_ = shell.Process.Kill() // what is left of it goes with this process
				_ = shell.Wait()
			})
			line, err := bufio.NewReader(stdout).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			r := report(t, line)
			tc.end(t, r, shell, stdin)
			gone(t, r.PIDs)
			must(t, "down", "--data", data)
		})
	}
}

// TestInterruptedUp stops an up that has not got ready yet: its background supervisor goes too.
func TestInterruptedUp(t *testing.T) {
	for name, signal := range map[string]syscall.Signal{"Interrupt": syscall.SIGINT, "Kill": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "data")
			cmd := exec.Command(program(t), "up", "--data", data, "--wait", patience.String())
			stderr, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(stderr)
			for lines.Scan() && !strings.Contains(lines.Text(), "etcd is ready") {
			}
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err == nil {
				t.Error("up that was interrupted has succeeded")
			}
			eventually(t, func(context.Context) error {
				if instance.Folder(data).Running() {
					return fmt.Errorf("a supervisor still holds %s", data)
				}
				return nil
			})
			must(t, "down", "--data", data)
		})
	}
}

// TestForeignFolder leaves alone what is not ours.
func TestForeignFolder(t *testing.T) {
	dir := t.TempDir()
	precious := filepath.Join(dir, "precious")
	if err := os.WriteFile(precious, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"down", "up", "status", "kubeconfig"} {
		if r := weir(t, command, "--data", dir); r.code != 1 || !strings.Contains(r.stderr, ".weir-cluster") {
			t.Errorf("%s: exit code %d: %s", command, r.code, r.stderr)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder was touched: %v, %v", entries, err)
	}
}

// TestUsage refuses command lines that make no sense with exit code 2.
func TestUsage(t *testing.T) {
	cases := map[string][]string{
		"UnknownFlag":   {"up", "--nope"},
		"BadUser":       {"up", "--user", "token"},
		"BadFormat":     {"status", "-o", "yaml"},
		"NegativeNodes": {"up", "--nodes", "-1"},
		"BareStdin":     {"up", "--exit-with-stdin"},
	}
	for name, args := range cases {
		t.Run(name, func(t *testing.T) {
			if r := weir(t, append(args, "--data", filepath.Join(t.TempDir(), "none"))...); r.code != 2 || r.stderr == "" {
				t.Errorf("exit code %d: %s", r.code, r.stderr)
			}
		})
	}
}
