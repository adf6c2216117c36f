// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestClaim(t *testing.T) {
	cases := map[string]struct {
		reason string
		// prepare makes the folder what it is before.
		prepare func(t *testing.T, f Folder)
		want    error
	}{
		"Absent": {
			reason:  "A folder that does not exist is created.",
			prepare: func(*testing.T, Folder) {},
		},
		"Empty": {
			reason:  "An empty folder, such as a mounted volume, may be used.",
			prepare: func(t *testing.T, f Folder) { t.Helper(); mkdir(t, f) },
		},
		"Ours": {
			reason: "A folder with our marker is used again, whatever else is in it.",
			prepare: func(t *testing.T, f Folder) {
				t.Helper()
				if err := f.Claim(); err != nil {
					t.Fatal(err)
				}
				write(t, f.Path("data"))
			},
		},
		"Foreign": {
			reason:  "A folder with content and no marker belongs to somebody else.",
			prepare: func(t *testing.T, f Folder) { t.Helper(); mkdir(t, f); write(t, f.Path("thesis.tex")) },
			want:    ErrForeign,
		},
		"MarkerIsFolder": {
			reason:  "Only a regular file is a marker.",
			prepare: func(t *testing.T, f Folder) { t.Helper(); mkdir(t, Folder(f.Path(markerName))) },
			want:    ErrForeign,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := Folder(filepath.Join(t.TempDir(), "data"))
			tc.prepare(t, f)
			if err := f.Claim(); !errors.Is(err, tc.want) {
				t.Fatalf("%s Claim: %v, want %v", tc.reason, err, tc.want)
			}
			err := f.Remove()
			if !errors.Is(err, tc.want) {
				t.Errorf("%s Remove: %v, want %v", tc.reason, err, tc.want)
			}
			if _, err := os.Stat(string(f)); os.IsNotExist(err) != (tc.want == nil) {
				t.Errorf("%s after Remove: %v", tc.reason, err)
			}
		})
	}
}

func TestRemoveAbsent(t *testing.T) {
	if err := Folder(filepath.Join(t.TempDir(), "none")).Remove(); !errors.Is(err, ErrAbsent) {
		t.Errorf("got %v, want %v", err, ErrAbsent)
	}
}

func TestLock(t *testing.T) {
	f := Folder(t.TempDir())
	if f.Running() {
		t.Error("a new folder is locked")
	}
	release, err := f.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Lock(); !errors.Is(err, ErrRunning) {
		t.Errorf("a second lock: %v", err)
	}
	if !f.Running() {
		t.Error("a locked folder is not running")
	}
	release()
	if f.Running() {
		t.Error("a released folder is running")
	}
}

func TestLocate(t *testing.T) {
	t.Setenv("WEIR_CLUSTER_HOME", "/home/ann/clusters")
	cases := map[string]struct {
		name, data string
		want       Folder
	}{
		"ByName":   {"blue", "", "/home/ann/clusters/blue"},
		"ByFolder": {"blue", "/data/../data/x", "/data/x"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got, err := Locate(tc.name, tc.data); err != nil || got != tc.want {
				t.Errorf("got %s, %v, want %s", got, err, tc.want)
			}
		})
	}
	for _, bad := range []string{"", ".", "..", "a/b", "../x", "-x", "a b"} {
		if got, err := Locate(bad, ""); err == nil {
			t.Errorf("name %q is accepted as %s", bad, got)
		}
	}
}

func TestState(t *testing.T) {
	f := Folder(t.TempDir())
	if got, err := f.Load(); err != nil || got.Supervisor != 0 {
		t.Errorf("a new folder has the state %+v, %v", got, err)
	}
	want := State{Name: "x", Supervisor: 7, Components: []Component{{Name: "etcd", PID: 8}, {Name: "kwok", PID: 9, Port: 10}}}
	if err := f.Save(want); err != nil {
		t.Fatal(err)
	}
	got, err := f.Load()
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if got.Port("kwok") != 10 || got.Port("etcd") != 0 || got.Port("none") != 0 {
		t.Errorf("ports: %+v", got)
	}
	write(t, f.Path("state.json"))
	if _, err := f.Load(); err == nil {
		t.Error("a damaged state is read")
	}
}

func mkdir(t *testing.T, f Folder) {
	t.Helper()
	if err := os.MkdirAll(string(f), 0o755); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
}
