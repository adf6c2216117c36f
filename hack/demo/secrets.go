// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/weir-gitops/weir/hack/local/install"
)

// signersFile is in the data folder: whose signatures git accepts in the clone.
const signersFile = "allowed-signers"

// secrets makes what the repository must not hold, new each time: the token of the webhooks and, for the fleet, where the chat is and the key that
// signs commits. The public half of that key becomes known to the clone.
func (d *demo) secrets() (install.Manifest, error) {
	d.token = rand.Text()
	data := map[string]map[string]string{"webhook": {"token": d.token}}
	if d.options.repo == "" {
		private, err := d.signingKey()
		if err != nil {
			return nil, fmt.Errorf("make the key that signs commits: %w", err)
		}
		data["signing-key"] = map[string]string{"identity": private}
		data["chat"] = map[string]string{"address": d.chat.URL(deployments)}
		data["audit"] = map[string]string{"address": d.chat.URL(audit), "token": rand.Text()}
	}
	var all install.Manifest
	for name, values := range data {
		objects, err := manifest(&corev1.Secret{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
			ObjectMeta: metav1.ObjectMeta{
				Name: name, Namespace: namespace,
				Labels: map[string]string{"reconcile.fluxcd.io/watch": "Enabled"}, // a change is noticed at once
			},
			StringData: values,
		})
		if err != nil {
			return nil, err
		}
		all = append(all, objects...)
	}
	return all, nil
}

// signingKey makes a key, keeps its public half, and returns the private half as a Secret holds it.
func (d *demo) signingKey() (string, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return "", err
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return "", err
	}
	d.signer = signer.PublicKey()
	line := fmt.Appendf(nil, "%s %s", authorEmail, ssh.MarshalAuthorizedKey(d.signer))
	return string(pem.EncodeToMemory(block)), os.WriteFile(filepath.Join(d.options.data, signersFile), line, 0o600)
}
