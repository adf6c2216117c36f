// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apart

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"

	"github.com/weir-gitops/weir/kit/underway"
)

// maxPatience is how long templates may run in this process. Honest ones take a second; each of their lookups may take half a minute.
const maxPatience = 5 * time.Minute

// errStuck ends the process.
var errStuck = errors.New("templates do not come to an end, which only the end of the process puts right")

// Subject is a release whose templates are about to run.
type Subject struct {
	// Owner is the HelmRelease, and UID what tells it from another one of that name.
	Owner types.NamespacedName
	UID   types.UID
	// Chart is its name and version.
	Chart string
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
	notes    *underway.Notes[mark]
	memory   int64
	patience time.Duration // with templates that run in this process
	longest  time.Duration // bounds a child by the clock
	cpu      time.Duration // bounds a child by its time of processors
	turn     chan struct{} // holds a value while a child runs
	stuck    chan struct{} // gets a value when patience is at an end
	log      logr.Logger

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
	notes, err := underway.Open[mark](filepath.Join(o.Dir, folder))
	if err != nil {
		return nil, err
	}
	k := &Keeper{
		notes: notes, memory: o.Memory, patience: maxPatience, longest: maxTime, cpu: childCPU, turn: make(chan struct{}, 1), stuck: make(chan struct{}, 1), log: o.Log,
		suspects: map[types.UID]mark{},
	}
	k.load()
	return k, nil
}

// Close lets go of the folder.
func (k *Keeper) Close() error { return k.notes.Close() }

// Render returns what each template of a job renders to. Its errors have the words of Helm, or say which bound was hit.
func (k *Keeper) Render(ctx context.Context, s Subject, j Job, l Lookups, b Bounds) (map[string]string, error) {
	if k == nil || s.UID == "" {
		return j.run(l)
	}
	if !k.suspect(s.UID) {
		return k.here(s, func() (map[string]string, error) { return j.run(l) })
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

// rendered is how templates have ended.
type rendered struct {
	files    map[string]string
	err      error
	panicked any
}

// here runs templates in this process, with a mark. When they do not come to an end they are left alone, their release is a suspect, and the process
// ends, see Start: there is no other way to stop them.
func (k *Keeper) here(s Subject, run func() (map[string]string, error)) (map[string]string, error) {
	m := mark{Namespace: s.Owner.Namespace, Name: s.Owner.Name, Chart: s.Chart, Since: time.Now()}
	k.mark(s.UID, m)
	ended := make(chan rendered, 1)
	go func() {
		var r rendered
		defer func() {
			r.panicked = recover()
			ended <- r
		}()
		r.files, r.err = run()
	}()
	timer := time.NewTimer(k.patience)
	defer timer.Stop()
	select {
	case r := <-ended:
		k.unmark(s.UID)
		if r.panicked != nil {
			panic(r.panicked) // whoever recovers expects it from its own goroutine
		}
		return r.files, r.err
	case <-timer.C:
	}
	k.mu.Lock()
	k.suspects[s.UID] = m
	k.mu.Unlock()
	select {
	case k.stuck <- struct{}{}:
	default: // the process ends already
	}
	return nil, fmt.Errorf("rendering was given up: the templates did not come to an end within %s", k.patience)
}

// Start waits until ctx ends, or templates do not, which is an error. It is a runnable of the manager: its error makes the manager end as it does
// after a signal, and what runs here starts again.
func (k *Keeper) Start(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-k.stuck:
		return errStuck
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
		k.unmark(uid)
	}
}
