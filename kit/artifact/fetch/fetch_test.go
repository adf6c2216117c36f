// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package fetch_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/weir-gitops/weir/kit/artifact"
	"github.com/weir-gitops/weir/kit/artifact/fetch"
	"github.com/weir-gitops/weir/kit/testkit"
)

// forEver is a patience that outlasts a test.
const forEver = time.Hour

func newCache(tb testing.TB, change func(*fetch.Options)) *fetch.Cache {
	tb.Helper()
	options := fetch.Options{Dir: tb.TempDir(), Patience: forEver, RetryWait: time.Millisecond, RetryMaxWait: time.Millisecond}
	if change != nil {
		change(&options)
	}
	cache, err := fetch.New(options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := cache.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	return cache
}

func acquire(t *testing.T, cache *fetch.Cache, a *meta.Artifact) *fetch.Tree {
	t.Helper()
	tree, err := cache.Acquire(t.Context(), *a, nil)
	if err != nil {
		t.Fatalf("acquire: %v", err)
	}
	return tree
}

func TestAcquire(t *testing.T) {
	server := testkit.NewArtifactServer(t)
	registry := prometheus.NewRegistry()
	cache := newCache(t, func(o *fetch.Options) { o.Registerer = registry })
	a := server.Add(t, "main@sha1:1", map[string]string{
		"kustomization.yaml": "resources: [app]\n", "app/a.yaml": "a: 1\n", "app/deep/b.yaml": "b: 1\n",
	})

	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			tree, err := cache.Acquire(t.Context(), *a, nil)
			if err != nil {
				t.Error(err)
				return
			}
			defer tree.Release()
			got, err := tree.ReadFile("app/a.yaml")
			if err != nil || string(got) != "a: 1\n" {
				t.Errorf("read: %q, %v", got, err)
			}
		})
	}
	wg.Wait()
	if n := server.Served(a); n != 1 {
		t.Errorf("20 users cost %d downloads, want 1", n)
	}

	tree := acquire(t, cache, a)
	defer tree.Release()
	if diff := cmp.Diff([]string{"app", "kustomization.yaml"}, tree.Files().List(".")); diff != "" {
		t.Errorf("root listing: %s", diff)
	}
	if got := tree.Digest(); got != a.Digest {
		t.Errorf("digest %s, want %s", got, a.Digest)
	}
	entry, ok := tree.Files().Lookup("app/deep/b.yaml")
	if !ok || entry.Dir || entry.Size != 5 {
		t.Errorf("entry of a file: %+v, %v", entry, ok)
	}
	info, err := os.Stat(filepath.Join(tree.Dir(), "app/a.yaml"))
	if err != nil || info.Mode().Perm()&0o222 != 0 {
		t.Errorf("file must be read-only: %v, %v", info, err)
	}
	if _, err := tree.ReadFile("../" + filepath.Base(tree.Dir()) + "/app/a.yaml"); err == nil {
		t.Error("a path left the tree")
	}
	if n, err := testutil.GatherAndCount(registry, "weir_artifact_cache_requests_total"); err != nil || n == 0 {
		t.Errorf("metrics: %d, %v", n, err)
	}
}

// A disk that is full is told as such, in the same words each time.
func TestDiskFull(t *testing.T) {
	noise := make([]byte, 1<<20)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	server := testkit.NewArtifactServer(t)
	large := server.Add(t, "large", map[string]string{"noise": string(noise)})
	bomb := server.Add(t, "bomb", map[string]string{"zeros": string(make([]byte, 1<<20))})
	cache := newCache(t, nil)

	// No file of this process may grow beyond 64 KiB, which it notices in the same way as the end of the disk.
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	small := limit
	small.Cur = 64 << 10
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		t.Fatal(err)
	}
	_, errLarge := cache.Acquire(t.Context(), *large, nil)
	_, errBomb := cache.Acquire(t.Context(), *bomb, nil)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	want := "failed to download archive: GET " + large.URL + ": write archive: file too large"
	if !errors.Is(errLarge, syscall.EFBIG) || errLarge.Error() != want {
		t.Errorf("download: got %v, want %s", errLarge, want)
	}
	if !errors.Is(errBomb, syscall.EFBIG) || !strings.HasPrefix(errBomb.Error(), "failed to extract archive: ") || strings.Contains(errBomb.Error(), "sha256-") {
		t.Errorf("unpack: got %v", errBomb)
	}
	for _, a := range []*meta.Artifact{large, bomb} {
		acquire(t, cache, a).Release()
	}
}

