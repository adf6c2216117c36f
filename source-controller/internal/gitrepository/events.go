// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepository

import (
	"fmt"

	"github.com/fluxcd/pkg/apis/meta"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	kitevents "github.com/weir-gitops/weir/kit/events"
	"github.com/weir-gitops/weir/kit/reconcile"
	"github.com/weir-gitops/weir/source-controller/internal/publish"
)

// maxSubjectRunes is how much of the first line of a commit message is told. Flux: source-controller contract, "Which events".
const maxSubjectRunes = 50

// events lists what a run has to tell.
func events(before *sourcev1.GitRepository, s *scope, r reconcile.Result) []kitevents.Event {
	return publish.Events(before, s.files, r, publish.News{
		Stored: func(reason string) kitevents.Event { return kitevents.Event{Reason: reason, Message: storedMessage(s)} },
		Same:   func(a *meta.Artifact) kitevents.Event { return unchanged(s.obj, a) },
	})
}

// textUnchanged is what is told of a remote that is where it was. Flux: source-controller contract, "Message catalogue".
const textUnchanged = "no changes since last reconciliation: observed revision '%s'"

// unchanged tells that nothing moved, in the words for the reference. Flux: source-controller contract, "Checkout strategies", where only some are
// found to be unchanged before anything is fetched.
func unchanged(o *sourcev1.GitRepository, a *meta.Artifact) kitevents.Event {
	if ref := reference(o); ref.Commit != "" || ref.Name == "" && ref.Tag == "" && ref.SemVer != "" {
		return publish.UpToDate(a)
	}
	return kitevents.Event{Reason: sourcev1.GitOperationSucceededReason, Message: fmt.Sprintf(textUnchanged, a.Revision)}
}

// storedMessage names the commit by its subject, or by the revision where the commit was not looked at.
func storedMessage(s *scope) string {
	subject := s.obj.Status.Artifact.Revision
	if s.commit != nil {
		subject = shorten(s.commit.Subject)
	}
	return fmt.Sprintf("stored artifact for commit '%s'", subject)
}

// shorten cuts a subject line.
func shorten(subject string) string {
	if runes := []rune(subject); len(runes) > maxSubjectRunes {
		return string(runes[:maxSubjectRunes]) + "..."
	}
	return subject
}
