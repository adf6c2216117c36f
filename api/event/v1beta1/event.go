// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package v1beta1 holds the payload that controllers post to notification-controller. It is plain JSON over HTTP and never stored in the
// cluster. The type is that of github.com/fluxcd/pkg/apis/event, so programs written for either understand both.
package v1beta1

import eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"

// Event tells what happened to an object. Its fields are marshalled in the order receivers compute signatures over.
type Event = eventv1.Event

// Group is the prefix of annotations that are copied from an object into the metadata of its events.
const Group = eventv1.Group

// AnnotationPrefix is Group as it stands before the name of such an annotation.
const AnnotationPrefix = Group + "/"

// Values of Event.Severity.
const (
	// SeverityTrace is for what nobody needs to be told; it is never posted.
	SeverityTrace = eventv1.EventSeverityTrace

	// SeverityInfo is for changes.
	SeverityInfo = eventv1.EventSeverityInfo

	// SeverityError is for faults.
	SeverityError = eventv1.EventSeverityError
)

// Names of metadata. On the wire the group of the object and a slash stand before those that a controller sets.
const (
	// RevisionKey names the revision of the artifact or the version of the chart.
	RevisionKey = eventv1.MetaRevisionKey

	// OriginRevisionKey names the revision the artifact was made from.
	OriginRevisionKey = eventv1.MetaOriginRevisionKey

	// DigestKey names the digest of the artifact.
	DigestKey = eventv1.MetaDigestKey

	// TokenKey names a text that tells events apart that look the same.
	TokenKey = eventv1.MetaTokenKey

	// CommitKey names the hash of a Git commit.
	CommitKey = eventv1.MetaCommitKey

	// CommitStatusKey with CommitStatusUpdate marks events that are only meant for commit statuses.
	CommitStatusKey = eventv1.MetaCommitStatusKey

	// CommitStatusUpdate is the value of CommitStatusKey.
	CommitStatusUpdate = eventv1.MetaCommitStatusUpdateValue

	// ChangeRequestKey names the number of a pull or merge request.
	ChangeRequestKey = eventv1.MetaChangeRequestKey

	// SummaryKey names a text that providers show first.
	SummaryKey = "summary"
)
