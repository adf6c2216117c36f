// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apart

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// folder is the name of the folder of marks.
	folder = "rendering"
	// markSuffix ends the name of a mark, which begins with the UID.
	markSuffix = ".json"
	// maxMarkBytes bounds what is read of a mark. Names of Kubernetes have 253 bytes at most.
	maxMarkBytes = 4096
)

// Subject is a release whose templates are about to run.
type Subject struct {
	// Owner is the HelmRelease, and UID what tells it from another one of that name.
	Owner types.NamespacedName
	UID   types.UID
	// Chart is its name and version.
	Chart string
}

// mark is what a file says of the release that it was written for. It is for people; the name of the file alone makes a suspect.
type mark struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	Chart     string    `json:"chart"`
	Since     time.Time `json:"since"`
}

// Slot is the right to work that a run gives back while its templates run apart.
type Slot interface {
	Release()
	Acquire(ctx context.Context) error
}

// Bounds are those of one run.
type Bounds struct {
	// Time bounds a run apart, if that is not bounded more tightly anyway.
	Time time.Duration
	// Slot is given back during a run apart. Optional.
	Slot Slot
}

// Keeper runs templates, and knows whose are run apart. A nil Keeper knows nobody and writes no marks.
type Keeper struct {
	root   *os.Root
	memory int64
	turn   chan struct{} // holds a value while a child runs
	log    logr.Logger

	mu       sync.Mutex
	suspects map[types.UID]mark
}

// Options configure a Keeper.
type Options struct {
	// Dir is where the folder of marks is, which has to outlive the process, and belongs to one process at a time.
	Dir string
	// Memory bounds each child, in bytes.
	Memory int64
	Log    logr.Logger
}

// New finds out who was at work when an earlier process ended, and logs it.
func New(o Options) (*Keeper, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("folder of marks: %w", err)
	}
	dir, err := os.OpenRoot(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("folder of marks: %w", err)
	}
	defer dir.Close() // read only
	if err := dir.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("folder of marks: %w", err)
	}
	root, err := dir.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("folder of marks: %w", err)
	}
	k := &Keeper{root: root, memory: o.Memory, turn: make(chan struct{}, 1), log: o.Log, suspects: map[types.UID]mark{}}
	if err := k.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("folder of marks: %w", err), root.Close())
	}
	return k, nil
}

// Close lets go of the folder.
func (k *Keeper) Close() error { return k.root.Close() }

func (k *Keeper) load() error {
	entries, err := fs.ReadDir(k.root.FS(), ".")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		uid, ok := strings.CutSuffix(entry.Name(), markSuffix)
		if !ok || !entry.Type().IsRegular() {
			continue
		}
		m := k.read(entry.Name())
		k.suspects[types.UID(uid)] = m
		k.log.Info("an earlier process ended while it rendered this release, which is rendered in a process of its own from now on",
			"namespace", m.Namespace, "name", m.Name, "uid", uid, "chart", m.Chart, "since", m.Since)
	}
	return nil
}

// read returns what a mark says, which is nothing if the process ended while it was written.
func (k *Keeper) read(name string) (m mark) {
	file, err := k.root.Open(name)
	if err != nil {
		return mark{}
	}
	defer file.Close() // read only
	content, err := io.ReadAll(io.LimitReader(file, maxMarkBytes))
	if err != nil || json.Unmarshal(content, &m) != nil {
		return mark{}
	}
	return m
}

// Render returns what each template of a job renders to. Its errors have the words of Helm, or say which bound was hit.
func (k *Keeper) Render(ctx context.Context, s Subject, j Job, l Lookups, b Bounds) (map[string]string, error) {
	if k == nil || s.UID == "" {
		return j.run(l)
	}
	if !k.suspect(s.UID) {
		defer k.mark(s)()
		return j.run(l)
	}
	if b.Slot != nil {
		b.Slot.Release()
	}
	files, err := k.inTurn(ctx, func() (map[string]string, error) { return k.apart(ctx, j, l, b.Time) })
	if b.Slot != nil {
		if err := b.Slot.Acquire(ctx); err != nil {
			return nil, err
		}
	}
	return files, err
}

// inTurn lets one child run at a time.
func (k *Keeper) inTurn(ctx context.Context, run func() (map[string]string, error)) (map[string]string, error) {
	select {
	case k.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-k.turn }()
	return run()
}

func (k *Keeper) suspect(uid types.UID) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, is := k.suspects[uid]
	return is
}

// mark notes that the templates of a release run, and returns what takes the note away. Templates run without it, too: a full disk is no reason to
// release nothing.
func (k *Keeper) mark(s Subject) (unmark func()) {
	name := string(s.UID) + markSuffix
	content, err := json.Marshal(mark{Namespace: s.Owner.Namespace, Name: s.Owner.Name, Chart: s.Chart, Since: time.Now()})
	if err == nil {
		err = k.root.WriteFile(name, content, 0o600)
	}
	if err != nil {
		k.log.Error(err, "cannot note who is being rendered", "namespace", s.Owner.Namespace, "name", s.Owner.Name)
	}
	return func() {
		if err := k.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			k.log.Error(err, "cannot take away the note of who was being rendered", "namespace", s.Owner.Namespace, "name", s.Owner.Name)
		}
	}
}

// Forget lets go of suspects of that name: the object does not exist any more.
func (k *Keeper) Forget(owner types.NamespacedName) {
	if k == nil {
		return
	}
	k.Sweep(func(s Subject) bool { return s.Owner != owner })
}

// Sweep lets go of the suspects that are not to be kept.
func (k *Keeper) Sweep(keep func(Subject) bool) {
	k.mu.Lock()
	suspects := maps.Clone(k.suspects)
	k.mu.Unlock()
	for _, uid := range slices.Sorted(maps.Keys(suspects)) {
		m := suspects[uid]
		if keep(Subject{Owner: types.NamespacedName{Namespace: m.Namespace, Name: m.Name}, UID: uid, Chart: m.Chart}) {
			continue
		}
		k.mu.Lock()
		delete(k.suspects, uid)
		k.mu.Unlock()
		if err := k.root.Remove(string(uid) + markSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			k.log.Error(err, "cannot let go of a suspect", "uid", uid)
		}
	}
}
