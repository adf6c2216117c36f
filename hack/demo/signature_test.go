// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

func newSigner(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// signedCommit is a commit as git stores it, signed by signer.
func signedCommit(t *testing.T, signer ssh.Signer) string {
	t.Helper()
	headers := "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a@example.com> 1 +0000\ncommitter A <a@example.com> 1 +0000\n"
	message := "\nUpdate images\n\n- 1 -> 2\n"
	signature, err := sshsig.Sign(strings.NewReader(headers+message), signer, sshsig.HashSHA512, "git")
	if err != nil {
		t.Fatal(err)
	}
	armored := strings.TrimRight(string(sshsig.Armor(signature)), "\n")
	return headers + "gpgsig " + strings.ReplaceAll(armored, "\n", "\n ") + "\n" + message
}

func TestVerify(t *testing.T) {
	signer := newSigner(t)
	commit := signedCommit(t, signer)
	cases := map[string]struct {
		reason string
		commit string
		signer ssh.PublicKey
		ok     bool
	}{
		"Good":     {"The key signed exactly this.", commit, signer.PublicKey(), true},
		"Altered":  {"What was signed is not what is there.", strings.Replace(commit, "1 -> 2", "1 -> 3", 1), signer.PublicKey(), false},
		"OtherKey": {"Somebody else signed it.", commit, newSigner(t).PublicKey(), false},
		"Unsigned": {"Nobody signed it.", "tree 4b82\nauthor A\n\nUpdate\n", signer.PublicKey(), false},
		"NoCommit": {"There is nothing that could be signed.", "", signer.PublicKey(), false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if err := verify(tc.commit, tc.signer); (err == nil) != tc.ok {
				t.Errorf("%s\nerror %v", tc.reason, err)
			}
		})
	}
}
