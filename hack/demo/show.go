// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/weir-gitops/weir/hack/demo/internal/view"
	"github.com/weir-gitops/weir/hack/local/process"
)

const (
	// logLines is how much of a log is searched for errors when something goes wrong, errorLines how many of them are shown.
	logLines, errorLines = 200, 3
	// redraw is how often a table is drawn again while nothing changes, for its ages.
	redraw = time.Second
)

// show shows the cluster until everything is ready and then the tour; without --once it says what to try and goes on until ctx ends.
func (d *demo) show(ctx context.Context) error {
	screen := view.NewScreen(os.Stdout, d.start)
	state, err := d.converge(ctx, screen)
	screen.Finish(state, time.Now())
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return d.explain(err)
	}
	fmt.Printf("\neverything is ready, %.1fs after the start\n", time.Since(d.start).Seconds())
	if d.options.repo == "" && d.options.tour {
		err = d.takeTour(ctx)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return d.explain(err)
	}
	if d.options.once {
		return nil
	}
	if state, err = d.watcher.State(ctx); err == nil {
		screen.Skip(state)
	}
	fmt.Print(d.guide())
	if err := d.follow(ctx, screen, func(view.State) bool { return false }); ctx.Err() == nil {
		return d.explain(err)
	}
	fmt.Println("\nstopping") // Ctrl-C is how this is meant to end
	return nil
}

func (d *demo) converge(ctx context.Context, screen *view.Screen) (state view.State, err error) {
	if d.options.once {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d.options.timeout, fmt.Errorf("not ready after %s", d.options.timeout))
		defer cancel()
	}
	var want []string
	for _, root := range d.roots {
		want = append(want, root.GetKind()+"/"+root.GetName())
	}
	err = d.follow(ctx, screen, func(s view.State) bool {
		if state = s; len(s.Pending(want)) > 0 {
			return false
		}
		// Each kind is watched by itself, so that what a Kustomization has made may be known later than that it is ready.
		read, err := view.Read(ctx, d.client)
		if err != nil {
			return false
		}
		state = read
		return len(read.Pending(want)) == 0
	})
	if err != nil {
		err = fmt.Errorf("%w: %s", err, strings.Join(state.Pending(want), ", "))
	}
	return state, err
}

// follow shows every change until enough says so, a controller ends, or ctx does.
func (d *demo) follow(ctx context.Context, screen *view.Screen, enough func(view.State) bool) error {
	tick := time.NewTicker(redraw)
	defer tick.Stop()
	ended := d.ended()
	for {
		state, err := d.watcher.State(ctx)
		if err != nil {
			return err
		}
		screen.Show(state, time.Now())
		if enough(state) {
			return nil
		}
		select {
		case <-d.watcher.Changed():
		case <-tick.C:
		case err := <-ended:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// explain shows what controllers said of errors before it says what went wrong, unless that tells it all.
func (d *demo) explain(err error) error {
	if errors.Is(err, process.ErrEnded) {
		return err
	}
	for _, p := range d.controllers {
		lines := slices.DeleteFunc(strings.Split(p.Tail(logLines), "\n"), func(line string) bool { return !strings.Contains(line, `"level":"error"`) })
		if len(lines) > 0 {
			fmt.Fprintf(os.Stderr, "\nthe last errors in %s:\n%s\n", p.Log(), strings.Join(lines[max(0, len(lines)-errorLines):], "\n"))
		}
	}
	return err
}
