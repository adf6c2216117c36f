// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package env

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gitops/weir/hack/bench/internal/audit"
	"github.com/weir-gitops/weir/hack/bench/internal/proc"
	"github.com/weir-gitops/weir/hack/bench/internal/result"
	"github.com/weir-gitops/weir/hack/local/cluster"
	"github.com/weir-gitops/weir/hack/local/controllers"
	"github.com/weir-gitops/weir/hack/local/process"
)

func TestWhole(t *testing.T) {
	get := func(n float64) []audit.Count {
		return []audit.Count{{User: "u", Verb: "get", Resource: "pods", Requests: n}}
	}
	peak := result.PeakOf("a")
	steps := []result.Step{
		{Values: map[result.Metric]float64{result.Settled: 1, result.CPU: 2, peak: 70, result.Requests: 3}, Requests: get(3)},
		{Values: map[result.Metric]float64{result.Settled: 1, result.CPU: 4, peak: 50, result.Requests: 5}, Requests: get(5)},
	}
	want := result.Step{
		Name:     result.WholeRun,
		Values:   map[result.Metric]float64{result.CPU: 6, peak: 70, result.Requests: 8},
		Requests: get(8),
	}
	if diff := cmp.Diff(want, Whole(steps)); diff != "" {
		t.Errorf("counters are added, the highest peak counts, times mean nothing: -want, +got:\n%s", diff)
	}
}

func TestPerObject(t *testing.T) {
	cases := map[string]struct {
		reason string
		count  audit.Count
		want   float64
	}{
		"Get":    {reason: "A read of one object.", count: audit.Count{Verb: "get", Resource: "pods"}, want: 1},
		"Status": {reason: "A write of status.", count: audit.Count{Verb: "patch", Resource: "kustomizations/status"}, want: 1},
		"Watch":  {reason: "A watch is renewed now and then.", count: audit.Count{Verb: "watch", Resource: "pods"}},
		"Lease":  {reason: "Leader election is about the process.", count: audit.Count{Verb: "update", Resource: "leases"}},
		"Probe":  {reason: "So is asking whether the API server lives.", count: audit.Count{Verb: "head", Resource: "/livez/ping"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tc.count.Requests = 1
			if got := perObject([]audit.Count{tc.count}); got != tc.want {
				t.Errorf("%s\n%v, want %v", tc.reason, got, tc.want)
			}
		})
	}
}

// TestGuard ends a wait when a controller dies.
func TestGuard(t *testing.T) {
	p, err := process.Start(t.Context(), process.Spec{Name: "c", Path: "/bin/sh", Args: []string{"-c", "exit 7"}, Log: filepath.Join(t.TempDir(), "log")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, release := (&Env{controllers: []*controllers.Controller{{Process: p}}}).Guard(t.Context())
	defer release()
	<-ctx.Done()
	if err := context.Cause(ctx); !errors.Is(err, process.ErrEnded) {
		t.Errorf("cause %v, want %v", err, process.ErrEnded)
	}
}

// TestControlPlane counts the processes of the control plane and their children.
func TestControlPlane(t *testing.T) {
	const etcd, supervisor = 5000000, 5000001 // more than Linux allows, so that there are no such processes
	e := &Env{cluster: &cluster.Cluster{Processes: map[string]int{"etcd": etcd, "supervisor": supervisor}}, proc: proc.FS{Root: "/proc"}}
	if got := e.controlPlane(); !slices.Equal(got, []int{etcd, supervisor}) {
		t.Errorf("processes %v", got)
	}
}

func TestDownload(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/profile" {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write([]byte("data"))
	}))
	defer server.Close()
	path := filepath.Join(t.TempDir(), "folder", "file")
	if err := download(t.Context(), path, server.URL+"/profile"); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "data" {
		t.Errorf("stored %q, error %v", data, err)
	}
	if err := download(t.Context(), path, server.URL+"/other"); err == nil {
		t.Error("a page that is not there is no profile")
	}
}
