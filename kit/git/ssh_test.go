// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/kit/testkit"
)

func TestSSH(t *testing.T) {
	server := testkit.NewGitServer(t)
	content := noise(50)
	server.Commit(t, repoPath, "main", "first", content)
	address, hosts := server.SSH(t)
	address += "/" + repoPath

	m, err := git.OpenMirror(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	r := remote(t, address, git.Credentials{Identity: testkit.NewIdentity(t, "pass"), Passphrase: "pass", KnownHosts: hosts})
	for range 3 {
		target, err := m.Resolve(t.Context(), r, git.Reference{Branch: "main"})
		if err != nil {
			t.Fatal(err)
		}
		commit, err := m.Fetch(t.Context(), r, target)
		if err != nil {
			t.Fatal(err)
		}
		checkFiles(t, content, commit)
		content = with(content, "dir-01/file-0001.yaml", content["dir-01/file-0001.yaml"]+"more: 1\n")
		server.Commit(t, repoPath, "main", "next", content)
	}
}

func TestSSHRefusals(t *testing.T) {
	server := testkit.NewGitServer(t)
	server.Commit(t, repoPath, "main", "first", map[string]string{"a": "1"})
	address, hosts := server.SSH(t)
	identity := testkit.NewIdentity(t, "")
	foreign, err := ssh.ParsePrivateKey(testkit.NewIdentity(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(address, "ssh://git@")
	wrongKey := []byte(knownhosts.Line([]string{knownhosts.Normalize(host)}, foreign.PublicKey()))

	cases := map[string]struct {
		reason   string
		path     string
		creds    git.Credentials
		err      error
		mentions string
	}{
		"NoIdentity":       {reason: "An identity is required.", creds: git.Credentials{KnownHosts: hosts}, err: git.ErrCredentials},
		"NoKnownHosts":     {reason: "So are known hosts; nothing is trusted on first use.", creds: git.Credentials{Identity: identity}, err: git.ErrCredentials},
		"BadIdentity":      {reason: "An identity that is no key is told.", creds: git.Credentials{Identity: []byte("x"), KnownHosts: hosts}, err: git.ErrCredentials},
		"Encrypted":        {reason: "An encrypted identity needs its password.", creds: git.Credentials{Identity: testkit.NewIdentity(t, "p"), KnownHosts: hosts}, err: git.ErrCredentials, mentions: "password"},
		"WrongPassphrase":  {reason: "The right one.", creds: git.Credentials{Identity: testkit.NewIdentity(t, "p"), Passphrase: "q", KnownHosts: hosts}, err: git.ErrCredentials},
		"MalformedHosts":   {reason: "Known hosts that do not parse are told without the name of a temporary file.", creds: git.Credentials{Identity: identity, KnownHosts: []byte("host ssh-rsa !")}, err: git.ErrCredentials, mentions: "known_hosts"},
		"UnknownHost":      {reason: "A server that is not listed is refused.", creds: git.Credentials{Identity: identity, KnownHosts: []byte("other.example " + strings.SplitN(string(hosts), " ", 2)[1])}, mentions: "unknown"},
		"OtherHostKey":     {reason: "So is one with another key.", creds: git.Credentials{Identity: identity, KnownHosts: wrongKey}, mentions: "key"},
		"MissingRepo":      {reason: "What the server says about a missing repository is passed on.", path: "/none.git", creds: git.Credentials{Identity: identity, KnownHosts: hosts}, mentions: "remote"},
		"ShellMetacharset": {reason: "A path is one word for the server's shell.", path: "/a'b;!c.git", creds: git.Credentials{Identity: identity, KnownHosts: hosts}, mentions: "remote"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			path := tc.path
			if path == "" {
				path = "/" + repoPath
			}
			err := resolve(t, address+path, tc.creds)
			if err == nil || (tc.err != nil && !errors.Is(err, tc.err)) || !strings.Contains(err.Error(), tc.mentions) {
				t.Errorf("%s\ngot %v, want %v mentioning %q", tc.reason, err, tc.err, tc.mentions)
			}
			if err != nil && strings.Contains(err.Error(), "/tmp") {
				t.Errorf("%s\nthe message is not stable: %v", tc.reason, err)
			}
		})
	}
}

// A server that accepts the connection and says nothing must not hold the caller beyond the deadline.
func TestSSHDeadline(t *testing.T) {
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	signer, err := ssh.ParsePrivateKey(testkit.NewIdentity(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	hosts := knownhosts.Line([]string{knownhosts.Normalize(l.Addr().String())}, signer.PublicKey())
	m, err := git.OpenMirror(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r := remote(t, "ssh://git@"+l.Addr().String()+"/app.git", git.Credentials{Identity: testkit.NewIdentity(t, ""), KnownHosts: []byte(hosts)})
	if _, err := m.Resolve(ctx, r, git.Reference{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
}

func FuzzKnownHosts(f *testing.F) {
	f.Add([]byte("host ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFake"))
	f.Add([]byte("|1|x|y ssh-rsa z\n@revoked * ssh-rsa AAAA"))
	f.Fuzz(func(_ *testing.T, hosts []byte) {
		_, _ = git.NewRemote("ssh://host/x", git.Credentials{Identity: []byte(fuzzIdentity), KnownHosts: hosts}, git.SSHAlgorithms{})
	})
}

// fuzzIdentity is a key that opens nothing.
const fuzzIdentity = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
`