func TestFilesHash(t *testing.T) {
	server := testkit.NewArtifactServer(t)
	cache := newCache(t, nil)
	one := acquire(t, cache, server.Add(t, "1", map[string]string{"a/x.yaml": "1", "b/y.yaml": "1"}))
	two := acquire(t, cache, server.Add(t, "2", map[string]string{"a/x.yaml": "2", "b/y.yaml": "1", "b/z.yaml": "1"}))
	defer one.Release()
	defer two.Release()
	cases := map[string]struct {
		reason string
		path   string
		same   bool
	}{
		"Content":   {reason: "Other content has another hash.", path: "a/x.yaml"},
		"Unchanged": {reason: "A file that did not change keeps its hash.", path: "b/y.yaml", same: true},
		"Names":     {reason: "A directory whose files changed lists the same names.", path: "a", same: true},
		"Added":     {reason: "A new file changes its directory.", path: "b"},
		"Root":      {reason: "The root lists the same directories.", path: ".", same: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			first, _ := one.Files().Lookup(tc.path)
			second, _ := two.Files().Lookup(tc.path)
			if got := first == second; got != tc.same {
				t.Errorf("%s same = %v", tc.reason, got)
			}
		})
	}
}

// header is a tar entry of a hostile or unusual archive.
type header struct {
	name, link string
	kind       byte
	mode       int64
	body       string
}

func pack(tb testing.TB, headers ...header) []byte {
	tb.Helper()
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zip)
	for _, h := range headers {
		err := archive.WriteHeader(&tar.Header{
			Name: h.name, Linkname: h.link, Typeflag: h.kind, Mode: h.mode, Size: int64(len(h.body)),
		})
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := archive.Write([]byte(h.body)); err != nil {
			tb.Fatal(err)
		}
	}
	if err := errors.Join(archive.Close(), zip.Close()); err != nil {
		tb.Fatal(err)
	}
	return packed.Bytes()
}

func TestAcquireArchives(t *testing.T) {
	const failed = "failed to extract archive"
	cases := map[string]struct {
		reason  string
		content []byte
		want    []string // paths that must be there
		err     string
	}{
		"Escape": {
			reason:  "Row 11: an entry that leaves the root is an error.",
			content: pack(t, header{name: "../x.yaml", kind: tar.TypeReg, mode: 0o644}), err: failed,
		},
		"DotDotAtTheEnd": {
			reason:  "A trailing .. element is one, too.",
			content: pack(t, header{name: "a/..", kind: tar.TypeDir, mode: 0o755}), err: failed,
		},
		"Absolute": {
			reason:  "An absolute name is an error.",
			content: pack(t, header{name: "/etc/passwd", kind: tar.TypeReg, mode: 0o644}), err: failed,
		},
		"Backslash": {
			reason:  "A backslash in a name is an error.",
			content: pack(t, header{name: `a\b`, kind: tar.TypeReg, mode: 0o644}), err: failed,
		},
		"Fifo": {
			reason:  "A special file is an error.",
			content: pack(t, header{name: "pipe", kind: tar.TypeFifo, mode: 0o644}), err: failed,
		},
		"HardLink": {
			reason:  "A hard link is an error.",
			content: pack(t, header{name: "link", link: "x", kind: tar.TypeLink, mode: 0o644}), err: failed,
		},
		"NotGzip": {reason: "Something else is an error.", content: []byte("hello"), err: failed},
		"Truncated": {
			reason:  "Half an archive is an error.",
			content: testkit.Archive(t, map[string]string{"a.yaml": strings.Repeat("x", 1000)})[:60], err: failed,
		},
		"SymlinkDropped": {
			reason: "Symbolic links are dropped silently.",
			content: pack(t, header{name: "link", link: "/etc/passwd", kind: tar.TypeSymlink, mode: 0o777},
				header{name: "a.yaml", kind: tar.TypeReg, mode: 0o644, body: "a: 1"}),
			want: []string{".", "a.yaml"},
		},
		"EmptyDirectory": {
			reason:  "An empty directory is there.",
			content: pack(t, header{name: "empty/", kind: tar.TypeDir, mode: 0o000}),
			want:    []string{".", "empty"},
		},
		"NoPermissions": {
			reason:  "A file that nobody may read according to the archive is readable.",
			content: pack(t, header{name: "a.yaml", kind: tar.TypeReg, mode: 0o000, body: "a: 1"}),
			want:    []string{".", "a.yaml"},
		},
		"Members": {
			reason:  "A gzip file may consist of several members.",
			content: members(t), want: []string{".", "a.yaml", "b.yaml"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			server := testkit.NewArtifactServer(t)
			cache := newCache(t, nil)
			tree, err := cache.Acquire(t.Context(), *server.AddBytes(tc.content, "1"), nil)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("%s got %v", tc.reason, err)
				}
				if strings.Contains(err.Error(), os.TempDir()) {
					t.Errorf("message names a directory of this run: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer tree.Release()
			for _, path := range tc.want {
				if _, ok := tree.Files().Lookup(path); !ok {
					t.Errorf("%s %s is missing", tc.reason, path)
				}
			}
			if got := tree.Files().Len(); got != len(tc.want) {
				t.Errorf("%s got %d entries, want %d", tc.reason, got, len(tc.want))
			}
		})
	}
}

// members returns an archive whose tar stream is spread over two gzip members.
func members(tb testing.TB) []byte {
	tb.Helper()
	var plain bytes.Buffer
	archive := tar.NewWriter(&plain)
	for _, name := range []string{"a.yaml", "b.yaml"} {
		if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: 4}); err != nil {
			tb.Fatal(err)
		}
		if _, err := archive.Write([]byte("a: 1")); err != nil {
			tb.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		tb.Fatal(err)
	}
	var packed bytes.Buffer
	for _, part := range [][]byte{plain.Bytes()[:700], plain.Bytes()[700:]} {
		zip := gzip.NewWriter(&packed)
		if _, err := zip.Write(part); err != nil {
			tb.Fatal(err)
		}
		if err := zip.Close(); err != nil {
			tb.Fatal(err)
		}
	}
	return packed.Bytes()
}

