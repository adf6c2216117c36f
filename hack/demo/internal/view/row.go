// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package view shows how the objects of all kinds come to be ready: as a table that is redrawn, or as lines that are appended.
package view

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	// readyCondition is the summary condition of every kind.
	readyCondition = "Ready"
	// home is the namespace that names are shown without.
	home = "flux-system"
)

// Row is what is shown about one object.
type Row struct {
	Kind, Namespace, Name string
	// Ready is True, False or Unknown; Unknown also while the controller has not seen the newest spec. It is empty for kinds that are never
	// anything else than there.
	Ready metav1.ConditionStatus
	// Suspended tells that nobody looks after the object.
	Suspended bool
	// Revision is what was fetched, applied or chosen last, shortened.
	Revision string
	// Message is the message of the Ready condition.
	Message string
	Created time.Time
}

// Title is the name, with the namespace where that is not the usual one.
func (r Row) Title() string {
	if r.Namespace == home || r.Namespace == "" {
		return r.Name
	}
	return r.Namespace + "/" + r.Name
}

// State is what the cluster holds at one moment.
type State struct {
	// Objects are those of the kinds that are shown.
	Objects []*unstructured.Unstructured
}

// Rows returns one row for each object: by kind, and within a kind in the order in which they were made.
func (s State) Rows() []Row {
	var rows []Row
	for _, k := range kinds() {
		var same []Row
		for _, o := range s.Objects {
			if o.GetKind() == k.Kind {
				same = append(same, k.row(o))
			}
		}
		slices.SortFunc(same, func(a, b Row) int {
			return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
		})
		rows = append(rows, same...)
	}
	return rows
}

func (k kind) row(o *unstructured.Unstructured) Row {
	row := Row{
		Kind: k.Kind, Namespace: o.GetNamespace(), Name: o.GetName(), Ready: metav1.ConditionUnknown, Created: o.GetCreationTimestamp().Time,
		Revision: k.revision(o),
	}
	row.Suspended, _, _ = unstructured.NestedBool(o.Object, "spec", "suspend") // the API server knows its type
	if k.about != nil {
		row.Ready, row.Message = "", k.about(o)
		return row
	}
	status := statusOf(o)
	if ready := meta.FindStatusCondition(status.Conditions, readyCondition); ready != nil {
		row.Ready, row.Message = ready.Status, shortenAll(ready.Message)
	}
	if status.ObservedGeneration != o.GetGeneration() && row.Ready == metav1.ConditionTrue {
		row.Ready = metav1.ConditionUnknown
	}
	return row
}

// status is what all kinds that have a status have in it.
type status struct {
	ObservedGeneration int64              `json:"observedGeneration"`
	Conditions         []metav1.Condition `json:"conditions"`
}

func statusOf(o *unstructured.Unstructured) status {
	var s status
	data, err := json.Marshal(o.Object["status"])
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		return status{}
	}
	return s
}

// Pending names what keeps all from being ready: what is named in want and does not exist, what is not ready, and each Kustomization that has not
// applied the newest revision of its source. Names are written as Kind/name.
func (s State) Pending(want []string) []string {
	var pending []string
	rows := s.Rows()
	for _, name := range want {
		if !slices.ContainsFunc(rows, func(r Row) bool { return r.Kind+"/"+r.Title() == name }) {
			pending = append(pending, name)
		}
	}
	for _, row := range rows {
		if row.Ready != metav1.ConditionTrue && row.Ready != "" && !row.Suspended {
			pending = append(pending, row.Kind+"/"+row.Title())
		}
	}
	for _, o := range s.Objects {
		if name := o.GetKind() + "/" + o.GetName(); s.lags(o) && !slices.Contains(pending, name) {
			pending = append(pending, name)
		}
	}
	return pending
}

// lags tells whether an object is a Kustomization that has not applied the newest revision of its source yet.
func (s State) lags(o *unstructured.Unstructured) bool {
	if suspended, _, _ := unstructured.NestedBool(o.Object, "spec", "suspend"); o.GetKind() != kustomization || suspended {
		return false
	}
	kind, name := text(o, "spec", "sourceRef", "kind"), text(o, "spec", "sourceRef", "name")
	namespace := cmp.Or(text(o, "spec", "sourceRef", "namespace"), o.GetNamespace())
	for _, source := range s.Objects {
		if source.GetKind() == kind && source.GetName() == name && source.GetNamespace() == namespace {
			published := text(source, "status", "artifact", "revision")
			return published == "" || published != text(o, "status", "lastAppliedRevision")
		}
	}
	return false
}
