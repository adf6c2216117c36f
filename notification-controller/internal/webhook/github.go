// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"cmp"
	"errors"
	"fmt"
	"mime"
	"net/url"

	"github.com/weir-gitops/weir/kit/excerpt"
)

// Headers of GitHub, Gitea and Forgejo.
const (
	githubEventHeader     = "X-Github-Event"
	githubSignatureHeader = "X-Hub-Signature-256"
	githubOlderHeader     = "X-Hub-Signature"
)

// Content types of webhooks.
const (
	typeJSON = "application/json"
	typeForm = "application/x-www-form-urlencoded"
)

// proveGitHub takes requests in one of GitHub's two forms that are signed with the token; the signature is over the body as it came.
func proveGitHub(r request, token []byte) error {
	contentType, _, err := mime.ParseMediaType(r.header.Get("Content-Type"))
	if err != nil {
		return errors.New("the content type is missing or malformed")
	}
	switch contentType {
	case typeJSON:
	case typeForm:
		if _, err := url.ParseQuery(string(r.body)); err != nil {
			return errors.New("the body is no form")
		}
	default:
		return fmt.Errorf("content type '%s'", excerpt.Of(contentType, maxQuotedBytes))
	}
	return verify(cmp.Or(r.header.Get(githubSignatureHeader), r.header.Get(githubOlderHeader)), r.body, token)
}
