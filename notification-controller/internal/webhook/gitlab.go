// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
)

// Headers of GitLab.
const (
	gitlabEventHeader = "X-Gitlab-Event"
	gitlabTokenHeader = "X-Gitlab-Token" //nolint:gosec // the name of a header
)

var errBadToken = errors.New("the token is missing or wrong")

// proveGitLab takes requests that carry the token in a header.
func proveGitLab(r request, token []byte) error {
	return equal(r.header.Get(gitlabTokenHeader), token)
}

// equal compares in constant time, texts of lengths that differ as well.
func equal(got string, token []byte) error {
	if len(token) == 0 {
		return errEmptyToken
	}
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256(token)
	if !hmac.Equal(a[:], b[:]) {
		return errBadToken
	}
	return nil
}
