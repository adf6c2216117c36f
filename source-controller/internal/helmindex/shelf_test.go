// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmindex

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"

	"github.com/weir-gitops/weir/kit/artifact"
	"github.com/weir-gitops/weir/kit/artifact/store"
)

// publish stores an index with one chart of that version, and keeps its table.
func publish(t *testing.T, shelf Shelf, o store.Object, version string) *meta.Artifact {
	t.Helper()
	dir, err := shelf.Dir(o)
	if err != nil {
		t.Fatal(err)
	}
	index := "apiVersion: v1\nentries:\n  a:\n  - {name: a, version: " + version + "}\n"
	c, err := Compile(t.Context(), strings.NewReader(index), int64(len(index)), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	file, err := shelf.Store.Write(o, "index-"+version+".yaml", c.WriteJSON)
	if err != nil {
		t.Fatal(err)
	}
	a := &meta.Artifact{Path: file.Path, Digest: file.Digest.String()}
	if err := shelf.Keep(o, c, a); err != nil {
		t.Fatal(err)
	}
	return a
}

func newShelf(t *testing.T) (Shelf, store.Object) {
	t.Helper()
	s, err := store.Open(store.Options{Path: t.TempDir(), Algorithm: artifact.SHA256, TTL: time.Hour, Records: 9})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return Shelf{Store: s}, store.Object{Kind: "helmrepository", Namespace: "ns", Name: "n"}
}

// A chart that does not know the latest index yet does not spoil its table.
func TestShelfKeepsTwo(t *testing.T) {
	shelf, o := newShelf(t)
	publish(t, shelf, o, "1.0.0")
	older := publish(t, shelf, o, "2.0.0")
	dir, err := shelf.Dir(o)
	if err != nil {
		t.Fatal(err)
	}
	// A clock that was set back, or stood still, does not make the table that is written now an old one.
	ahead := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(dir, tableName(subject(older))), ahead, ahead); err != nil {
		t.Fatal(err)
	}
	latest := publish(t, shelf, o, "3.0.0")
	for _, a := range []*meta.Artifact{older, latest, older, latest} {
		entry, ready, err := shelf.Find(t.Context(), o, a, "a", "")
		if err != nil || !ready || !strings.Contains(a.Path, entry.Version) {
			t.Errorf("%s: got %+v, ready %v, %v", a.Path, entry, ready, err)
		}
	}
	if tables, err := filepath.Glob(filepath.Join(dir, tablePrefix+"*")); err != nil || len(tables) != keptTables {
		t.Errorf("tables %v, %v", tables, err)
	}
}

// Whoever misses a table waits for the one that is made.
func TestShelfRebuilds(t *testing.T) {
	shelf, o := newShelf(t)
	a := publish(t, shelf, o, "1.0.0")
	dir, err := shelf.Dir(o)
	if err != nil {
		t.Fatal(err)
	}
	table := filepath.Join(dir, tableName(subject(a)))
	if err := os.WriteFile(table, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if entry, _, err := shelf.Find(t.Context(), o, a, "a", ""); err != nil || entry.Version != "1.0.0" {
				t.Errorf("got %+v, %v", entry, err)
			}
		})
	}
	wg.Wait()
	// Made from the published index, which is gone now: the table is there.
	if err := shelf.Store.Remove(a.Path); err != nil {
		t.Fatal(err)
	}
	if _, ready, err := shelf.Find(t.Context(), o, a, "a", ""); err != nil || !ready {
		t.Errorf("ready %v, %v", ready, err)
	}
}
