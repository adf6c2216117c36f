// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apart

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
)

// TestBounds has charts that would end the process, or never end: each comes to its end with a message that says why, and the child after it is fine.
func TestBounds(t *testing.T) {
	t.Parallel()
	testBounds(t, map[string]boundCase{
		"Stack": {
			reason: "A text that tpl executes and that executes itself uses up the stack.", template: "{{ tpl .Values.a . }}",
			values: map[string]any{"a": "{{ tpl .Values.a . }}"}, time: forEver, want: "the templates call each other without end, with more than 32 MiB of stack",
		},
		"Time": {
			reason: "What never ends is ended.", template: endless,
			time: time.Second, want: "the templates did not come to an end within 1s",
		},
		"Output": {
			reason: "What would be too much for the parent is not passed on.", template: `{{ repeat 70000000 "x" }}`,
			time: forEver, want: "the templates render to more than 64 MiB",
		},
	})
}

// boundCase is a chart that hits a bound.
type boundCase struct {
	reason   string
	template string
	values   map[string]any
	time     time.Duration
	cpu      time.Duration
	want     string
}

func testBounds(t *testing.T, cases map[string]boundCase) {
	t.Helper()
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := suspecting(t)
			k.cpu = cmp.Or(tc.cpu, forEver)
			j := job(map[string]string{"a.yaml": tc.template})
			j.Values = tc.values
			_, err := k.Render(t.Context(), subject(), j, provider{}.lookups(), Bounds{Time: tc.time})
			const stopped = "rendering was stopped: "
			told := fmt.Sprint(err)
			if told != stopped+tc.want && (!raced || !strings.HasPrefix(told, stopped)) {
				t.Errorf("%s\ngot %v", tc.reason, err)
			}
			k.cpu = forEver
			files, err := k.Render(t.Context(), subject(), job(map[string]string{"a.yaml": "fine"}), provider{}.lookups(), Bounds{Time: forEver})
			if err != nil || files["app/templates/a.yaml"] != "fine" {
				t.Errorf("the next one: %v, %v", files, err)
			}
		})
	}
}

// TestOutput bounds what templates render to in this process, too.
func TestOutput(t *testing.T) {
	t.Parallel()
	_, err := guarded(t.Context(), newKeeper(t, t.TempDir(), logr.Discard()), job(map[string]string{"a.yaml": `{{ repeat 70000000 "x" }}`}), provider{}.lookups(), Bounds{})
	if err == nil || err.Error() != tooMuchText {
		t.Errorf("got %v", err)
	}
}

// TestAnswers ends a child that has others work for too long.
func TestAnswers(t *testing.T) {
	t.Parallel()
	k := suspecting(t)
	k.answers = time.Nanosecond
	j := job(map[string]string{"a.yaml": `{{ lookup "v1" "Node" "" "" }}`})
	_, err := guarded(t.Context(), k, j, provider{}.lookups(), Bounds{Time: forEver})
	if err == nil || err.Error() != "rendering was stopped: the cluster took more than 1ns to answer the lookups of the templates" {
		t.Errorf("got %v", err)
	}
}

// TestCancel ends a run whose templates are being rendered apart.
func TestCancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	over := errors.New("the run is over")
	p := provider{asked: func() { cancel(over) }}
	j := job(map[string]string{"a.yaml": `{{ $_ := lookup "v1" "Node" "" "" }}` + endless})
	if _, err := suspecting(t).Render(ctx, subject(), j, p.lookups(), Bounds{Time: forEver}); !errors.Is(err, over) {
		t.Errorf("got %v", err)
	}
}

// TestUnknownType has a value that cannot be passed on: that is an error, and no child that waits.
func TestUnknownType(t *testing.T) {
	t.Parallel()
	j := job(map[string]string{"a.yaml": "x"})
	j.Values["odd"] = make(chan int)
	_, err := suspecting(t).Render(t.Context(), subject(), j, provider{}.lookups(), Bounds{Time: forEver})
	if err == nil || !strings.Contains(err.Error(), "chan int") {
		t.Errorf("got %v", err)
	}
}

// TestExplain holds what is said of ends that no test can bring about.
func TestExplain(t *testing.T) {
	k := &Keeper{memory: testMemory, cpu: forEver}
	ended := errors.New("exit status 2")
	cases := map[string]struct{ reason, complaint, want string }{
		"Memory":  {"The runtime has many words for it.", "fatal error: runtime: cannot allocate memory\n", "the templates need more than 512 MiB of memory"},
		"Threads": {"Threads need memory, too.", "runtime/cgo: pthread_create failed: Resource temporarily unavailable\n", "the templates need more than 512 MiB of memory"},
		"Other":   {"Nothing that a chart wrote is passed on.", "panic: secret", "the process that rendered ended by itself: exit status 2"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if err := k.explain(ended, time.Second, tc.complaint); err.Error() != "rendering was stopped: "+tc.want {
				t.Errorf("%s\ngot %v", tc.reason, err)
			}
		})
	}
}

// TestEnvironment has a child know the time zone and nothing else.
func TestEnvironment(t *testing.T) {
	t.Setenv("TZ", "Asia/Tokyo")
	t.Setenv("ZONEINFO", "/zones")
	t.Setenv("WEIR_TEST_SECRET", "secret")
	if got := strings.Join(environment(), " "); got != "TZ=Asia/Tokyo ZONEINFO=/zones" {
		t.Errorf("got %s", got)
	}
}

// rendering is what a parent says whose child is at work.
const rendering = "rendering"

// renderForEver is a parent that tells, and closes its output, when its child is rendering what never ends.
func renderForEver(dir string) {
	k, err := New(Options{Dir: dir, Memory: testMemory, Log: logr.Discard()})
	if err != nil {
		return
	}
	k.put(subject().UID, markOf(subject()))
	if k, err = New(Options{Dir: dir, Memory: testMemory, Log: logr.Discard()}); err != nil {
		return
	}
	k.longest, k.cpu, k.answers = forEver, forEver, forEver
	p := provider{asked: func() {
		fmt.Print(rendering)
		_ = os.Stdout.Close()
	}}
	j := job(map[string]string{"a.yaml": `{{ $_ := lookup "v1" "Node" "" "" }}` + endless})
	_, _ = k.Render(context.Background(), subject(), j, p.lookups(), Bounds{Time: forEver})
}

// TestOrphan kills the parent of a child that never ends: a pipe that both have inherited closes, which it does when both are gone.
func TestOrphan(t *testing.T) {
	t.Parallel()
	program, err := executable()
	if err != nil {
		t.Fatal(err)
	}
	held, inherited, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close() // read only
	parent := exec.CommandContext(t.Context(), program)
	parent.Env, parent.ExtraFiles = []string{parentEnv + "=" + filepath.Join(t.TempDir(), "marks")}, []*os.File{inherited}
	output, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(parent.Start(), inherited.Close()); err != nil {
		t.Fatal(err)
	}
	if said, err := io.ReadAll(output); err != nil || string(said) != rendering {
		t.Errorf("the parent says %q, %v", said, err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = parent.Wait()
	if _, err := io.Copy(io.Discard, held); err != nil {
		t.Error(err)
	}
}
