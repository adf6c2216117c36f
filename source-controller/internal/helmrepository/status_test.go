// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrepository

import (
	"testing"

	"github.com/fluxcd/pkg/apis/meta"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	kitevents "github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/helmindex"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
	"github.com/weir-gitops/weir/source-controller/internal/publish/publishtest"
)

func TestFamily(t *testing.T) {
	publishtest.Test(t, publishtest.Kind{
		New: func() publish.Source { return &sourcev1.HelmRepository{} },
		Start: func(o publish.Source) publishtest.Run {
			s := (&Reconciler{}).start(o.(*sourcev1.HelmRepository), reconcile.Run{})
			return publishtest.Run{
				Files: s.files,
				Reach: func(r publishtest.Reached) {
					s.revision, s.unchanged, s.note.Size = r.Target, r.Unchanged, 30_880
					if r.Fetched {
						s.compiled = &helmindex.Compiled{}
					}
				},
				SetStatus: func(r reconcile.Result) { setStatus(s, r) },
				Events: func(before publish.Source, r reconcile.Result) []kitevents.Event {
					return events(before.(*sourcev1.HelmRepository), s, r)
				},
			}
		},
		Old: "sha256:old", Next: "sha256:new",
		InStorage: "Succeeded", Stored: "stored artifact: revision '%s'",
		Outdated: "NewRevision", News: "new index revision '%s'",
		Same: "ArtifactUpToDate", SameText: "artifact up-to-date with remote revision: '%s'",
		Event: func(reason string, _ *meta.Artifact) kitevents.Event {
			return kitevents.Event{Reason: reason, Message: "stored fetched index of size 30.88kB from ''"}
		},
	})
}

func TestHumanSize(t *testing.T) {
	for size, want := range map[int64]string{0: "0B", 999: "999B", 30_880: "30.88kB", 52_428_800: "52.43MB"} {
		if got := humanSize(size); got != want {
			t.Errorf("%d: %s, want %s", size, got, want)
		}
	}
}
