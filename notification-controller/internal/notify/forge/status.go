// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package forge

import (
	"cmp"
	"strings"
	"unicode"

	"github.com/fluxcd/pkg/apis/meta"

	eventv1 "github.com/weir-gitops/weir/api/event/v1beta1"
	"github.com/weir-gitops/weir/notification-controller/internal/notify/delivery"
)

// commitHashChars is the length of a SHA-1 hash, the only one that the services know.
const commitHashChars = 40

// status is what an event says about a commit.
type status struct {
	commit string
	// failed says that it is bad news, pending that the work is not done.
	failed, pending bool

	id          string
	description string
}

// newStatus reads a status out of a message. Flux: notification-controller contract, "Git providers".
func newStatus(m delivery.Message) (status, error) {
	if m.StatusID == "" {
		return status{}, delivery.Invalid("commit status without an id")
	}
	s := status{id: m.StatusID, description: describe(m.Event.Reason), pending: progressing(m)}
	switch m.Event.Severity {
	case eventv1.SeverityInfo:
	case eventv1.SeverityError:
		s.failed = true
	default:
		return status{}, delivery.Invalid("severity '%s' has no commit state", m.Event.Severity)
	}
	commit, err := commitOf(m.Event.Metadata)
	s.commit = commit
	return s, err
}

// progressing tells events about work that is not done.
func progressing(m delivery.Message) bool { return m.Event.Reason == meta.ProgressingReason }

// commitOf finds the hash of the commit that an event is about. Flux: notification-controller contract, "Metadata keys".
func commitOf(metadata map[string]string) (string, error) {
	revision := cmp.Or(metadata[eventv1.CommitKey], metadata[eventv1.OriginRevisionKey], metadata[eventv1.RevisionKey])
	if revision == "" {
		return "", delivery.Invalid("missing revision in the metadata of the event")
	}
	hash := revision[strings.LastIndexByte(revision, '/')+1:]
	if i := strings.LastIndexByte(revision, ':'); i >= 0 {
		hash = revision[i+1:]
	}
	if len(hash) != commitHashChars || strings.ContainsFunc(hash, notHex) {
		return "", delivery.Invalid("no commit hash in revision '%s'", revision)
	}
	return hash, nil
}

// notHex refuses what could turn a hash into a path.
func notHex(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF", r) }

// Classes of characters in a reason.
const (
	lower = iota
	upper
	digit
	other
)

func classOf(r rune) int {
	switch {
	case unicode.IsLower(r):
		return lower
	case unicode.IsUpper(r):
		return upper
	case unicode.IsDigit(r):
		return digit
	}
	return other
}

// describe turns a reason into words: ReconciliationSucceeded becomes "reconciliation succeeded". Flux: notification-controller contract, "Common
// rules" of Git providers.
func describe(reason string) string {
	var words [][]rune
	last := -1
	for _, r := range reason {
		class := classOf(r)
		switch n := len(words) - 1; {
		case n < 0:
			words = append(words, []rune{r})
		case class == last:
			words[n] = append(words[n], r)
		case last == upper && class == lower:
			// The last capital begins the word.
			end := len(words[n]) - 1
			words = append(words, []rune{words[n][end], r})
			words[n] = words[n][:end]
		default:
			words = append(words, []rune{r})
		}
		last = class
	}
	parts := make([]string, 0, len(words))
	for _, word := range words {
		if len(word) > 0 {
			parts = append(parts, strings.ToLower(string(word)))
		}
	}
	return strings.Join(parts, " ")
}