func TestAcquireDigests(t *testing.T) {
	content := testkit.Archive(t, map[string]string{"a.yaml": "a: 1"})
	sum := func(a artifact.Algorithm) string {
		d, _, err := artifact.Read(a, bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		return d.String()
	}
	_, bare, _ := strings.Cut(sum(artifact.SHA256), ":")
	wrong := "sha256:" + strings.Repeat("0", 64)
	cases := map[string]struct {
		reason string
		digest string
		err    string
	}{
		"SHA256":  {reason: "The usual algorithm.", digest: sum(artifact.SHA256)},
		"SHA384":  {reason: "An allowed algorithm.", digest: sum(artifact.SHA384)},
		"SHA512":  {reason: "An allowed algorithm.", digest: sum(artifact.SHA512)},
		"BLAKE3":  {reason: "An allowed algorithm.", digest: sum(artifact.BLAKE3)},
		"SHA1":    {reason: "An allowed algorithm.", digest: sum(artifact.SHA1)},
		"Bare":    {reason: "No algorithm means sha256.", digest: bare},
		"Empty":   {reason: "Row 10: a digest is required.", err: "failed to verify archive: empty digest"},
		"Unknown": {reason: "An unknown algorithm is an error.", digest: "md5:00", err: "failed to verify archive"},
		"Mismatch": {
			reason: "Row 9: other content is an error.", digest: wrong,
			err: "failed to verify archive: computed digest doesn't match provided '" + wrong +
				"' (check whether file size exceeds max download size)",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			server := testkit.NewArtifactServer(t)
			dir := t.TempDir()
			cache := newCache(t, func(o *fetch.Options) { o.Dir = dir; o.Retries = 3 })
			a := server.AddBytes(content, "1")
			a.Digest = tc.digest
			tree, err := cache.Acquire(t.Context(), *a, nil)
			if tc.err == "" {
				if err != nil {
					t.Fatal(err)
				}
				tree.Release()
				return
			}
			if err == nil || !strings.HasPrefix(err.Error(), tc.err) {
				t.Fatalf("%s got %v, want %s", tc.reason, err, tc.err)
			}
			if errors.Is(err, artifact.ErrMismatch) != (name == "Mismatch") {
				t.Errorf("%s Whether it is a mismatch cannot be told: %v", tc.reason, err)
			}
			if left, _ := os.ReadDir(dir); len(left) != 0 {
				t.Errorf("%s Something was left: %v", tc.reason, left)
			}
			if n := server.Served(a); n > 1 {
				t.Errorf("%s It was tried %d times.", tc.reason, n)
			}
		})
	}
}

