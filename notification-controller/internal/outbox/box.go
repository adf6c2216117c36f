// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package outbox

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	// MaxBody bounds the body of an entry, in bytes, as the event endpoint does (contract notification-controller, section 1.1).
	MaxBody = 3 << 20
	// MinBytes is the least that Options.MaxBytes may be: room for the largest entry behind another.
	MinBytes = 8 << 20
	// perGroup is how many deliveries to one service are under way at once, and how many entries are routed at once.
	perGroup = 4
	// largeBytes is the size from which on an entry is large, and maxLarge how many deliveries of large entries are under way at once, of all
	// groups together: there may be many groups, and a delivery needs several times the memory of its entry.
	largeBytes = 256 << 10
	maxLarge   = 8
	// routing is the group of the first step. No target has an empty group.
	routing = ""
)

// Entry is something to deliver.
type Entry struct {
	// Key says what the entry is about: the order of entries with the same key is kept. It stays in memory, so it has to be short.
	Key string
	// Body is what the handler understands.
	Body []byte
	// Accepted is when the entry was taken.
	Accepted time.Time
}

// Target is a receiver of an entry.
type Target struct {
	// Group names the service that is behind the target; not empty.
	Group string `json:"group"`
	// ID is what the handler knows the target by.
	ID string `json:"id"`
}

// Handler knows what entries mean. Its methods are called from several goroutines, never twice at once for the same step of an entry.
type Handler interface {
	// Route lists the targets of an entry. It tries until it knows; an error is returned only when ctx has ended, and lets the next process
	// try again.
	Route(ctx context.Context, e Entry) ([]Target, error)
	// Deliver brings an entry to a target. What cannot be delivered it reports itself; an error is returned only when ctx has ended, and lets
	// the next process try again.
	Deliver(ctx context.Context, e Entry, t Target) error
}

// Options describe an outbox. All fields without a remark are required.
type Options struct {
	// Dir is the folder of the outbox. It belongs to one process.
	Dir string
	// MaxBytes bounds the files, at least MinBytes.
	MaxBytes int64
	// Drain is how long deliveries may go on when the process is told to end; what is left stays on disk. It may be 0.
	Drain time.Duration
	// Handler routes and delivers.
	Handler Handler
	// Registerer takes the metrics.
	Registerer prometheus.Registerer
	Clock      func() time.Time
	Log        logr.Logger
}

// Box is an outbox. Append may be called from the moment it is open; work on entries begins with Start.
type Box struct {
	handler Handler
	store   *store
	lanes   *lanes
	metrics *metrics
	clock   func() time.Time
	log     logr.Logger
	left    []*item
	drain   time.Duration
	// large has room for maxLarge deliveries.
	large chan struct{}
}

// item is an entry on its way through the outbox, without its body.
type item struct {
	segment *segment
	at      position
	key     string
	// routed is set when targets are known.
	routed  bool
	targets []Target
	// done are the targets that an earlier process delivered to.
	done map[uint64]bool
	// left counts the targets that do not have it; guarded by the lock of the store.
	left int
}

// Open takes the folder and reads what an earlier process left. When ctx ends, the outbox takes no more entries, whether Start was called or not: the
// folder may go with the process, and the sender still has the entry.
func Open(ctx context.Context, o Options) (*Box, error) {
	if o.Dir == "" || o.Handler == nil || o.Registerer == nil || o.Clock == nil || o.MaxBytes < MinBytes {
		return nil, fmt.Errorf("outbox needs Dir, Handler, Registerer, Clock and MaxBytes of at least %d", MinBytes)
	}
	s, left, err := openStore(o.Dir, o.MaxBytes)
	if err != nil {
		return nil, err
	}
	m, err := newMetrics(o.Registerer, s.usage)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	m.found(s.damaged, o.Log)
	context.AfterFunc(ctx, s.refuse)
	return &Box{
		handler: o.Handler, store: s, lanes: newLanes(perGroup), metrics: m, clock: o.Clock, log: o.Log, left: left, drain: o.Drain,
		large: make(chan struct{}, maxLarge),
	}, nil
}

// Append takes an entry: when it returns nil the entry is on disk and will be delivered. ErrFull says that there is no room now.
func (b *Box) Append(key string, body []byte) error {
	if len(body) > MaxBody {
		return fmt.Errorf("entry of %d bytes is larger than %d", len(body), MaxBody)
	}
	if err := b.take(Entry{Key: key, Body: body, Accepted: b.clock()}); err != nil {
		b.metrics.refuse(err)
		return err
	}
	return nil
}

