// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"errors"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fluxcd/pkg/gittestserver"
	fluxssh "github.com/fluxcd/pkg/ssh"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// GitServer serves repositories below one folder. Auth, middlewares and the like are set on the embedded server before it starts.
type GitServer struct {
	*gittestserver.GitServer

	mu       sync.Mutex
	requests []string
	around   func(r *http.Request, serve func())
}

// NewGitServer returns a server that does not listen yet.
func NewGitServer(tb testing.TB) *GitServer {
	tb.Helper()
	server := gittestserver.NewGitServer(tb.TempDir())
	// The server would make an RSA key to show over SSH, which takes seconds, and under the race detector on a busy machine a minute.
	keys := tb.TempDir()
	if err := os.WriteFile(filepath.Join(keys, "gitkit.rsa"), NewIdentity(tb, ""), 0o600); err != nil {
		tb.Fatalf("write host key: %v", err)
	}
	server.KeyDir(keys)
	s := &GitServer{GitServer: server}
	server.AddHTTPMiddlewares(s.watch)
	return s
}

// Take returns what was asked for over HTTP since the last call, without the name of the repository: "GET info/refs".
func (s *GitServer) Take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := s.requests
	s.requests = nil
	return requests
}

// Intercept has around called with each HTTP request and with what serves it; nil serves it.
func (s *GitServer) Intercept(around func(r *http.Request, serve func())) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.around = around
}

// watch keeps what is asked for.
func (s *GitServer) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, path, _ := strings.Cut(r.URL.Path, ".git/")
		s.mu.Lock()
		s.requests = append(s.requests, r.Method+" "+path)
		around := s.around
		s.mu.Unlock()
		if around == nil {
			next.ServeHTTP(w, r)
			return
		}
		around(r, func() { next.ServeHTTP(w, r) })
	})
}

// HTTP starts to listen and returns the URL below which the repositories are.
func (s *GitServer) HTTP(tb testing.TB) string {
	tb.Helper()
	if err := s.StartHTTP(); err != nil {
		tb.Fatalf("start Git server: %v", err)
	}
	tb.Cleanup(s.StopHTTP)
	return s.HTTPAddress()
}

// HTTPS starts to listen with the certificate and returns the URL below which the repositories are.
func (s *GitServer) HTTPS(tb testing.TB, certs Certificates) string {
	tb.Helper()
	if err := s.StartHTTPS(certs.Cert, certs.Key, certs.CA, "localhost"); err != nil {
		tb.Fatalf("start Git server: %v", err)
	}
	tb.Cleanup(s.StopHTTP)
	return s.HTTPAddress()
}

// SSH starts to listen and returns the URL below which the repositories are, and the known_hosts document of the server. It takes any key.
func (s *GitServer) SSH(tb testing.TB) (address string, knownHosts []byte) {
	tb.Helper()
	if err := s.ListenSSH(); err != nil {
		tb.Fatalf("start Git server: %v", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.StartSSH() // ends with an error when it is stopped
	}()
	tb.Cleanup(func() {
		_ = s.StopSSH()
		<-ended
	})
	u, err := url.Parse(s.SSHAddress())
	if err != nil {
		tb.Fatalf("parse address of Git server: %v", err)
	}
	knownHosts, err = fluxssh.ScanHostKey(net.JoinHostPort(u.Hostname(), u.Port()), Patience, nil, false)
	if err != nil {
		tb.Fatalf("scan host key of Git server: %v", err)
	}
	return s.SSHAddress(), knownHosts
}

// Repository opens the bare repository of that name, for what Commit does not do; it is created when it does not exist.
func (s *GitServer) Repository(tb testing.TB, name string) *git.Repository {
	tb.Helper()
	path := filepath.Join(s.Root(), name)
	repo, err := git.PlainOpen(path)
	if errors.Is(err, git.ErrRepositoryNotExists) {
		repo, err = git.PlainInitWithOptions(path, &git.PlainInitOptions{
			Bare:        true,
			InitOptions: git.InitOptions{DefaultBranch: plumbing.Main},
		})
	}
	if err != nil {
		tb.Fatalf("open repository %s: %v", name, err)
	}
	return repo
}

// linkMark begins what stands for a symbolic link among the files of a commit.
const linkMark = "\x00link to "

// LinkTo stands, instead of the content of a file of a commit, for a symbolic link.
func LinkTo(target string) string { return linkMark + target }

// Commit adds a commit to the branch whose tree is exactly the files (path to content), and returns its hash. Repository and branch are
// created when they do not exist.
func (s *GitServer) Commit(tb testing.TB, name, branch, message string, files map[string]string) string {
	tb.Helper()
	repo := s.Repository(tb, name)
	ref := plumbing.NewBranchReferenceName(branch)
	author := object.Signature{Name: "test", Email: "test@example.com", When: time.Now()}
	commit := &object.Commit{Author: author, Committer: author, Message: message, TreeHash: writeTree(tb, repo, files)}
	if head, err := repo.Reference(ref, true); err == nil {
		commit.ParentHashes = []plumbing.Hash{head.Hash()}
	}
	hash := writeObject(tb, repo, commit)
	s.Point(tb, name, ref, hash)
	return hash.String()
}

// Tag points a new lightweight tag at the commit.
func (s *GitServer) Tag(tb testing.TB, name, tag, commit string) {
	tb.Helper()
	ref := plumbing.NewTagReferenceName(tag)
	if _, err := s.Repository(tb, name).Reference(ref, false); err == nil {
		tb.Fatalf("tag %s is there already", tag)
	}
	s.Point(tb, name, ref, plumbing.NewHash(commit))
}

// Point makes a branch or tag point at the object, whatever it pointed at before. It does so as Git does, with a lock that is renamed: whoever reads
// meanwhile finds the old state or the new one. go-git empties the file first, and Git leaves out a reference whose file is empty.
func (s *GitServer) Point(tb testing.TB, name string, ref plumbing.ReferenceName, hash plumbing.Hash) {
	tb.Helper()
	file := filepath.Join(s.Root(), name, filepath.FromSlash(ref.String()))
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		tb.Fatalf("move %s: %v", ref, err)
	}
	var lock *os.File
	Eventually(tb, "nobody else moves "+ref.String(), func() bool {
		var err error
		lock, err = os.OpenFile(file+".lock", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			tb.Fatalf("move %s: %v", ref, err)
		}
		return err == nil
	})
	_, err := lock.WriteString(hash.String() + "\n")
	if err = errors.Join(err, lock.Close()); err == nil {
		err = os.Rename(lock.Name(), file)
	}
	if err != nil {
		tb.Fatalf("move %s: %v", ref, err)
	}
}