func TestAcquireLimits(t *testing.T) {
	server := testkit.NewArtifactServer(t)
	a := server.Add(t, "1", map[string]string{"a.yaml": strings.Repeat("x", 10_000)})
	cases := map[string]struct {
		reason string
		change func(*fetch.Options)
		err    string
	}{
		"Download": {
			reason: "A large archive is not read to its end.",
			change: func(o *fetch.Options) { o.MaxDownloadBytes = 50 }, err: "failed to download archive",
		},
		"Unpacked": {
			reason: "What grows when unpacked is stopped.",
			change: func(o *fetch.Options) { o.MaxUnpackedBytes = 1000 }, err: "failed to extract archive",
		},
		"Default": {
			reason: "What the cache cannot hold is not unpacked.",
			change: func(o *fetch.Options) { o.MaxBytes = 1000 }, err: "failed to extract archive",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := newCache(t, tc.change).Acquire(t.Context(), *a, nil)
			if err == nil || !strings.HasPrefix(err.Error(), tc.err) {
				t.Errorf("%s got %v", tc.reason, err)
			}
		})
	}
}

func TestAcquireServers(t *testing.T) {
	content := testkit.Archive(t, map[string]string{"a.yaml": "a: 1"})
	digest, _, err := artifact.Read(artifact.SHA256, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	good := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(content) }
	half := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000000")
		_, _ = w.Write(content[:10])
	}
	cases := map[string]struct {
		reason   string
		answers  []http.HandlerFunc // the last one is repeated
		requests int32
		err      string
		is       error
	}{
		"NotFound": {
			reason: "Row 7: 404 is not tried again.", answers: []http.HandlerFunc{status(404)}, requests: 1,
			err: "failed to download archive", is: fetch.ErrNotFound,
		},
		"Forbidden": {
			reason: "A refusal is not tried again.", answers: []http.HandlerFunc{status(403)}, requests: 1,
			err: "failed to download archive",
		},
		"Unavailable": {
			reason: "Row 8: 5xx is tried again, but not for ever.", answers: []http.HandlerFunc{status(503)}, requests: 4,
			err: "failed to download archive",
		},
		"Recovers": {
			reason:  "A server that recovers is fine.",
			answers: []http.HandlerFunc{status(500), status(429), half, good}, requests: 4,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n := int(requests.Add(1))
				tc.answers[min(n, len(tc.answers))-1](w, r)
			}))
			defer server.Close()
			cache := newCache(t, func(o *fetch.Options) { o.Retries = 3 })
			a := meta.Artifact{URL: strings.Replace(server.URL, "//", "//user:secret@", 1) + "/a.tar.gz?token=secret", Digest: digest.String()}
			tree, err := await(t, cache, a)
			if tc.err == "" {
				if err != nil {
					t.Fatalf("%s got %v", tc.reason, err)
				}
				tree.Release()
			} else if err == nil || !strings.HasPrefix(err.Error(), tc.err) || (tc.is != nil && !errors.Is(err, tc.is)) {
				t.Fatalf("%s got %v", tc.reason, err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("message holds a secret: %v", err)
			}
			if got := requests.Load(); got != tc.requests {
				t.Errorf("%s got %d requests, want %d", tc.reason, got, tc.requests)
			}
		})
	}
}

// await acquires as a controller does: it comes back when it is called.
func await(t *testing.T, cache *fetch.Cache, a meta.Artifact) (*fetch.Tree, error) {
	t.Helper()
	called := make(chan struct{}, 1)
	for {
		tree, err := cache.Acquire(t.Context(), a, func() { called <- struct{}{} })
		if !errors.Is(err, fetch.ErrPending) {
			return tree, err
		}
		<-called
	}
}

