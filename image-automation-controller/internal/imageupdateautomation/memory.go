// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imageupdateautomation

import "github.com/weir-gitops/weir/kit/git"

// maxPlain bounds the files that are remembered to have no markers: 20 bytes each, and about as much again for the table.
const maxPlain = 200_000

// record is what the runs of one object leave behind for the next: a process that starts without it looks at every file once.
type record struct {
	// settled describes what the last complete run saw; empty when the last one did not complete.
	settled string
	// started says that there was a run in this process; inherited that runs of an earlier one may have left something undone, as none has completed
	// since.
	started, inherited bool
	// requested says that a run was asked for that has not completed yet.
	requested bool
	// plain are files, by content, that have no markers.
	plain map[git.Hash]struct{}
	// owed is the commit whose push to a refspec has failed in this process; zero when none has.
	owed git.Hash
}

// notePlain remembers that a file has no markers.
func (r *record) notePlain(h git.Hash) {
	if r.plain == nil || len(r.plain) >= maxPlain {
		r.plain = make(map[git.Hash]struct{})
	}
	r.plain[h] = struct{}{}
}