// writeTree writes the files, whose paths are relative to the tree, and the trees of their folders.
func writeTree(tb testing.TB, repo *git.Repository, files map[string]string) plumbing.Hash {
	tb.Helper()
	tree := &object.Tree{}
	folders := make(map[string]map[string]string)
	for _, path := range slices.Sorted(maps.Keys(files)) {
		folder, rest, nested := strings.Cut(path, "/")
		if !nested {
			mode, content := filemode.Regular, files[path]
			if target, link := strings.CutPrefix(content, linkMark); link {
				mode, content = filemode.Symlink, target
			}
			tree.Entries = append(tree.Entries, object.TreeEntry{Name: path, Mode: mode, Hash: writeBlob(tb, repo, content)})
			continue
		}
		if folders[folder] == nil {
			folders[folder] = make(map[string]string)
		}
		folders[folder][rest] = files[path]
	}
	for folder, below := range folders {
		tree.Entries = append(tree.Entries, object.TreeEntry{Name: folder, Mode: filemode.Dir, Hash: writeTree(tb, repo, below)})
	}
	slices.SortFunc(tree.Entries, func(a, b object.TreeEntry) int { return strings.Compare(sortName(a), sortName(b)) })
	return writeObject(tb, repo, tree)
}

// sortName is how Git orders the entries of a tree: a folder as if its name ended in a slash.
func sortName(e object.TreeEntry) string {
	if e.Mode == filemode.Dir {
		return e.Name + "/"
	}
	return e.Name
}

func writeBlob(tb testing.TB, repo *git.Repository, content string) plumbing.Hash {
	tb.Helper()
	blob := repo.Storer.NewEncodedObject()
	blob.SetType(plumbing.BlobObject)
	w, err := blob.Writer()
	if err != nil {
		tb.Fatalf("write blob: %v", err)
	}
	if _, err := w.Write([]byte(content)); err != nil {
		tb.Fatalf("write blob: %v", err)
	}
	if err := w.Close(); err != nil {
		tb.Fatalf("write blob: %v", err)
	}
	return store(tb, repo, blob)
}

func writeObject(tb testing.TB, repo *git.Repository, content object.Object) plumbing.Hash {
	tb.Helper()
	encoded := repo.Storer.NewEncodedObject()
	if err := content.Encode(encoded); err != nil {
		tb.Fatalf("encode %s: %v", content.Type(), err)
	}
	return store(tb, repo, encoded)
}

func store(tb testing.TB, repo *git.Repository, encoded plumbing.EncodedObject) plumbing.Hash {
	tb.Helper()
	hash, err := repo.Storer.SetEncodedObject(encoded)
	if err != nil {
		tb.Fatalf("store %s: %v", encoded.Type(), err)
	}
	return hash
}
