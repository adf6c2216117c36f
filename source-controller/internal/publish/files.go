// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/go-logr/logr"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/artifact/store"
	"github.com/weir-gitops/weir/kit/outcome"
	"github.com/weir-gitops/weir/kit/reconcile"
)

// Source is an object with an artifact.
type Source interface {
	conditions.Setter
	GetArtifact() *meta.Artifact
	GetRequeueAfter() time.Duration
}

// Status points at the fields of a status that all kinds have.
type Status struct {
	reconcile.Common
	// Artifact is the published one.
	Artifact **meta.Artifact
	// URL is the address of the link to it; nil for a kind without links.
	URL *string
}

// Files are the stored files of an object during a run.
type Files struct {
	// Store, Object, Source, Status and Run are given when the run starts.
	Store  *store.Store
	Object store.Object
	Source Source
	Status Status
	Run    reconcile.Run
	// LinkName is that of the link beside the artifact; empty for a kind without links.
	LinkName string

	// Found is what there is of the published artifact, Looked says that it is filled. Look
	Found  Found
	Looked bool
	// Link is the address of the link to the artifact, empty if there is none. Look, Save
	Link string
	// Stored is the new artifact. Save
	Stored *meta.Artifact
	// Unlinked is why the link does not lead to the new artifact; nil otherwise. Save
	Unlinked error
	// Gone says that nothing is stored any more. Remove
	Gone bool
}

// Object is where the files of an object of the kind are.
func Object(kind, namespace, name string) store.Object {
	return store.Object{Kind: strings.ToLower(kind), Namespace: namespace, Name: name}
}

// Subject names an artifact with its content, for what is kept about it.
func Subject(a *meta.Artifact) string { return a.Path + "@" + a.Digest }

// Look removes old files and checks the published one. It is the phase "storage" of every kind, or the first part of it. That an old file cannot be
// removed is no fault of the run, and not news in each: the next one tries again. Flux: source-controller contract, "Storage sub-step".
func (f *Files) Look(ctx context.Context) error {
	found, err := look(ctx, f.Store, f.Object, *f.Status.Artifact)
	f.Found, f.Looked = found, true
	if found.Left != nil {
		logr.FromContextOrDiscard(ctx).V(1).Info("old files of the object not removed", "cause", found.Left.Error())
	}
	if f.Status.URL != nil {
		f.Link = relink(f.Store, found.Artifact, *f.Status.URL, f.LinkName)
	}
	if err != nil {
		return outcome.Fail(sourcev1.StatOperationFailedReason, err)
	}
	return nil
}

// Save stores an artifact, and leads the link to it.
func (f *Files) Save(ctx context.Context, c Content) error {
	stored, err := save(ctx, f.Store, f.Object, f.Found.Artifact, c)
	if err != nil {
		return err
	}
	f.Stored = stored
	if f.LinkName == "" {
		return nil
	}
	link, err := f.Store.Link(stored.Path, f.LinkName)
	if err != nil {
		// The artifact is there all the same, and an older link stays.
		f.Unlinked = WithoutPath(err)
		return nil
	}
	f.Link = link
	return nil
}

// Keep writes a note about an artifact for later runs. It only spares them work, so that to fail does no harm.
func (f *Files) Keep(ctx context.Context, use string, a *meta.Artifact, note any) {
	data, err := json.Marshal(note)
	if err == nil {
		data, err = json.Marshal(kept{Subject: Subject(a), Note: data})
	}
	if err == nil {
		err = f.Store.WriteState(f.Object, use, data)
	}
	if err != nil {
		logr.FromContextOrDiscard(ctx).Info("note about the artifact not kept", "note", use, "cause", err.Error())
	}
}

// Recall reads into note what Keep wrote about the published artifact, and reports whether there was anything. It may be lost at any time.
func (f *Files) Recall(use string, note any) bool {
	if f.Found.Artifact == nil {
		return false
	}
	data, err := f.Store.ReadState(f.Object, use, maxNoteBytes)
	if err != nil {
		return false
	}
	var k kept
	return json.Unmarshal(data, &k) == nil && k.Subject == Subject(f.Found.Artifact) && json.Unmarshal(k.Note, note) == nil
}

// maxNoteBytes is more than any note takes.
const maxNoteBytes = 1 << 20

// kept is a note with the artifact that it is about.
type kept struct {
	Subject string          `json:"subject"`
	Note    json.RawMessage `json:"note"`
}

// Deletion is the run of an object of any kind that is being deleted.
func Deletion[S any](files func(S) *Files) []reconcile.Phase[S] {
	return []reconcile.Phase[S]{{
		Name: "remove", Reports: sourcev1.StorageOperationFailedCondition,
		Run: func(ctx context.Context, s S) error { return files(s).Remove(ctx) },
	}}
}

// Remove deletes everything that is stored for the object. Where somebody else holds the object, its status says so.
// Flux: source-controller contract, "Per-run skeleton".
func (f *Files) Remove(ctx context.Context) error {
	if err := f.Store.RemoveObject(f.Object); err != nil {
		return outcome.Fail(sourcev1.GarbageCollectionFailedReason, fmt.Errorf("remove stored files: %w", WithoutPath(err)))
	}
	f.Gone = true
	if len(f.Source.GetFinalizers()) > 1 && f.Source.GetArtifact() != nil {
		return f.Run.Publish(ctx)
	}
	return nil
}