func TestAcquirePending(t *testing.T) {
	content := testkit.Archive(t, map[string]string{"a.yaml": "a: 1"})
	digest, _, err := artifact.Read(artifact.SHA256, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	gate := make(chan int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if code := <-gate; code != http.StatusOK {
			w.WriteHeader(code)
			return
		}
		_, _ = w.Write(content)
	}))
	defer server.Close()
	cache := newCache(t, func(o *fetch.Options) { o.Patience = time.Nanosecond })
	a := meta.Artifact{URL: server.URL, Digest: digest.String()}
	called := make(chan struct{}, 2)
	ask := func() error {
		tree, err := cache.Acquire(t.Context(), a, func() { called <- struct{}{} })
		if err == nil {
			tree.Release()
		}
		return err
	}

	for range 2 {
		if err := ask(); !errors.Is(err, fetch.ErrPending) {
			t.Fatalf("a slow server must not hold the caller: %v", err)
		}
	}
	gate <- http.StatusForbidden
	<-called
	<-called
	for range 2 {
		if err := ask(); err == nil || errors.Is(err, fetch.ErrPending) {
			t.Fatalf("both who waited must get the failure: %v", err)
		}
	}
	if err := ask(); !errors.Is(err, fetch.ErrPending) {
		t.Fatalf("a failure is forgotten once delivered: %v", err)
	}
	gate <- http.StatusOK
	<-called
	if err := ask(); err != nil {
		t.Fatalf("after the download: %v", err)
	}
}

func TestAcquireRefused(t *testing.T) {
	// A port that is left, as that of a server which was closed, may be somebody else's at once; nobody listens on this one.
	a := meta.Artifact{URL: "http://127.0.0.1:1/x.tar.gz", Digest: "sha256:" + strings.Repeat("0", 64)}
	cache := newCache(t, func(o *fetch.Options) { o.Retries = 2 })
	_, first := await(t, cache, a)
	_, second := await(t, cache, a)
	if first == nil || !strings.HasPrefix(first.Error(), "failed to download archive: GET "+a.URL) {
		t.Errorf("refused connection: %v", first)
	}
	if first == nil || second == nil || first.Error() != second.Error() {
		t.Errorf("message differs between runs: %v, %v", first, second)
	}
}

// TestDirectoryGone is a cache that cannot write. The message names no file, as those have other names each time.
func TestDirectoryGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	cache := newCache(t, func(o *fetch.Options) { o.Dir = dir })
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	_, err := await(t, cache, *testkit.NewArtifactServer(t).Add(t, "1", map[string]string{"a.yaml": "a"}))
	if !errors.Is(err, fetch.ErrDirectory) || err.Error() != "tmp dir error: open archive: no such file or directory" {
		t.Errorf("got %v", err)
	}
}

func TestHostOverride(t *testing.T) {
	server := testkit.NewArtifactServer(t)
	a := server.Add(t, "1", map[string]string{"a.yaml": "a: 1"})
	host := strings.TrimPrefix(server.URL, "http://")
	cases := map[string]struct {
		reason string
		url    string
		change func(*fetch.Options)
	}{
		"Controller": {
			reason: "SOURCE_CONTROLLER_LOCALHOST replaces the host.",
			url:    "http://source-controller.flux-system.svc.cluster.local./",
			change: func(o *fetch.Options) { o.SourceControllerHost = host },
		},
		"Watcher": {
			reason: "SOURCE_WATCHER_LOCALHOST wins for artifacts of the watcher.",
			url:    "http://source-watcher.flux-system.svc.cluster.local./",
			change: func(o *fetch.Options) { o.SourceControllerHost = "127.0.0.1:1"; o.SourceWatcherHost = host },
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			moved := *a
			moved.URL = tc.url + a.Path
			tree, err := newCache(t, tc.change).Acquire(t.Context(), moved, nil)
			if err != nil {
				t.Fatalf("%s got %v", tc.reason, err)
			}
			tree.Release()
		})
	}
}

