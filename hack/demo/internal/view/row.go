// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package view shows how sources and Kustomizations come to be ready: as a table that is redrawn, or as lines that are appended.
package view

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
)

// readyCondition is the summary condition of every kind.
const readyCondition = "Ready"

// Row is what is shown about one object.
type Row struct {
	Kind, Namespace, Name string
	// Ready is True, False or Unknown; Unknown also while the controller has not seen the newest spec.
	Ready metav1.ConditionStatus
	// Revision is what was fetched or applied last, shortened.
	Revision string
	// Message is the message of the Ready condition.
	Message string
	Created time.Time
}

// State is what the cluster holds at one moment.
type State struct {
	Repositories   []sourcev1.GitRepository
	Kustomizations []kustomizev1.Kustomization
}

// Rows returns sources first, then Kustomizations in the order in which they were made.
func (s State) Rows() []Row {
	var rows []Row
	for i := range s.Repositories {
		o := &s.Repositories[i]
		row := newRow("GitRepository", &o.ObjectMeta, o.Status.Conditions, o.Status.ObservedGeneration)
		if o.Status.Artifact != nil {
			row.Revision = shorten(o.Status.Artifact.Revision)
		}
		rows = append(rows, row)
	}
	for i := range s.Kustomizations {
		o := &s.Kustomizations[i]
		row := newRow("Kustomization", &o.ObjectMeta, o.Status.Conditions, o.Status.ObservedGeneration)
		row.Revision = shorten(o.Status.LastAppliedRevision)
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), a.Created.Compare(b.Created), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return rows
}

func newRow(kind string, object *metav1.ObjectMeta, conditions []metav1.Condition, observed int64) Row {
	row := Row{
		Kind: kind, Namespace: object.Namespace, Name: object.Name, Ready: metav1.ConditionUnknown, Created: object.CreationTimestamp.Time,
	}
	if ready := meta.FindStatusCondition(conditions, readyCondition); ready != nil {
		row.Ready, row.Message = ready.Status, ready.Message
	}
	if observed != object.Generation && row.Ready == metav1.ConditionTrue {
		row.Ready = metav1.ConditionUnknown
	}
	return row
}

// Settled tells whether all is ready: every object named in want exists, every object is ready, and every Kustomization has applied the
// newest revision of its source. Names are written as Kind/name.
func (s State) Settled(want []string) bool {
	for _, name := range want {
		if !slices.ContainsFunc(s.Rows(), func(r Row) bool { return r.Kind+"/"+r.Name == name }) {
			return false
		}
	}
	for _, row := range s.Rows() {
		if row.Ready != metav1.ConditionTrue {
			return false
		}
	}
	return !slices.ContainsFunc(s.Kustomizations, s.lags)
}

// lags tells whether a Kustomization has not applied the newest revision of its Git source yet.
func (s State) lags(k kustomizev1.Kustomization) bool {
	ref := k.Spec.SourceRef
	for i := range s.Repositories {
		repo := &s.Repositories[i]
		if ref.Kind == "GitRepository" && ref.Name == repo.Name && cmp.Or(ref.Namespace, k.Namespace) == repo.Namespace {
			return repo.Status.Artifact == nil || repo.Status.Artifact.Revision != k.Status.LastAppliedRevision
		}
	}
	return false
}

// shorten cuts the commit of a revision such as "main@sha1:0123456789abcdef…" to what people type.
func shorten(revision string) string {
	const digits = 8
	name, digest, ok := strings.Cut(revision, "@")
	_, hash, found := strings.Cut(digest, ":")
	if !ok || !found || len(hash) <= digits {
		return revision
	}
	return name + "@" + hash[:digits]
}
