// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"github.com/go-git/go-git/v5/storage/memory"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
)

func TestGitServer(t *testing.T) {
	cases := map[string]struct {
		reason string
		start  func(t *testing.T, s *GitServer) *git.CloneOptions
	}{
		"HTTP": {
			reason: "A repository is served over HTTP.",
			start: func(t *testing.T, s *GitServer) *git.CloneOptions {
				t.Helper()
				return &git.CloneOptions{URL: s.HTTP(t)}
			},
		},
		"Authenticated": {
			reason: "User and password set on the embedded server are asked for.",
			start: func(t *testing.T, s *GitServer) *git.CloneOptions {
				t.Helper()
				s.Auth("user", "secret")
				return &git.CloneOptions{URL: s.HTTP(t), Auth: &githttp.BasicAuth{Username: "user", Password: "secret"}}
			},
		},
		"HTTPS": {
			reason: "A repository is served over HTTPS to who trusts the authority.",
			start: func(t *testing.T, s *GitServer) *git.CloneOptions {
				t.Helper()
				certs := NewCertificates(t)
				return &git.CloneOptions{URL: s.HTTPS(t, certs), CABundle: certs.CA}
			},
		},
		"SSH": {
			reason: "A repository is served over SSH, and its host key is known.",
			start: func(t *testing.T, s *GitServer) *git.CloneOptions {
				t.Helper()
				address, knownHosts := s.SSH(t)
				return &git.CloneOptions{URL: address, Auth: sshAuth(t, knownHosts)}
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			server := NewGitServer(t)
			server.Commit(t, "app.git", "main", "first", map[string]string{"old.txt": "gone"})
			want := map[string]string{"README.md": "hello", "deploy/base/a.yaml": "a: 1", "deploy.yaml": "x: 1"}
			hash := server.Commit(t, "app.git", "main", "second", want)
			server.Tag(t, "app.git", "v1.0.0", hash)

			options := tc.start(t, server)
			options.URL += "/app.git"
			repo, err := git.CloneContext(t.Context(), memory.NewStorage(), nil, options)
			if err != nil {
				t.Fatalf("%s\nclone: %v", tc.reason, err)
			}
			if got := filesAtHead(t, repo); cmp.Diff(want, got) != "" {
				t.Errorf("%s\nfiles (-want +got):\n%s", tc.reason, cmp.Diff(want, got))
			}
			if tag, err := repo.Tag("v1.0.0"); err != nil || tag.Hash().String() != hash {
				t.Errorf("%s\ntag = %v, %v, want %s", tc.reason, tag, err, hash)
			}
		})
	}
}

func sshAuth(t *testing.T, knownHosts []byte) transport.AuthMethod {
	t.Helper()
	_, _, hostKey, _, _, err := ssh.ParseKnownHosts(knownHosts)
	if err != nil {
		t.Fatalf("parse known hosts: %v", err)
	}
	auth, err := gitssh.NewPublicKeys("git", NewIdentity(t, "phrase"), "phrase")
	if err != nil {
		t.Fatalf("parse identity: %v", err)
	}
	auth.HostKeyCallback = ssh.FixedHostKey(hostKey)
	return auth
}

func filesAtHead(t *testing.T, repo *git.Repository) map[string]string {
	t.Helper()
	head, err := repo.Head()
	if err != nil {
		t.Fatalf("head: %v", err)
	}
	commit, err := repo.CommitObject(head.Hash())
	if err != nil {
		t.Fatalf("commit: %v", err)
	}
	tree, err := commit.Files()
	if err != nil {
		t.Fatalf("files: %v", err)
	}
	files := make(map[string]string)
	for {
		file, err := tree.Next()
		if err != nil {
			return files
		}
		if files[file.Name], err = file.Contents(); err != nil {
			t.Fatalf("read %s: %v", file.Name, err)
		}
	}
}

// TestPoint checks that who reads a reference while it moves finds a commit.
func TestPoint(t *testing.T) {
	const moves = 50
	server := NewGitServer(t)
	server.Commit(t, "app.git", "main", "first", nil)
	file := filepath.Join(server.Root(), "app.git", "refs", "heads", "main")
	ended := make(chan struct{})
	var reader sync.WaitGroup
	defer reader.Wait() // also when a commit fails
	defer close(ended)
	reader.Go(func() {
		for {
			if content, err := os.ReadFile(file); err != nil || len(content) != len(plumbing.ZeroHash.String())+1 {
				t.Errorf("read %q, error %v", content, err)
				return
			}
			select {
			case <-ended:
				return
			default:
			}
		}
	})
	for range moves {
		server.Commit(t, "app.git", "main", "next", nil)
	}
}
