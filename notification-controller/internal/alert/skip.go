// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package alert

import (
	eventv1 "github.com/weir-gitops/weir/api/event/v1beta1"
	"github.com/weir-gitops/weir/notification-controller/internal/intake"
	"github.com/weir-gitops/weir/notification-controller/internal/notify"
)

// verdict says whether a kind of service is told of an event.
type verdict int

const (
	// send tells it.
	send verdict = iota
	// skip does not: the event is not meant for such a service.
	skip
	// skipMissing does not, and says so in the log: the event lacks a key of metadata that the service needs.
	skipMissing
)

const (
	commitKey        = eventv1.AnnotationPrefix + eventv1.CommitKey
	changeRequestKey = eventv1.AnnotationPrefix + eventv1.ChangeRequestKey
)

// judge is the matrix of section 3.6 of the contract. The metadata of the event is as it came, with prefixes.
func judge(kind string, event eventv1.Event) verdict {
	update := event.Metadata[intake.Prefix(event)+eventv1.CommitStatusKey] == eventv1.CommitStatusUpdate
	switch {
	case notify.Generic(kind):
		return send
	case notify.WritesStatus(kind):
		_, commit := event.Metadata[commitKey]
		if update || commit || event.Severity == eventv1.SeverityError {
			return send
		}
		return skipMissing
	case update:
		return skip
	case notify.WritesComments(kind) && event.Metadata[changeRequestKey] == "":
		return skipMissing
	}
	return send
}
