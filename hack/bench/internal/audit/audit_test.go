// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	ks    = "system:serviceaccount:flux-system:kustomize-controller"
	admin = "admin"
)

func all(string) bool { return true }

func TestRead(t *testing.T) {
	l := Open("testdata/audit.log")
	if _, err := l.Read(); err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	cases := map[string]struct {
		reason     string
		start, end time.Time
		keep       func(string) bool
		want       []Count
	}{
		"Everything": {
			reason: "A watch is counted when it starts, not again when it ends; RequestReceived is not counted.",
			start:  day, end: day.Add(time.Hour), keep: all,
			want: []Count{
				{User: admin, Verb: "create", Resource: "configmaps", Requests: 1},
				{User: ks, Verb: "patch", Resource: "configmaps", Requests: 2},
				{User: ks, Verb: "head", Resource: "/livez/ping", Requests: 1},
				{User: ks, Verb: "dry-run patch", Resource: "configmaps", Requests: 1},
				{User: ks, Verb: "watch", Resource: "configmaps", Requests: 1},
				{User: ks, Verb: "patch", Resource: "kustomizations/status", Requests: 1},
			},
		},
		"Window": {
			reason: "The window holds its start and not its end.",
			start:  day.Add(2 * time.Second), end: day.Add(4 * time.Second), keep: all,
			want: []Count{
				{User: ks, Verb: "dry-run patch", Resource: "configmaps", Requests: 1},
				{User: ks, Verb: "patch", Resource: "configmaps", Requests: 1},
			},
		},
		"OneUser": {
			reason: "Requests of the bench itself are left out.",
			start:  day, end: day.Add(time.Hour), keep: func(u string) bool { return u == admin },
			want: []Count{{User: admin, Verb: "create", Resource: "configmaps", Requests: 1}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := CountBy(l.Between(tc.start, tc.end), tc.keep)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestReadGrowing reads while the API server writes, a line cut in two.
func TestReadGrowing(t *testing.T) {
	whole, err := os.ReadFile("testdata/audit.log")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "audit.log")
	l := Open(path)
	if got, err := l.Read(); err != nil || len(got) != 0 {
		t.Fatalf("a log that is not there yet: %d requests, error %v", len(got), err)
	}
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var seen int
	for rest := whole; len(rest) > 0; {
		n := min(len(rest), 333)
		if _, err := file.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
		got, err := l.Read()
		if err != nil {
			t.Fatal(err)
		}
		seen += len(got)
	}
	if want := 7; seen != want {
		t.Errorf("saw %d requests, want %d", seen, want)
	}
}

func TestReadRefusesOtherFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	if err := os.WriteFile(path, []byte("I1121 hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path).Read(); !errors.Is(err, ErrLine) {
		t.Errorf("error %v, want %v", err, ErrLine)
	}
}

func TestReadRefusesRotatedLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	whole, err := os.ReadFile("testdata/audit.log")
	if err != nil {
		t.Fatal(err)
	}
	l := Open(path)
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Read(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Read(); !errors.Is(err, ErrRotated) {
		t.Errorf("error %v, want %v", err, ErrRotated)
	}
}

func TestMerge(t *testing.T) {
	lowest := func(v []float64) float64 { return min(v[0], v[1]) }
	runs := [][]Count{
		{{User: ks, Verb: "get", Resource: "pods", Requests: 4}, {User: ks, Verb: "list", Resource: "pods", Requests: 1}},
		{{User: ks, Verb: "get", Resource: "pods", Requests: 2}},
	}
	want := []Count{{User: ks, Verb: "get", Resource: "pods", Requests: 2}}
	got := Merge(runs, lowest)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want, +got:\n%s", diff)
	}
	if n := Total(runs[0]); n != 5 {
		t.Errorf("Total() = %v, want 5", n)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"auditID":"a","stage":"ResponseComplete","requestURI":"/api?dryRun=All","verb":"patch"}`))
	f.Add([]byte(`{"auditID":"a","stage":"Panic","requestURI":"%","objectRef":{}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := parse(data)
		if err != nil {
			if !errors.Is(err, ErrLine) {
				t.Errorf("parse(%q): %v", data, err)
			}
			return
		}
		if r := e.request(); strings.HasPrefix(r.Verb, "dry-run ") && !strings.Contains(e.RequestURI, "?") {
			t.Errorf("dry run without a query: %q", data)
		}
	})
}
