// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"encoding/json"
	"errors"
)

// dockerHubPush is what of a push is looked at.
type dockerHubPush struct {
	PushData *struct {
		Tag *string `json:"tag"`
	} `json:"push_data"`
	Repository *struct {
		RepoURL *string `json:"repo_url"`
	} `json:"repository"`
}

// proveDockerHub takes pushes: Docker Hub signs nothing, so who knows the path may send.
func proveDockerHub(r request, _ []byte) error {
	var push *dockerHubPush
	if err := json.Unmarshal(r.body, &push); err != nil || push == nil {
		return errors.New("the body is no push of Docker Hub")
	}
	return nil
}