func TestEviction(t *testing.T) {
	server := testkit.NewArtifactServer(t)
	dir := t.TempDir()
	cache := newCache(t, func(o *fetch.Options) { o.Dir = dir; o.MaxBytes = 40_000 })
	artifacts := make([]*meta.Artifact, 4)
	for i := range artifacts {
		artifacts[i] = server.Add(t, "1", map[string]string{"a.yaml": strings.Repeat(string(rune('a'+i)), 10_000)})
	}
	held := acquire(t, cache, artifacts[0])
	for _, a := range artifacts[1:] {
		acquire(t, cache, a).Release()
	}
	if _, err := held.ReadFile("a.yaml"); err != nil {
		t.Errorf("a tree in use was removed: %v", err)
	}
	held.Release()
	held.Release() // must not count twice

	acquire(t, cache, artifacts[1]).Release()
	if n := server.Served(artifacts[1]); n != 2 {
		t.Errorf("the tree that was not used for longest was downloaded %d times, want 2", n)
	}
	acquire(t, cache, artifacts[0]).Release()
	if n := server.Served(artifacts[0]); n != 1 {
		t.Errorf("the tree used last was downloaded %d times, want 1", n)
	}
}

func TestNewSweeps(t *testing.T) {
	dir := t.TempDir()
	ours := "sha256-" + strings.Repeat("a", 64)
	for _, name := range []string{ours, ours + ".123", ours + ".5.tar.gz", "precious"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	newCache(t, func(o *fetch.Options) { o.Dir = dir })
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "precious" {
		t.Errorf("after the start: %v, %v", entries, err)
	}
}

func TestClose(t *testing.T) {
	gate := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-gate }))
	defer server.Close()
	defer close(gate)
	cache := newCache(t, func(o *fetch.Options) { o.Patience = time.Nanosecond })
	a := meta.Artifact{URL: server.URL, Digest: "sha256:" + strings.Repeat("0", 64)}
	if _, err := cache.Acquire(t.Context(), a, nil); !errors.Is(err, fetch.ErrPending) {
		t.Fatal(err)
	}
	if err := cache.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := cache.Acquire(t.Context(), a, nil); !errors.Is(err, fetch.ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}

func TestOpenDir(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.yaml"), []byte("a: 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	tree, err := fetch.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Release()
	if diff := cmp.Diff([]string{"a.yaml"}, tree.Files().List(".")); diff != "" {
		t.Error(diff)
	}
	if _, err := tree.ReadFile("missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func TestOpenView(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b/c/kept.yaml", "b/left.yaml", "a.yaml", ".git/config.yaml"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	tree, err := fetch.OpenView(dir, func(name string, isDir bool) bool { return !isDir && name != "b/left.yaml" })
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Release()
	got := map[string][]string{}
	for _, name := range []string{".", "b", "b/c"} {
		if entry, ok := tree.Files().Lookup(name); !ok || !entry.Dir {
			t.Errorf("%s: %v, %v", name, entry, ok)
		}
		got[name] = tree.Files().List(name)
	}
	want := map[string][]string{".": {"a.yaml", "b"}, "b": {"c"}, "b/c": {"kept.yaml"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("directories of what is kept are there, links and .git are not (-want +got):\n%s", diff)
	}
	if content, err := tree.ReadFile("b/c/kept.yaml"); err != nil || string(content) != "b/c/kept.yaml" {
		t.Errorf("%q, %v", content, err)
	}
	if _, err := fetch.OpenView(filepath.Join(dir, "none"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing directory: %v", err)
	}
}

// FuzzAcquire feeds foreign archives through the whole way in: nothing may be written elsewhere.
func FuzzAcquire(f *testing.F) {
	f.Add(testkit.Archive(f, map[string]string{"a.yaml": "a: 1"}))
	f.Add(members(f))
	f.Add(pack(f, header{name: "../../evil", kind: tar.TypeReg, mode: 0o644, body: "x"}))
	f.Add(pack(f, header{name: "l", link: "..", kind: tar.TypeSymlink}, header{name: "l/evil", kind: tar.TypeReg, mode: 0o644}))
	f.Add([]byte("\x1f\x8b"))
	server := testkit.NewArtifactServer(f)
	f.Fuzz(func(t *testing.T, content []byte) {
		parent := t.TempDir()
		cache := newCache(t, func(o *fetch.Options) {
			o.Dir = filepath.Join(parent, "cache")
			o.MaxUnpackedBytes = 1 << 20
		})
		if tree, err := cache.Acquire(t.Context(), *server.AddBytes(content, "1"), nil); err == nil {
			tree.Release()
		}
		if entries, err := os.ReadDir(parent); err != nil || len(entries) != 1 {
			t.Fatalf("written outside the cache: %v, %v", entries, err)
		}
	})
}
