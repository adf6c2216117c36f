// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// Print is a digest of the managedFields entry that server-side apply keeps for us.
//
// The API server takes a field out of that entry whenever somebody else gives the field another value or removes it, and
// leaves the entry alone when a status is written or a field that was never ours changes. An equal Print therefore means
// that everything we applied is still in place, which neither resourceVersion (moves with every status write) nor
// generation (absent from many kinds, moves with an autoscaler) can tell.
type Print [16]byte

// Record is what is kept of one object.
type Record struct {
	UID     types.UID
	Version string // resourceVersion
	Ours    Print  // zero: the object has no entry of ours
	Owner   types.NamespacedName
	// Writer is the field manager that wrote last and is not ours; it names the culprit of a drift.
	Writer string
	// APIVersions lists the versions found in managedFields, sorted, comma separated.
	APIVersions string
	Flags       Flags
	Deleting    bool
	Status      Status // zero while the kind is watched metadata-only
}

// Older tells whether r is an earlier state than the given resourceVersion. Versions that are not numbers (no server we know
// of, but the API allows it) are never older.
func (r Record) Older(version string) bool { return Older(r.Version, version) }

// Older compares two resourceVersions of the same kind.
func Older(a, b string) bool {
	cmp, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && cmp < 0
}

// Reader turns object metadata into records.
type Reader struct {
	// Field is our field manager, Group the prefix of labels and annotations.
	Field, Group string
	// Overrides are further field managers (prefixes) whose fields we take over.
	Overrides []string
	// Updates makes what we wrote without server-side apply count as ours, too.
	Updates bool
}

// Read reduces metadata to a record.
func (r Reader) Read(m metav1.Object) Record {
	labels, annotations := m.GetLabels(), m.GetAnnotations()
	rec := Record{
		UID:     m.GetUID(),
		Version: m.GetResourceVersion(),
		Owner: types.NamespacedName{
			Namespace: labels[r.Group+"/namespace"],
			Name:      labels[r.Group+"/name"],
		},
		Flags:    ReadFlags(r.Group, labels, annotations),
		Deleting: m.GetDeletionTimestamp() != nil,
	}
	if r.hasLeftovers(labels, annotations) {
		rec.Flags |= TakeOver
	}
	r.readManagers(&rec, m.GetManagedFields())
	return rec
}

func (r Reader) readManagers(rec *Record, entries []metav1.ManagedFieldsEntry) {
	var versions []string
	var latest metav1.Time
	var ours []*metav1.ManagedFieldsEntry
	for i := range entries {
		e := &entries[i]
		if !slices.Contains(versions, e.APIVersion) {
			versions = append(versions, e.APIVersion)
		}
		if e.Subresource != "" {
			continue
		}
		if r.isOurs(e) {
			ours = append(ours, e)
			continue
		}
		if r.Foreign(e) {
			rec.Flags |= TakeOver
		}
		if e.Time != nil && !e.Time.Before(&latest) {
			latest, rec.Writer = *e.Time, strings.Clone(e.Manager)
		}
	}
	if len(ours) > 0 {
		rec.Ours = digest(ours)
	}
	slices.Sort(versions)
	rec.APIVersions = strings.Join(versions, ",")
}

func (r Reader) isOurs(e *metav1.ManagedFieldsEntry) bool {
	return e.Manager == r.Field && (e.Operation == metav1.ManagedFieldsOperationApply || r.Updates)
}

func digest(entries []*metav1.ManagedFieldsEntry) Print {
	h := sha256.New()
	for _, e := range entries {
		h.Write([]byte(e.APIVersion))
		if e.Time != nil {
			var seconds [8]byte                                           // the API server stores whole seconds
			binary.BigEndian.PutUint64(seconds[:], uint64(e.Time.Unix())) //nolint:gosec // only compared
			h.Write(seconds[:])
		}
		if e.FieldsV1 != nil {
			h.Write(e.FieldsV1.GetRawBytes())
		}
	}
	return Print(h.Sum(nil)[:16])
}
