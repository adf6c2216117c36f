// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"time"

	"github.com/fluxcd/cli-utils/pkg/object"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/kit/apply/internal/observe"
)

// Tracked is an object that somebody else applies with the field manager of the engine, such as an object of a Helm release.
type Tracked struct {
	// Object is the live object as the API server returned it; its metadata is enough.
	Object client.Object
	// Off says that it is not as desired: it counts as touched, and nothing is concluded from it.
	Off bool
	// Vanishes says that it is a Job which is removed once it is done.
	Vanishes bool
}

// Track takes objects for what owner wants to have, in the state in which they are, instead of what it had. From now on they are
// watched, and owner is woken when somebody takes away a field that was applied. complete says that there are no others; only
// then the owner can be settled. It sends no request but for kinds that the mapper does not know yet.
func (e *Engine) Track(c Clients, owner Owner, objects []Tracked, complete bool) {
	a := e.ledger.open(owner)
	a.moveTo(c.Remote)
	kinds := map[schema.GroupKind]observe.Target{}
	seen := make(map[object.ObjMetadata]bool, len(objects))
	ids := make([]object.ObjMetadata, len(objects))
	for i, o := range objects {
		gvk := o.Object.GetObjectKind().GroupVersionKind()
		t, err := c.target(gvk)
		if err != nil {
			complete = false
			continue
		}
		ids[i] = object.ObjMetadata{Name: o.Object.GetName(), GroupKind: gvk.GroupKind()}
		if t.Namespaced {
			ids[i].Namespace = o.Object.GetNamespace()
		}
		kinds[gvk.GroupKind()], seen[ids[i]] = t, true
	}
	a.keep(seen)
	if e.hub != nil && !c.Remote {
		e.hub.Use(owner.key(), kinds)
	}
	for i, o := range objects {
		if !seen[ids[i]] {
			continue
		}
		a.track(ids[i], o, e.reader.Read(o.Object))
		complete = complete && !o.Off
	}
	a.finish(complete && !c.Remote)
	for id := range seen {
		e.recheck(a, owner, id)
	}
}

// track posts an object of which only the live state is known.
func (a *account) track(id object.ObjMetadata, o Tracked, rec observe.Record) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.entries[id]
	if o.Off {
		if p != nil {
			p.stir(time.Now())
			p.uid = "" // nothing is concluded from what comes
		}
		return
	}
	if p == nil {
		p = &posting{}
		a.entries[id] = p
	}
	// Whoever applies does not take over the fields of kubectl users, so that they are no reason to act.
	p.uid, p.version, p.ours, p.ttl, p.merge = rec.UID, rec.Version, rec.Ours, o.Vanishes, true
}

// IsStatic tells whether objects of a kind are fine as soon as they exist.
func IsStatic(gk schema.GroupKind) bool { return observe.Static(gk) }
