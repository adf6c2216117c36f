// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"sync/atomic"
)

// Entry is what a tree holds at one path.
type Entry struct {
	// Hash is the SHA-256 of a file's content; of a directory, that of the names and kinds in it.
	Hash [sha256.Size]byte
	// Size is the length of a file in bytes.
	Size int64
	// Dir says that the path is a directory.
	Dir bool
}

// Files is the index of a tree. It never changes and may be shared.
type Files struct {
	entries  map[string]Entry
	children map[string][]string
	bytes    int64
}

// Lookup returns what is at the slash-separated path; the root is ".". It costs no disk access.
func (f *Files) Lookup(name string) (Entry, bool) {
	entry, ok := f.entries[name]
	return entry, ok
}

// List returns the sorted names in a directory. The caller must not change the result.
func (f *Files) List(dir string) []string { return f.children[dir] }

// Len returns the number of files and directories, the root included.
func (f *Files) Len() int { return len(f.entries) }

// Tree is one unpacked artifact: a directory that nobody may write to, and its index. It has to be
// released after use.
type Tree struct {
	content  *content
	release  func()
	released atomic.Bool
}

// content is what all trees of one digest share.
type content struct {
	dir    string
	digest string
	root   *os.Root
	files  *Files
}

// Dir returns the absolute path of the directory.
func (t *Tree) Dir() string { return t.content.dir }

// Digest returns the digest of the artifact, "<algorithm>:<hex>"; empty for a tree of OpenDir.
func (t *Tree) Digest() string { return t.content.digest }

// Files returns the index.
func (t *Tree) Files() *Files { return t.content.files }

// ReadFile returns the content of the file at the slash-separated path. It cannot leave the tree.
func (t *Tree) ReadFile(name string) ([]byte, error) { return t.content.root.ReadFile(name) }

// Release ends the use of the tree. It may be called more than once.
func (t *Tree) Release() {
	if t.released.CompareAndSwap(false, true) {
		t.release()
	}
}

// OpenDir returns the tree of a local directory, which has to stay as it is while in use. Symbolic
// links and other special files are left out, as they are from artifacts.
func OpenDir(dir string) (*Tree, error) {
	c, err := openContent(dir, "", func(*os.Root, string, fs.DirEntry) error { return nil })
	if err != nil {
		return nil, err
	}
	return &Tree{content: c, release: func() { _ = c.root.Close() }}, nil
}

// OpenView returns the tree of those files and directories below a local directory that keep accepts, which is asked with slash-separated
// paths. Symbolic links, other special files and what is in .git are left out. No content is read before it is asked for: entries have no
// hashes, so that builds of the tree must not be kept. The caller writes to nothing in it, and neither does the tree.
func OpenView(dir string, keep func(name string, dir bool) bool) (*Tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	files := &Files{entries: map[string]Entry{".": {Dir: true}}, children: make(map[string][]string)}
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case !d.IsDir() && !d.Type().IsRegular(), !keep(name, d.IsDir()):
			return nil
		}
		files.insert(name, Entry{Dir: d.IsDir()})
		return nil
	})
	if err != nil {
		_ = root.Close()
		return nil, err
	}
	for _, names := range files.children {
		slices.Sort(names)
	}
	c := &content{dir: dir, root: root, files: files}
	return &Tree{content: c, release: func() { _ = c.root.Close() }}, nil
}

// insert adds an entry, with the directories above it that are not there.
func (f *Files) insert(name string, entry Entry) {
	if _, there := f.entries[name]; there {
		return
	}
	f.entries[name] = entry
	parent := path.Dir(name)
	f.insert(parent, Entry{Dir: true})
	f.children[parent] = append(f.children[parent], path.Base(name))
}

// openContent indexes a directory; prepare sees every directory and regular file before it is read.
func openContent(dir, digest string, prepare func(*os.Root, string, fs.DirEntry) error) (*content, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	files, err := indexOf(root, prepare)
	if err != nil {
		_ = root.Close()
		return nil, err
	}
	return &content{dir: dir, digest: digest, root: root, files: files}, nil
}

// indexer collects the entries of one tree.
type indexer struct {
	root  *os.Root
	files *Files
	buf   []byte
}

func indexOf(root *os.Root, prepare func(*os.Root, string, fs.DirEntry) error) (*Files, error) {
	x := indexer{
		root:  root,
		files: &Files{entries: make(map[string]Entry), children: make(map[string][]string)},
		buf:   make([]byte, copyBufferBytes),
	}
	err := fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.IsDir() && !d.Type().IsRegular() {
			return nil
		}
		if err := prepare(root, name, d); err != nil {
			return err
		}
		return x.add(name, d.IsDir())
	})
	if err != nil {
		return nil, err
	}
	x.hashDirs()
	return x.files, nil
}

func (x *indexer) add(name string, dir bool) error {
	entry := Entry{Dir: dir}
	if !dir {
		var err error
		if entry, err = x.read(name); err != nil {
			return err
		}
	}
	x.files.entries[name] = entry
	x.files.bytes += onDisk(entry.Size)
	if name != "." {
		parent := path.Dir(name)
		x.files.children[parent] = append(x.files.children[parent], path.Base(name))
	}
	return nil
}

func (x *indexer) read(name string) (Entry, error) {
	file, err := x.root.Open(name)
	if err != nil {
		return Entry{}, err
	}
	defer file.Close() // read only
	sum := sha256.New()
	// The wrappers hide methods that would bypass the shared buffer.
	n, err := io.CopyBuffer(struct{ io.Writer }{sum}, struct{ io.Reader }{file}, x.buf)
	if err != nil {
		return Entry{}, fmt.Errorf("read %s: %w", name, err)
	}
	return Entry{Hash: [sha256.Size]byte(sum.Sum(nil)), Size: n}, nil
}

// hashDirs sorts the names of every directory and hashes them together with their kinds.
func (x *indexer) hashDirs() {
	for name, entry := range x.files.entries {
		if !entry.Dir {
			continue
		}
		names := x.files.children[name]
		slices.Sort(names)
		sum := sha256.New()
		for _, child := range names {
			kind := "f"
			if x.files.entries[path.Join(name, child)].Dir {
				kind = "d"
			}
			// A name cannot hold a zero byte, so that no two lists look alike.
			_, _ = io.WriteString(sum, kind+child+"\x00")
		}
		entry.Hash = [sha256.Size]byte(sum.Sum(nil))
		x.files.entries[name] = entry
	}
}

// blockBytes is what a file occupies at least; without it a tree of tiny files would look free.
const blockBytes = 4096

// onDisk estimates what a file of n bytes occupies on disk and in the index.
func onDisk(n int64) int64 { return (n/blockBytes + 1) * blockBytes }
