// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package outbox

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/weir-gitops/weir/kit/testkit"
)

// victimEnv makes the test binary the process that TestKill kills; it names the folder of the outbox.
const victimEnv = "WEIR_TEST_OUTBOX_VICTIM"

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimEnv); dir != "" {
		victim(dir)
		return
	}
	os.Exit(m.Run())
}

// journal delivers by writing a line to a file, which a kill does not take back.
type journal struct{ file *os.File }

func (j journal) Route(context.Context, Entry) ([]Target, error) {
	return []Target{{Group: "a", ID: "a"}, {Group: "b", ID: "b"}}, nil
}

func (j journal) Deliver(_ context.Context, e Entry, t Target) error {
	_, err := fmt.Fprintf(j.file, "%s %s\n", t.Group, e.Body)
	return err
}

// victim appends entries about three objects as fast as it can, and says on stdout which were taken, until it is killed.
func victim(dir string) {
	file, err := os.OpenFile(filepath.Join(dir, "delivered"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	b, err := Open(context.Background(), Options{
		Dir: filepath.Join(dir, "outbox"), MaxBytes: MinBytes, Handler: journal{file: file},
		Registerer: prometheus.NewRegistry(), Clock: time.Now, Log: logr.Discard(),
	})
	if err != nil {
		panic(err)
	}
	go func() { _ = b.Start(context.Background()) }()
	var senders sync.WaitGroup
	for _, key := range []string{"x", "y", "z"} {
		senders.Go(func() {
			for i := 0; ; i++ {
				body := fmt.Sprintf("%s-%d-%06d", key, os.Getpid(), i)
				if b.Append(key, []byte(body)) == nil {
					fmt.Println(body)
				}
			}
		})
	}
	senders.Wait()
}

// TestKill kills the process of an outbox several times at moments that a seed chooses. In the end everything that was ever taken is
// delivered to both targets, in the order of each object, and hardly anything twice.
func TestKill(t *testing.T) {
	const kills = 5
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	dir := t.TempDir()
	var taken []string
	for range kills {
		taken = append(taken, runVictim(t, dir, random.IntN(300))...)
	}

	file, err := os.OpenFile(filepath.Join(dir, "delivered"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	b := openBox(t, filepath.Join(dir, "outbox"), journal{file: file})
	b.drain = testkit.Patience
	start(t, b)()
	content, err := os.ReadFile(filepath.Join(dir, "delivered"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(strings.ReplaceAll(string(content), " ", "/"))
	check(t, taken, lines, kills)
	t.Logf("%d taken, %d deliveries", len(taken), len(lines))
}

func check(t *testing.T, taken, lines []string, kills int) {
	t.Helper()
	for _, target := range []string{"a", "b"} {
		got := make(map[string]int)
		last := make(map[string]string)
		repeated := 0
		for _, line := range lines {
			body, ok := strings.CutPrefix(line, target+"/")
			if !ok {
				continue
			}
			lane := body[:strings.LastIndex(body, "-")]
			if got[body]++; got[body] > 1 {
				repeated++
				continue
			}
			if body < last[lane] {
				t.Fatalf("%s came after %s", body, last[lane])
			}
			last[lane] = body
		}
		for _, body := range taken {
			if got[body] == 0 {
				t.Fatalf("%s was taken and not delivered to %s", body, target)
			}
		}
		if repeated > kills*perGroup {
			t.Errorf("%d deliveries repeated to %s, want at most those under way at a kill", repeated, target)
		}
	}
}

// runVictim returns what the victim took before it was killed, after about that many entries.
func runVictim(t *testing.T, dir string, entries int) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), victimEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var taken []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		taken = append(taken, lines.Text())
		if len(taken) == entries+1 {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
	// A line may be torn by the kill.
	return slices.DeleteFunc(taken, func(s string) bool { return strings.Count(s, "-") != 2 || len(s[strings.LastIndex(s, "-")+1:]) != 6 })
}
