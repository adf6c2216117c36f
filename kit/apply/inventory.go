// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"errors"
	"fmt"

	"github.com/fluxcd/cli-utils/pkg/object"
	"github.com/fluxcd/pkg/ssa/utils"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// Owner identifies who applies: every object carries its name and namespace as labels.
type Owner struct{ Namespace, Name string }

// String returns namespace/name.
func (o Owner) String() string { return o.Namespace + "/" + o.Name }

func (o Owner) key() types.NamespacedName { return types.NamespacedName(o) }

// Entry is one line of an inventory. Its identity is the ID alone.
type Entry struct {
	// ID is "<namespace>_<name>_<group>_<kind>"; a colon in the name of an RBAC object is written "__".
	ID string
	// Version is the API version without the group, for example "v1".
	Version string
}

// NewEntry returns the inventory line of an object.
func NewEntry(gvk schema.GroupVersionKind, namespace, name string) Entry {
	id := object.ObjMetadata{Namespace: namespace, Name: name, GroupKind: gvk.GroupKind()}
	return Entry{ID: id.String(), Version: gvk.Version}
}

// Subject returns "Kind/namespace/name", or "Kind/name" of a cluster-scoped object, or the ID if it cannot be parsed.
func (e Entry) Subject() string {
	id, err := e.parse()
	if err != nil {
		return e.ID
	}
	return utils.FmtObjMetadata(id)
}

func (e Entry) parse() (object.ObjMetadata, error) {
	id, err := object.ParseObjMetadata(e.ID)
	if err != nil {
		return object.NilObjMetadata, err
	}
	if id.Name == "" || id.GroupKind.Kind == "" {
		return object.NilObjMetadata, fmt.Errorf("unable to parse stored object metadata: %s", e.ID)
	}
	return id, nil
}

// ParseEntries checks that every inventory line is well formed, and names all that are not.
func ParseEntries(entries []Entry) error {
	_, err := parseEntries(entries)
	return err
}

// known is a parsed inventory line.
type known struct {
	Entry
	id object.ObjMetadata
}

func parseEntries(entries []Entry) ([]known, error) {
	var errs []error
	list := make([]known, 0, len(entries))
	for _, e := range entries {
		id, err := e.parse()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		list = append(list, known{Entry: e, id: id})
	}
	return list, errors.Join(errs...)
}

func (k known) gvk() schema.GroupVersionKind { return k.id.GroupKind.WithVersion(k.Version) }