// take writes an entry down and queues it. The end waits for that: what is taken is worked on.
func (b *Box) take(e Entry) error {
	if err := b.store.enter(); err != nil {
		return err
	}
	defer b.store.entering.Done()
	it, err := b.store.append(e)
	if err != nil {
		return err
	}
	b.lanes.add(routing, e.Key, func(ctx context.Context) { b.route(ctx, it) })
	return nil
}

// Start works on entries until ctx ends, then on what is left for a bounded time, and closes the outbox. It takes no entry once ctx has ended.
func (b *Box) Start(ctx context.Context) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	b.resume()
	b.lanes.start(work)
	<-ctx.Done()
	b.store.refuse()
	b.finishUp()
	cancel()
	b.lanes.stop()
	if left, _ := b.store.usage(); left > 0 {
		b.log.Info("entries stay in the outbox for the next start", "count", left)
	}
	return b.store.close()
}

// finishUp lets what is being taken get in, and the deliveries go on, for the time of the drain together: a disk may hang as well as a service.
func (b *Box) finishUp() {
	timer := time.NewTimer(b.drain)
	defer timer.Stop()
	entered := make(chan struct{})
	go func() { // ends with the last flush, or with the process
		b.store.entering.Wait()
		close(entered)
	}()
	select {
	case <-entered:
	case <-timer.C:
		return
	}
	select {
	case <-b.lanes.rest():
	case <-timer.C:
	}
}

// NeedLeaderElection tells a controller-runtime manager that every replica works on its own outbox.
func (b *Box) NeedLeaderElection() bool { return false }

// resume puts what an earlier process left before everything else.
func (b *Box) resume() {
	if len(b.left) > 0 {
		b.log.Info("entries of an earlier process found", "count", len(b.left))
	}
	for _, it := range b.left {
		if it.routed {
			b.spread(it)
		} else {
			b.lanes.add(routing, it.key, func(ctx context.Context) { b.route(ctx, it) })
		}
	}
	b.left = nil
}

// route asks for the targets of an entry and writes them down.
func (b *Box) route(ctx context.Context, it *item) {
	var targets []Target
	done := b.guard(ctx, it, func(e Entry) (err error) {
		targets, err = b.handler.Route(ctx, e)
		return err
	})
	if !done {
		return
	}
	if len(targets) == 0 {
		b.finish(it, targets)
		return
	}
	record, err := encodeRouted(it.at.offset, targets)
	b.note(it, record, err)
	it.routed, it.targets, it.left = true, targets, len(targets)
	b.spread(it)
}

// spread queues the deliveries of a routed entry.
func (b *Box) spread(it *item) {
	for i, t := range it.targets {
		if number := uint64(i); !it.done[number] {
			b.lanes.add(t.Group, it.key, func(ctx context.Context) { b.deliver(ctx, it, number) })
		}
	}
}

// deliver brings an entry to one of its targets.
func (b *Box) deliver(ctx context.Context, it *item, number uint64) {
	if it.at.length > largeBytes {
		select {
		case b.large <- struct{}{}:
			defer func() { <-b.large }()
		case <-ctx.Done():
			return
		}
	}
	done := b.guard(ctx, it, func(e Entry) error { return b.handler.Deliver(ctx, e, it.targets[number]) })
	if !done {
		return
	}
	b.note(it, encodeDone(it.at.offset, number), nil)
	if b.store.delivered(it) {
		b.forget(it)
	}
}

// finish ends an entry that nobody gets.
func (b *Box) finish(it *item, targets []Target) {
	record, err := encodeRouted(it.at.offset, targets)
	b.note(it, record, err)
	b.forget(it)
}

// guard reads the entry and runs a step on it. It returns false when the step has to be done again by the next process. An entry that cannot be
// read, or that makes the handler panic, is given up: it would do so for ever.
func (b *Box) guard(ctx context.Context, it *item, step func(Entry) error) (done bool) {
	if ctx.Err() != nil {
		return false
	}
	e, err := it.segment.read(it.at)
	if err != nil {
		b.log.Error(err, "entry given up: it cannot be read")
		b.metrics.damaged.Inc()
		return true
	}
	defer func() {
		if cause := recover(); cause != nil {
			b.log.Error(fmt.Errorf("panic: %v", cause), "entry given up", "stack", string(debug.Stack()))
			done = true
		}
	}()
	return step(e) == nil
}

// note writes down what became of an entry. Without the note the next process repeats a step, which is no reason to stop.
func (b *Box) note(it *item, record []byte, err error) {
	if err == nil {
		err = it.segment.note(record)
	}
	if err != nil {
		b.log.Error(err, "outbox cannot write down what was delivered")
	}
}

func (b *Box) forget(it *item) {
	if err := b.store.forget(it.segment); err != nil {
		b.log.Error(err, "outbox cannot remove what was delivered")
	}
}
