// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apart

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"

	"github.com/weir-gitops/weir/kit/underway"
)

// Subject is a release that is about to be worked on.
type Subject struct {
	// Owner is the HelmRelease, and UID what tells it from another one of that name.
	Owner types.NamespacedName
	UID   types.UID
	// Chart is its name and version.
	Chart string
	// Inputs is a hash of everything that the work depends on.
	Inputs string
}

// Slot is the right to work that a run gives back while it waits for its turn, and while its templates run apart.
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

// Keeper marks work on charts, and knows whose templates are run apart. A nil Keeper knows nobody and writes no marks.
type Keeper struct {
	notes    *underway.Notes[mark]
	memory   int64
	patience time.Duration // with work in this process
	grace    time.Duration // with work that was told to end
	longest  time.Duration // bounds a child by the clock
	cpu      time.Duration // bounds a child by its time of processors
	answers  time.Duration // bounds what a child has others do for it
	turn     chan struct{} // holds a value while a suspect is worked on
	stuck    chan struct{} // gets a value when patience is at an end
	clock    func() time.Time
	log      logr.Logger

	mu       sync.Mutex
	suspects map[types.UID]mark
	working  map[types.UID]mark // what Close takes the marks of away
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
		notes: notes, memory: o.Memory, patience: maxPatience, grace: maxGrace, longest: maxTime, cpu: childCPU, answers: maxAnswering,
		turn: make(chan struct{}, 1), stuck: make(chan struct{}, 1), clock: time.Now, log: o.Log,
		suspects: map[types.UID]mark{}, working: map[types.UID]mark{},
	}
	k.load()
	return k, nil
}

// Render returns what each template of a job renders to. Its errors have the words of Helm, or say which bound was hit. Call it in what Guard guards.
func (k *Keeper) Render(ctx context.Context, s Subject, j Job, l Lookups, b Bounds) (map[string]string, error) {
	if k == nil || !k.suspect(s.UID) {
		return j.run(l)
	}
	if b.Slot != nil {
		b.Slot.Release()
	}
	files, err := k.apart(ctx, j, l, b.Time)
	if b.Slot != nil {
		if err := b.Slot.Acquire(ctx); err != nil {
			return nil, err
		}
	}
	return files, err
}

func (k *Keeper) suspect(uid types.UID) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, is := k.suspects[uid]
	return is
}

// Start waits until ctx ends, or work does not, which is an error. It is a runnable of the manager: its error makes the manager end as it does
// after a signal, and what runs here starts again.
func (k *Keeper) Start(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-k.stuck:
		return errStuck
	}
}

// Forget lets go of a suspect: the object does not exist any more.
func (k *Keeper) Forget(uid types.UID) {
	if k == nil {
		return
	}
	k.Sweep(func(one types.UID) bool { return one != uid })
}

// Sweep lets go of the suspects that are not to be kept.
func (k *Keeper) Sweep(keep func(types.UID) bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, uid := range slices.Sorted(maps.Keys(k.suspects)) {
		if !keep(uid) {
			delete(k.suspects, uid)
			k.remove(uid)
		}
	}
}

// Close lets go of the folder, and takes the marks of what is being worked on away: a process that ends in order ends because of none of it.
func (k *Keeper) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var err error
	for uid := range k.working {
		if before, suspect := k.suspects[uid]; suspect {
			err = errors.Join(err, k.notes.Put(uid, before))
			continue
		}
		err = errors.Join(err, k.notes.Remove(uid))
	}
	return errors.Join(err, k.notes.Close())
}
