// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/kit/testkit"
)

// openPGPKeys returns armored private keys in one document, encrypted where there is a passphrase, and the public ones.
func openPGPKeys(t *testing.T, passphrase string, names ...string) (private, public []byte) {
	t.Helper()
	var entities []*openpgp.Entity
	for _, name := range names {
		e, err := openpgp.NewEntity(name, "", name+"@example.com", nil)
		if err != nil {
			t.Fatal(err)
		}
		entities = append(entities, e)
	}
	public = armored(t, openpgp.PublicKeyType, func(b *bytes.Buffer) error {
		for _, e := range entities {
			if err := e.Serialize(b); err != nil {
				return err
			}
		}
		return nil
	})
	private = armored(t, openpgp.PrivateKeyType, func(b *bytes.Buffer) error {
		for _, e := range entities {
			if passphrase != "" {
				if err := e.EncryptPrivateKeys([]byte(passphrase), nil); err != nil {
					return err
				}
			}
			if err := e.SerializePrivateWithoutSigning(b, nil); err != nil {
				return err
			}
		}
		return nil
	})
	return private, public
}

func armored(t *testing.T, kind string, write func(*bytes.Buffer) error) []byte {
	t.Helper()
	var out, content bytes.Buffer
	if err := write(&content); err != nil {
		t.Fatal(err)
	}
	w, err := armor.Encode(&out, kind, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// signed pushes a commit with the signature to a server and returns where the git command finds it.
func signed(t *testing.T, signer git.Signer) string {
	t.Helper()
	f := newFixture(t)
	f.commit(t, "main", "first", map[string]string{"a": "1"})
	_, commit := f.fetch(t, git.Reference{Branch: "main"})
	d := draft(t, commit, map[string]string{"a": "2"}, func(o *git.DraftOptions) { o.Signer, o.Message = signer, "two\n\nlines" })
	if _, err := f.remote.Push(t.Context(), git.Push{Ref: main, Old: commit.Hash, New: d.Hash, Draft: d}); err != nil {
		t.Fatal(err)
	}
	return f.path()
}

func TestOpenPGP(t *testing.T) {
	for name, passphrase := range map[string]string{"Plain": "", "Encrypted": "a phrase"} {
		t.Run(name, func(t *testing.T) {
			private, public := openPGPKeys(t, passphrase, "weir")
			signer, err := git.NewOpenPGPSigner(private, passphrase)
			if err != nil {
				t.Fatal(err)
			}
			content := []byte("content")
			signature, err := signer.Sign(content)
			if err != nil {
				t.Fatal(err)
			}
			ring, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(public))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := openpgp.CheckArmoredDetachedSignature(ring, bytes.NewReader(content), bytes.NewReader(signature), nil); err != nil {
				t.Errorf("signature: %v", err)
			}
			verifyWithGPG(t, signed(t, signer), public)
		})
	}
}

// verifyWithGPG lets the commands of other people have a look.
func verifyWithGPG(t *testing.T, repository string, public []byte) {
	t.Helper()
	if _, err := exec.LookPath("gpg"); err != nil {
		t.Log("gpg is not installed; the library alone has verified")
		return
	}
	home, err := os.MkdirTemp("", "gpg") //nolint:usetesting // the path of a socket in it has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	key := filepath.Join(home, "key.asc")
	if err := os.WriteFile(key, public, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(name string, args ...string) string {
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Env = append(gitEnvironment(t), "GNUPGHOME="+home)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
		return string(out)
	}
	run("gpg", "--batch", "--no-autostart", "--import", key)
	if out := run("git", "-C", repository, "verify-commit", "-v", "main"); !strings.Contains(out, "Good signature") {
		t.Errorf("git verify-commit: %s", out)
	}
}

func sshKey(t *testing.T, key any, passphrase string) []byte {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(key, "")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block)
}

func TestSSHSignature(t *testing.T) {
	elliptical, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	large, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		reason, passphrase string
		key                []byte
	}{
		"Ed25519":   {reason: "The usual kind.", key: testkit.NewIdentity(t, "")},
		"Encrypted": {reason: "With a passphrase.", key: testkit.NewIdentity(t, "a phrase"), passphrase: "a phrase"},
		"ECDSA":     {reason: "On another curve.", key: sshKey(t, elliptical, "")},
		"RSA":       {reason: "And the old one.", key: sshKey(t, large, "")},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			signer, err := git.NewSSHSigner(tc.key, tc.passphrase)
			if err != nil {
				t.Fatalf("%s\n%v", tc.reason, err)
			}
			content := []byte("content")
			armored, err := signer.Sign(content)
			if err != nil {
				t.Fatal(err)
			}
			signature, err := sshsig.Unarmor(armored)
			if err != nil {
				t.Fatal(err)
			}
			public := publicKey(t, tc.key, tc.passphrase)
			if err := sshsig.Verify(bytes.NewReader(content), signature, public, signature.HashAlgorithm, "git"); err != nil {
				t.Errorf("%s\nsignature: %v", tc.reason, err)
			}
			verifyWithSSH(t, signed(t, signer), public)
		})
	}
}

