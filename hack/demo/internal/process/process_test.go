// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package process

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestStopEndsTheProgram(t *testing.T) {
	p, err := Start(t.Context(), Spec{
		Name: "sleeper", Path: "/bin/sh", Args: []string{"-c", "echo up $WHO; exec sleep 600"},
		Env: []string{"WHO=demo"}, Log: filepath.Join(t.TempDir(), "log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(p.Tail(1), "up demo") {
		select {
		case <-p.Done():
			t.Fatalf("ended early: %v", p.Err())
		case <-t.Context().Done():
			t.Fatal("never printed anything")
		default:
		}
	}
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "sleeper ended") {
		t.Errorf("Err() = %v, want one that names the program", err)
	}
	if err := p.Stop(); err != nil {
		t.Errorf("stopping what has ended: %v", err)
	}
}

func TestEndsByItself(t *testing.T) {
	p, err := Start(t.Context(), Spec{Name: "short", Path: "/bin/sh", Args: []string{"-c", "printf 'a\nb\nc\n'; exit 3"}, Log: filepath.Join(t.TempDir(), "log")})
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if err := p.Err(); !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("Err() = %v, want the exit status", err)
	}
	if got := p.Tail(2); got != "b\nc" {
		t.Errorf("Tail(2) = %q", got)
	}
}

func TestNoSuchProgram(t *testing.T) {
	if _, err := Start(t.Context(), Spec{Name: "ghost", Path: "/no/such/program", Log: filepath.Join(t.TempDir(), "log")}); err == nil {
		t.Error("want an error")
	}
}
