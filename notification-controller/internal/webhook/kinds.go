// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	"github.com/weir-gitops/weir/kit/excerpt"
)

// request is what the proof of a type looks at.
type request struct {
	header http.Header
	body   []byte
}

// kind is how requests of one type of Receiver are checked.
type kind struct {
	// prove checks a request against the token of the Receiver.
	prove func(r request, token []byte) error
	// event is the header with the name of the event that spec.events is about; empty for types without.
	event string
}

// kinds holds every type of Receiver that this version has. Flux: notification-controller contract, "Types".
func kinds() map[string]kind {
	return map[string]kind{
		notificationv1.GenericReceiver:     {prove: proveGeneric},
		notificationv1.GenericHMACReceiver: {prove: proveHMAC},
		notificationv1.GitHubReceiver:      {prove: proveGitHub, event: githubEventHeader},
		notificationv1.GitLabReceiver:      {prove: proveGitLab, event: gitlabEventHeader},
		notificationv1.HarborReceiver:      {prove: proveHarbor},
		notificationv1.DockerHubReceiver:   {prove: proveDockerHub},
	}
}

// Supported reports whether this version has a type of Receiver.
func Supported(name string) bool {
	_, ok := kinds()[name]
	return ok
}

// errEmptyToken refuses a proof that anybody could give.
var errEmptyToken = errors.New("the token is empty")

// wanted refuses an event that is not on the list; an empty list has all events.
func wanted(events []string, event string) error {
	if len(events) == 0 || slices.ContainsFunc(events, func(e string) bool { return strings.EqualFold(e, event) }) {
		return nil
	}
	return fmt.Errorf("event '%s' is not wanted", excerpt.Of(event, maxQuotedBytes))
}

// maxQuotedBytes is how much of what a sender wrote is repeated in a log.
const maxQuotedBytes = 64
