// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package kustomization

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/kit/apply"
)

// record is what the runs of one object leave behind for the next: a process that starts without it does the full work once.
type record struct {
	// known is set once a run has had this record.
	known bool
	// inputs is the hash of everything that the last completed apply and prune depended on; empty when the last one did not complete.
	inputs string
	// account is the identity that acted then.
	account string
	// deferred is the generation and revision for which a run has let its dependencies go first.
	deferred string
	// yielded are the inputs for which a run has let others go first.
	yielded string
	// verified is when the live objects were last compared in full.
	verified time.Time
	// digest is that of the content rendered last, and rendering the fingerprint of all but the artifact that it depends on.
	digest, rendering string
	// members are the objects that a wait for health looks at.
	members []apply.Entry
	// began is when the run started whose objects are waited for; zero when no wait is open.
	began time.Time
	// waiting is since when they are waited for.
	waiting time.Time
	// ttlJobs are the ids among them whose disappearance is a success.
	ttlJobs []string
	// deleted are the objects that the deletion of this one has deleted; nil before that.
	deleted []apply.Entry
	// changed tells that something was changed before the wait.
	changed bool
}

// closeWait ends the wait for health, however it went.
func (r *record) closeWait() {
	r.waiting, r.began = time.Time{}, time.Time{}
}

func key(obj client.Object) types.NamespacedName {
	return client.ObjectKeyFromObject(obj)
}
