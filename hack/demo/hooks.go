// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	notificationv1 "github.com/weir-gitops/weir/api/notification/v1"
	"github.com/weir-gitops/weir/hack/local/gitserver"
)

// hookTimeout bounds one webhook.
const hookTimeout = 10 * time.Second

// pushed tells the Receivers of pushes as a Git host does. Before there are any nobody is told: sources look when they are made.
func (d *demo) pushed(ctx context.Context) {
	d.send(ctx, notificationv1.GitHubReceiver, map[string]any{"ref": "refs/heads/" + gitserver.Branch})
}

// tagged tells the Receivers of images and artifacts as a registry does.
func (d *demo) tagged(ctx context.Context, repository, tag string) {
	d.send(ctx, notificationv1.HarborReceiver, map[string]any{
		"type": "PUSH_ARTIFACT",
		"event_data": map[string]any{
			"repository": map[string]any{"repo_full_name": repository},
			"resources":  []any{map[string]any{"tag": tag}},
		},
	})
}

// send posts a webhook to each Receiver of a type that has a path. What goes wrong is said and is no more than that, as for a Git host.
func (d *demo) send(ctx context.Context, receiverType string, payload map[string]any) {
	var receivers notificationv1.ReceiverList
	if d.webhooks == "" {
		return
	}
	if err := d.client.List(ctx, &receivers, client.InNamespace(namespace)); err != nil {
		fmt.Fprintf(os.Stderr, "look for Receivers: %v\n", err)
		return
	}
	body, err := json.Marshal(payload)
	if err != nil {
		fmt.Fprintf(os.Stderr, "make webhook: %v\n", err)
		return
	}
	for i := range receivers.Items {
		receiver := &receivers.Items[i]
		if receiver.Spec.Type != receiverType || receiver.Status.WebhookPath == "" {
			continue
		}
		if err := post(ctx, d.webhooks+receiver.Status.WebhookPath, proof(receiverType, d.token, body), body); err != nil {
			fmt.Fprintf(os.Stderr, "tell Receiver %s: %v\n", receiver.Name, err)
		}
	}
}

// proof is what a sender of a type adds to a webhook, by which the Receiver knows it.
func proof(receiverType, token string, body []byte) map[string]string {
	if receiverType == notificationv1.HarborReceiver {
		return map[string]string{"Authorization": token}
	}
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write(body)
	return map[string]string{"X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256=" + hex.EncodeToString(mac.Sum(nil))}
}

func post(ctx context.Context, url string, headers map[string]string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, hookTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("it answered %s", response.Status)
	}
	return nil
}
