// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package outbox

import (
	"context"
	"sync"
)

// job is one step of the work on an entry.
type job func(ctx context.Context)

// lanes runs jobs: those of one lane one after the other in the order they were added, those of one group with a limit, groups without regard
// to each other. A goroutine exists only while there is work for it.
type lanes struct {
	// limit is how many jobs of one group run at once.
	limit int

	mu     sync.Mutex
	groups map[string]*group
	// run starts a goroutine for a group; nil before start and after stop.
	run func(*group)
	// jobs counts those that wait or run; idle is closed when it is 0.
	jobs    int
	idle    chan struct{}
	workers sync.WaitGroup
}

// group is a set of lanes that share a limit.
type group struct {
	name string
	// workers counts goroutines, busy those of them that are on a lane.
	workers, busy int
	// lanes are those with work; ready are those of them that no worker is on, in the order of their turn.
	lanes map[string]*line
	ready []*line
}

// line is a lane with work.
type line struct {
	key  string
	jobs []job
}

func newLanes(limit int) *lanes {
	idle := make(chan struct{})
	close(idle)
	return &lanes{limit: limit, groups: make(map[string]*group), idle: idle}
}

// add puts a job at the end of a lane.
func (l *lanes) add(groupName, key string, j job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.groups[groupName]
	if g == nil {
		g = &group{name: groupName, lanes: make(map[string]*line)}
		l.groups[groupName] = g
	}
	ln := g.lanes[key]
	if ln == nil {
		ln = &line{key: key}
		g.lanes[key] = ln
		g.ready = append(g.ready, ln)
	}
	ln.jobs = append(ln.jobs, j)
	if l.jobs++; l.jobs == 1 {
		l.idle = make(chan struct{})
	}
	l.staff(g)
}

// staff starts as many workers as the group may use. The caller holds the lock.
func (l *lanes) staff(g *group) {
	for l.run != nil && g.workers < l.limit && len(g.ready) > g.workers-g.busy {
		g.workers++
		l.run(g)
	}
}

// start lets the jobs run, with that context.
func (l *lanes) start(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.run = func(g *group) { l.workers.Go(func() { l.work(ctx, g) }) }
	for _, g := range l.groups {
		l.staff(g)
	}
}

// stop lets no further job begin, and waits for those that run.
func (l *lanes) stop() {
	l.mu.Lock()
	l.run = nil
	l.mu.Unlock()
	l.workers.Wait()
}

// rest returns a channel that is closed when nothing waits or runs.
func (l *lanes) rest() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.idle
}

// work runs jobs of the group, one of each lane in turn, until there are none.
func (l *lanes) work(ctx context.Context, g *group) {
	var last *line
	for {
		ln, j := l.take(g, last)
		if ln == nil {
			return
		}
		j(ctx)
		last = ln
	}
}

// take ends the turn of the last lane and begins that of the next.
func (l *lanes) take(g *group, last *line) (*line, job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last != nil {
		l.end(g, last)
	}
	if len(g.ready) == 0 || l.run == nil {
		if g.workers--; g.workers == 0 && len(g.lanes) == 0 {
			delete(l.groups, g.name)
		}
		return nil, nil
	}
	ln := g.ready[0]
	g.ready = g.ready[1:]
	g.busy++
	j := ln.jobs[0]
	ln.jobs = ln.jobs[1:]
	return ln, j
}

// end ends the turn of a lane. The caller holds the lock.
func (l *lanes) end(g *group, ln *line) {
	g.busy--
	if len(ln.jobs) > 0 {
		g.ready = append(g.ready, ln)
	} else {
		delete(g.lanes, ln.key)
	}
	if l.jobs--; l.jobs == 0 {
		close(l.idle)
	}
}