// publicKey is the public half of a private key.
func publicKey(t *testing.T, key []byte, passphrase string) ssh.PublicKey {
	t.Helper()
	parsed, err := ssh.ParsePrivateKey(key)
	if passphrase != "" {
		parsed, err = ssh.ParsePrivateKeyWithPassphrase(key, []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	return parsed.PublicKey()
}

// verifyWithSSH lets the commands of other people have a look.
func verifyWithSSH(t *testing.T, repository string, public ssh.PublicKey) {
	t.Helper()
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Log("ssh-keygen is not installed; the library alone has verified")
		return
	}
	allowed := filepath.Join(t.TempDir(), "allowed")
	if err := os.WriteFile(allowed, append([]byte("weir@example.com "), ssh.MarshalAuthorizedKey(public)...), 0o600); err != nil {
		t.Fatal(err)
	}
	out := gitCommand(t, repository, "-c", "gpg.ssh.allowedSignersFile="+allowed, "verify-commit", "-v", "main")
	if !strings.Contains(out, `Good "git" signature for weir@example.com`) {
		t.Errorf("git verify-commit: %s", out)
	}
}

// notForSigning leaves a key that only vouches for its parts.
func notForSigning(e *openpgp.Entity) error {
	for _, identity := range e.Identities {
		identity.SelfSignature.FlagSign = false
	}
	return nil
}

// signingSubkey has a part of the key sign, and no other.
func signingSubkey(e *openpgp.Entity) error {
	return errors.Join(notForSigning(e), e.AddSigningSubkey(&packet.Config{Algorithm: packet.PubKeyAlgoEdDSA}))
}

// revokedSubkey is that, with the part revoked.
func revokedSubkey(e *openpgp.Entity) error {
	if err := signingSubkey(e); err != nil {
		return err
	}
	return e.RevokeSubkey(&e.Subkeys[len(e.Subkeys)-1], packet.KeyCompromised, "", nil)
}

func TestSigningKeys(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	two, public := openPGPKeys(t, "", "one", "two")
	locked, _ := openPGPKeys(t, "a phrase", "one")
	asOpenPGP := func(key []byte, passphrase string) error {
		_, err := git.NewOpenPGPSigner(key, passphrase)
		return err
	}
	long := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	edited := func(edit func(*openpgp.Entity) error) []byte {
		e, err := openpgp.NewEntity("one", "", "one@example.com", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA})
		if err == nil {
			err = edit(e)
		}
		if err != nil {
			t.Fatal(err)
		}
		return armored(t, openpgp.PrivateKeyType, func(b *bytes.Buffer) error { return e.SerializePrivate(b, nil) })
	}
	asSSH := func(key []byte, passphrase string) error {
		_, err := git.NewSSHSigner(key, passphrase)
		return err
	}
	cases := map[string]struct {
		reason string
		err    error
		want   error
	}{
		"Several":         {"Which of two keys is meant nobody knows.", asOpenPGP(two, ""), git.ErrSeveralKeys},
		"Public":          {"A public key does not sign.", asOpenPGP(public, ""), git.ErrSigningKey},
		"NoKey":           {"Text is no key.", asOpenPGP([]byte("x"), ""), git.ErrSigningKey},
		"Expired":         {"A key that has expired.", asOpenPGP(testkit.NewOpenPGPKey(t, long, 24*time.Hour), ""), git.ErrKeyInvalid},
		"Future":          {"One that is not valid yet.", asOpenPGP(testkit.NewOpenPGPKey(t, time.Now().Add(24*time.Hour), 0), ""), git.ErrKeyInvalid},
		"Revoked":         {"One that was revoked.", asOpenPGP(edited(func(e *openpgp.Entity) error { return e.RevokeKey(packet.KeyCompromised, "", nil) }), ""), git.ErrKeyInvalid},
		"OnlyEncrypts":    {"One that is for something else.", asOpenPGP(edited(notForSigning), ""), git.ErrKeyInvalid},
		"SubkeyRevoked":   {"One whose part that signs was revoked.", asOpenPGP(edited(revokedSubkey), ""), git.ErrKeyInvalid},
		"Old":             {"One that is old and has no end is fine.", asOpenPGP(testkit.NewOpenPGPKey(t, long, 0), ""), nil},
		"SubkeySigns":     {"So is one of which a part signs.", asOpenPGP(edited(signingSubkey), ""), nil},
		"NoPassphrase":    {"An encrypted key needs a passphrase.", asOpenPGP(locked, ""), git.ErrPassphraseMissing},
		"WrongPassphrase": {"The right one.", asOpenPGP(locked, "x"), git.ErrPassphraseWrong},
		"SSHNoKey":        {"Text is no key.", asSSH([]byte("x"), ""), git.ErrSigningKey},
		"SSHNoPassphrase": {"An encrypted key needs a passphrase.", asSSH(testkit.NewIdentity(t, "p"), ""), git.ErrPassphraseMissing},
		"SSHWrong":        {"The right one.", asSSH(testkit.NewIdentity(t, "p"), "x"), git.ErrPassphraseWrong},
		"SSHSmall":        {"A short RSA key is none.", asSSH(sshKey(t, small, ""), ""), git.ErrSigningKey},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if !errors.Is(tc.err, tc.want) {
				t.Errorf("%s\ngot %v", tc.reason, tc.err)
			}
		})
	}
}
