// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weir-gitops/weir/hack/local/install"
	"github.com/weir-gitops/weir/hack/local/process"
)

// asController turns this test program into a controller that does nothing but answer.
const asController = "WEIR_LOCAL_FAKE"

func TestMain(m *testing.M) {
	if os.Getenv(asController) == "" {
		os.Exit(m.Run())
	}
	for _, arg := range os.Args[1:] {
		if name, address, _ := strings.Cut(arg, "="); name == "--health-addr" || name == "--storage-addr" {
			go func() {
				log.Fatal(http.ListenAndServe(address, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
			}()
		}
	}
	select {}
}

func options(t *testing.T) Options {
	t.Helper()
	t.Setenv(asController, "1")
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	return Options{
		Identity: install.Identity{Name: Source, Namespace: "system", ServiceAccount: "account", Args: []string{"--storage-addr=:1", "--log-level=info"}},
		Program:  program, Kubeconfig: "/k", Dir: filepath.Join(dir, "own"), Log: filepath.Join(dir, "log"), Flags: []string{"--log-level=debug"},
	}
}

func TestRestart(t *testing.T) {
	c, err := Start(t.Context(), options(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Kill() })
	if c.User() != "system:serviceaccount:system:account" {
		t.Errorf("user %s", c.User())
	}
	if i := slices.Index(c.spec.Args, "--log-level=info"); i < 0 || i > slices.Index(c.spec.Args, "--log-level=debug") {
		t.Errorf("flags come after the arguments of the identity, got %v", c.spec.Args)
	}
	first, probes := c.PID(), slices.Clone(c.probes)
	if err := c.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := c.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c.PID() == first || !slices.Equal(probes, c.probes) {
		t.Errorf("process %d at %v, want another than %d at %v", c.PID(), c.probes, first, probes)
	}
}

func TestOwn(t *testing.T) {
	cases := map[string]struct {
		reason string
		name   string
		want   []string
	}{
		"Source":       {"Its artifacts are served where others find them.", Source, []string{"--events-addr=http://e", "--storage-path=/d", "--storage-addr=a:1", "--storage-adv-addr=a:1"}},
		"Helm":         {"It keeps nothing.", Helm, []string{"--events-addr=http://e"}},
		"Image":        {"It keeps the tags that it has seen.", Image, []string{"--events-addr=http://e", "--storage-path=/d"}},
		"Notification": {"Its events address is where it listens.", Notification, []string{"--events-addr=a:1", "--receiverAddr=a:2"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := new(Controller)
			got := c.own(Options{Identity: install.Identity{Name: tc.name}, Events: "http://e"}, "/d", []string{"a:1", "a:2"})
			if !slices.Equal(tc.want, got) {
				t.Errorf("%s got %v, want %v", tc.reason, got, tc.want)
			}
			if listens := c.EventsURL != "" && c.WebhookURL != ""; listens != (tc.name == Notification) {
				t.Errorf("events at %q, webhooks at %q", c.EventsURL, c.WebhookURL)
			}
		})
	}
}

func TestNeverReady(t *testing.T) {
	o := options(t)
	o.Program, o.Args = "/bin/sh", []string{"-c", "echo no port >&2; exit 3"}
	c, err := Start(t.Context(), o)
	if !errors.Is(err, process.ErrEnded) || !strings.Contains(err.Error(), "no port") {
		t.Errorf("error %v, want the end of the log in it", err)
	}
	if c == nil {
		t.Fatal("what has started is returned, to be stopped")
	}
	if err := c.Stop(); err != nil {
		t.Error(err)
	}
}

// TestAddressTaken starts a controller when somebody else was faster at one of its addresses: at first it takes other ones, afterwards it waits for
// those that it has.
func TestAddressTaken(t *testing.T) {
	o := options(t)
	fake, mark := o.Program, filepath.Join(t.TempDir(), "mark")
	o.Program = filepath.Join(t.TempDir(), "controller")
	// The first of two runs ends as the controllers do when they cannot listen.
	script := "#!/bin/sh\nif mkdir '" + mark + "' 2>/dev/null; then echo 'listen tcp 127.0.0.1:1: bind: address already in use' >&2; exit 1; fi\n" +
		"rmdir '" + mark + "'; exec '" + fake + "' \"$@\"\n"
	if err := os.WriteFile(o.Program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	c, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Kill() })
	if said, err := os.ReadFile(o.Log); err != nil || !strings.Contains(string(said), errAddressInUse.Error()) {
		t.Errorf("the log is %q, error %v, want in it that this was tried again", said, err)
	}
	if err := c.Kill(); err != nil {
		t.Fatal(err)
	}
	first := c.PID()
	if err := c.Restart(t.Context()); err != nil || c.PID() == first || c.ended() {
		t.Errorf("Restart: process %d after %d, error %v", c.PID(), first, err)
	}
}

// TestCrash sees that a controller that crashes is not started again, whatever the runs before have left in its log.
func TestCrash(t *testing.T) {
	o := options(t)
	runs := filepath.Join(t.TempDir(), "runs")
	o.Program, o.Args = "/bin/sh", []string{"-c", "echo one >> '" + runs + "'; exit 2"}
	if err := os.WriteFile(o.Log, []byte("listen tcp 127.0.0.1:1: bind: address already in use\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), o); !errors.Is(err, process.ErrEnded) || errors.Is(err, errAddressInUse) {
		t.Errorf("error %v, want that it has ended", err)
	}
	if got, err := os.ReadFile(runs); err != nil || string(got) != "one\n" {
		t.Errorf("runs %q, error %v, want one", got, err)
	}
}

// TestStrangerAnswers sees that an answer of somebody else at the address does not make a controller that has ended ready.
func TestStrangerAnswers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() { _ = http.Serve(l, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})) }()
	p, err := process.Start(t.Context(), process.Spec{Name: "c", Path: "/bin/sh", Args: []string{"-c", "exit 3"}, Log: filepath.Join(t.TempDir(), "log")})
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	c := &Controller{Process: p, probes: []string{"http://" + l.Addr().String() + "/readyz"}}
	if err := c.ready(t.Context()); !errors.Is(err, process.ErrEnded) {
		t.Errorf("error %v, want that it has ended", err)
	}
}

func TestNoSuchProgram(t *testing.T) {
	o := options(t)
	o.Program = filepath.Join(t.TempDir(), "none")
	if _, err := Start(t.Context(), o); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

func TestReserve(t *testing.T) {
	reserved, err := reserve(t.Context(), 5)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reserved.release)
	list := reserved.list()
	slices.Sort(list)
	if len(slices.Compact(list)) != 5 {
		t.Errorf("%v, want 5 different ones", list)
	}
	for _, address := range reserved.list() {
		if mark, err := net.ListenPacket("udp4", address); err == nil {
			_ = mark.Close()
			t.Errorf("somebody else can reserve %s", address)
		}
	}
}
