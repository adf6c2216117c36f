// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"bytes"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"

	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/kit/testkit"
)

// openPGPKey returns private keys in one armored document.
func openPGPKey(t *testing.T, passphrase string, names ...string) string {
	t.Helper()
	var out bytes.Buffer
	w, err := armor.Encode(&out, openpgp.PrivateKeyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		e, err := openpgp.NewEntity(name, "", name+"@example.com", nil)
		if err == nil && passphrase != "" {
			err = e.EncryptPrivateKeys([]byte(passphrase), nil)
		}
		if err == nil {
			err = e.SerializePrivateWithoutSigning(w, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestSigners(t *testing.T) {
	plain, locked := openPGPKey(t, "", "one"), openPGPKey(t, "hunter2", "one")
	cases := map[string]struct {
		reason string
		ssh    bool
		data   map[string]string
		text   string
	}{
		"OpenPGP":         {reason: "A key alone is enough.", data: map[string]string{"git.asc": plain}},
		"Locked":          {reason: "A passphrase unlocks it.", data: map[string]string{"git.asc": locked, "passphrase": "hunter2"}},
		"NoKey":           {reason: "The missing key is named.", data: map[string]string{"x": "y"}, text: "does not contain a 'git.asc' key"},
		"Several":         {reason: "One key signs.", data: map[string]string{"git.asc": openPGPKey(t, "", "one", "two")}, text: "multiple entities read from secret"},
		"NoPassphrase":    {reason: "The missing passphrase is named.", data: map[string]string{"git.asc": locked}, text: "can not use passphrase protected signing key without 'passphrase' field present in secret"},
		"WrongPassphrase": {reason: "So is a wrong one.", data: map[string]string{"git.asc": locked, "passphrase": "x"}, text: "could not decrypt private key of the signing key present in secret"},
		"Malformed":       {reason: "What is no key is not repeated.", data: map[string]string{"git.asc": "hunter2"}, text: "unusable signing key"},
		"SSH":             {reason: "A key alone is enough.", ssh: true, data: map[string]string{"identity": string(testkit.NewIdentity(t, ""))}},
		"SSHLocked":       {reason: "A password unlocks it.", ssh: true, data: map[string]string{"identity": string(testkit.NewIdentity(t, "hunter2")), "password": "hunter2"}},
		"SSHNoKey":        {reason: "The missing key is named.", ssh: true, data: map[string]string{"x": "y"}, text: "does not contain an 'identity' key"},
		"SSHNoPassword":   {reason: "The missing password is named.", ssh: true, data: map[string]string{"identity": string(testkit.NewIdentity(t, "p"))}, text: "without 'password' field present in secret"},
		"SSHMalformed":    {reason: "What is no key is not repeated.", ssh: true, data: map[string]string{"identity": "hunter2"}, text: "unusable signing key"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			reader := &Reader{Client: shelf{data: tc.data}}
			var signer git.Signer
			var err error
			if tc.ssh {
				signer, err = reader.SSHSigner(t.Context(), "team", "creds")
			} else {
				signer, err = reader.OpenPGPSigner(t.Context(), "team", "creds")
			}
			var want error
			if tc.text != "" {
				want = ErrSecret
			}
			checkError(t, tc.reason, err, want, tc.text)
			if err == nil {
				if signature, err := signer.Sign([]byte("x")); err != nil || len(signature) == 0 {
					t.Errorf("%s\nsign: %v", tc.reason, err)
				}
			}
		})
	}
}
