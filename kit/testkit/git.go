// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"errors"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/gittestserver"
	fluxssh "github.com/fluxcd/pkg/ssh"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// knownHostsTimeout bounds the question for the host key of a server in this process.
const knownHostsTimeout = 10 * time.Second

// GitServer serves repositories below one folder. Auth, middlewares and the like are set on the embedded server before it starts.
type GitServer struct {
	*gittestserver.GitServer
}

// NewGitServer returns a server that does not listen yet.
func NewGitServer(t testing.TB) *GitServer {
	t.Helper()
	server := gittestserver.NewGitServer(t.TempDir())
	server.KeyDir(filepath.Join(t.TempDir(), "keys"))
	return &GitServer{GitServer: server}
}

// HTTP starts to listen and returns the URL below which the repositories are.
func (s *GitServer) HTTP(t testing.TB) string {
	t.Helper()
	if err := s.StartHTTP(); err != nil {
		t.Fatalf("start Git server: %v", err)
	}
	t.Cleanup(s.StopHTTP)
	return s.HTTPAddress()
}

// HTTPS starts to listen with the certificate and returns the URL below which the repositories are.
func (s *GitServer) HTTPS(t testing.TB, certs Certificates) string {
	t.Helper()
	if err := s.StartHTTPS(certs.Cert, certs.Key, certs.CA, "localhost"); err != nil {
		t.Fatalf("start Git server: %v", err)
	}
	t.Cleanup(s.StopHTTP)
	return s.HTTPAddress()
}

// SSH starts to listen and returns the URL below which the repositories are, and the known_hosts document of the server. It takes any key.
func (s *GitServer) SSH(t testing.TB) (address string, knownHosts []byte) {
	t.Helper()
	if err := s.ListenSSH(); err != nil {
		t.Fatalf("start Git server: %v", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.StartSSH() // ends with an error when it is stopped
	}()
	t.Cleanup(func() {
		_ = s.StopSSH()
		<-ended
	})
	u, err := url.Parse(s.SSHAddress())
	if err != nil {
		t.Fatalf("parse address of Git server: %v", err)
	}
	knownHosts, err = fluxssh.ScanHostKey(net.JoinHostPort(u.Hostname(), u.Port()), knownHostsTimeout, nil, false)
	if err != nil {
		t.Fatalf("scan host key of Git server: %v", err)
	}
	return s.SSHAddress(), knownHosts
}

// Repository opens the bare repository of that name, for what Commit does not do; it is created when it does not exist.
func (s *GitServer) Repository(t testing.TB, name string) *git.Repository {
	t.Helper()
	path := filepath.Join(s.Root(), name)
	repo, err := git.PlainOpen(path)
	if errors.Is(err, git.ErrRepositoryNotExists) {
		repo, err = git.PlainInitWithOptions(path, &git.PlainInitOptions{
			Bare:        true,
			InitOptions: git.InitOptions{DefaultBranch: plumbing.Main},
		})
	}
	if err != nil {
		t.Fatalf("open repository %s: %v", name, err)
	}
	return repo
}

// Commit adds a commit to the branch whose tree is exactly the files (path to content), and returns its hash. Repository and branch are
// created when they do not exist.
func (s *GitServer) Commit(t testing.TB, name, branch, message string, files map[string]string) string {
	t.Helper()
	repo := s.Repository(t, name)
	ref := plumbing.NewBranchReferenceName(branch)
	author := object.Signature{Name: "test", Email: "test@example.com", When: time.Now()}
	commit := &object.Commit{Author: author, Committer: author, Message: message, TreeHash: writeTree(t, repo, files)}
	if head, err := repo.Reference(ref, true); err == nil {
		commit.ParentHashes = []plumbing.Hash{head.Hash()}
	}
	hash := writeObject(t, repo, commit)
	if err := repo.Storer.SetReference(plumbing.NewHashReference(ref, hash)); err != nil {
		t.Fatalf("move branch %s: %v", branch, err)
	}
	return hash.String()
}

// Tag points a lightweight tag at the commit.
func (s *GitServer) Tag(t testing.TB, name, tag, commit string) {
	t.Helper()
	if _, err := s.Repository(t, name).CreateTag(tag, plumbing.NewHash(commit), nil); err != nil {
		t.Fatalf("create tag %s: %v", tag, err)
	}
}

// writeTree writes the files, whose paths are relative to the tree, and the trees of their folders.
func writeTree(t testing.TB, repo *git.Repository, files map[string]string) plumbing.Hash {
	t.Helper()
	tree := &object.Tree{}
	folders := make(map[string]map[string]string)
	for _, path := range slices.Sorted(maps.Keys(files)) {
		folder, rest, nested := strings.Cut(path, "/")
		if !nested {
			tree.Entries = append(tree.Entries, object.TreeEntry{Name: path, Mode: filemode.Regular, Hash: writeBlob(t, repo, files[path])})
			continue
		}
		if folders[folder] == nil {
			folders[folder] = make(map[string]string)
		}
		folders[folder][rest] = files[path]
	}
	for folder, below := range folders {
		tree.Entries = append(tree.Entries, object.TreeEntry{Name: folder, Mode: filemode.Dir, Hash: writeTree(t, repo, below)})
	}
	slices.SortFunc(tree.Entries, func(a, b object.TreeEntry) int { return strings.Compare(sortName(a), sortName(b)) })
	return writeObject(t, repo, tree)
}

// sortName is how Git orders the entries of a tree: a folder as if its name ended in a slash.
func sortName(e object.TreeEntry) string {
	if e.Mode == filemode.Dir {
		return e.Name + "/"
	}
	return e.Name
}

func writeBlob(t testing.TB, repo *git.Repository, content string) plumbing.Hash {
	t.Helper()
	blob := repo.Storer.NewEncodedObject()
	blob.SetType(plumbing.BlobObject)
	w, err := blob.Writer()
	if err != nil {
		t.Fatalf("write blob: %v", err)
	}
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatalf("write blob: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatalf("write blob: %v", err)
	}
	return store(t, repo, blob)
}

func writeObject(t testing.TB, repo *git.Repository, content object.Object) plumbing.Hash {
	t.Helper()
	encoded := repo.Storer.NewEncodedObject()
	if err := content.Encode(encoded); err != nil {
		t.Fatalf("encode %s: %v", content.Type(), err)
	}
	return store(t, repo, encoded)
}

func store(t testing.TB, repo *git.Repository, encoded plumbing.EncodedObject) plumbing.Hash {
	t.Helper()
	hash, err := repo.Storer.SetEncodedObject(encoded)
	if err != nil {
		t.Fatalf("store %s: %v", encoded.Type(), err)
	}
	return hash
}
