// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// authorEmail is who the fleet's image automation commits as.
const authorEmail = "images@example.com"

// verify checks that a commit, as `git cat-file commit` prints it, is signed with a key. It does what `git verify-commit` does, which needs
// ssh-keygen on the machine.
func verify(commit string, signer ssh.PublicKey) error {
	payload, armored, err := split(commit)
	if err != nil {
		return err
	}
	signature, err := sshsig.Unarmor([]byte(armored))
	if err != nil {
		return fmt.Errorf("read the signature: %w", err)
	}
	if err := sshsig.Verify(strings.NewReader(payload), signature, signer, signature.HashAlgorithm, "git"); err != nil {
		return fmt.Errorf("check the signature: %w", err)
	}
	return nil
}

// split takes a commit apart into what is signed, which is all but the header gpgsig, and the signature.
func split(commit string) (payload, signature string, err error) {
	headers, message, found := strings.Cut(commit, "\n\n")
	if !found {
		return "", "", errors.New("this is no commit")
	}
	var signed, armored strings.Builder
	inside := false
	for line := range strings.SplitSeq(headers, "\n") {
		first, starts := strings.CutPrefix(line, "gpgsig ")
		more, continues := strings.CutPrefix(line, " ")
		switch {
		case starts:
			inside = true
			armored.WriteString(first + "\n")
		case inside && continues:
			armored.WriteString(more + "\n")
		default:
			inside = false
			signed.WriteString(line + "\n")
		}
	}
	if armored.Len() == 0 {
		return "", "", errors.New("the commit is not signed")
	}
	return signed.String() + "\n" + message, armored.String(), nil
}
