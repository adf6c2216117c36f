// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Chart is a Helm chart for tests.
type Chart struct {
	// Name and Version of the chart; AppVersion is optional.
	Name, Version, AppVersion string
	// Dependencies are items of the list in Chart.yaml, as YAML in flow style: "{name: db, version: 1.x, repository: file://../db}".
	Dependencies []string
	// Files are put beside Chart.yaml (path to content).
	Files map[string]string
}

// Tree returns the files of the chart below dir, Chart.yaml included unless Files brings one.
func (c Chart) Tree(dir string) map[string]string {
	var meta strings.Builder
	fmt.Fprintf(&meta, "apiVersion: v2\nname: %s\nversion: %q\nappVersion: %q\n", c.Name, c.Version, c.AppVersion)
	if len(c.Dependencies) > 0 {
		meta.WriteString("dependencies:\n")
	}
	for _, dependency := range c.Dependencies {
		fmt.Fprintf(&meta, "- %s\n", dependency)
	}
	tree := map[string]string{path.Join(dir, "Chart.yaml"): meta.String()}
	for name, content := range c.Files {
		tree[path.Join(dir, name)] = content
	}
	return tree
}

// Package returns the chart as a .tgz archive whose bytes depend on nothing else.
func (c Chart) Package(tb testing.TB) []byte {
	tb.Helper()
	return Archive(tb, c.Tree(c.Name))
}

// HelmServerOptions configure a HelmServer.
type HelmServerOptions struct {
	// Certificates make it serve TLS; nil is plain HTTP.
	Certificates *Certificates
	// Username and Password are required of every request when set.
	Username, Password string
	// NoValidators leaves out ETag and Last-Modified, so that every request brings everything.
	NoValidators bool
}

// HelmServer is a Helm repository over HTTP(S): an index and archives of charts.
type HelmServer struct {
	// URL is the address of the repository.
	URL string

	options HelmServerOptions

	mu       sync.Mutex
	files    map[string][]byte
	modified map[string]time.Time
	charts   []Chart
	base     string
	answers  []int
	requests []string
	logins   []string
}

// indexPath is where the index is.
const indexPath = "/index.yaml"

// NewHelmServer starts a repository without charts.
func NewHelmServer(tb testing.TB, o HelmServerOptions) *HelmServer {
	tb.Helper()
	s := &HelmServer{options: o, files: map[string][]byte{}, modified: map[string]time.Time{}}
	server := httptest.NewUnstartedServer(s)
	if o.Certificates == nil {
		server.Start()
	} else {
		pair, err := tls.X509KeyPair(o.Certificates.Cert, o.Certificates.Key)
		if err != nil {
			tb.Fatalf("read certificate: %v", err)
		}
		server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
		server.StartTLS()
	}
	tb.Cleanup(server.Close)
	s.URL = server.URL
	s.writeIndex()
	return s
}

// Add packages the charts and lists them.
func (s *HelmServer) Add(tb testing.TB, charts ...Chart) {
	tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range charts {
		s.set("/"+archiveName(c), c.Package(tb))
		s.charts = append(s.charts, c)
	}
	s.writeIndex()
}

// SetBase puts base before the names of archives in the index, so that they are on another host or path.
func (s *HelmServer) SetBase(base string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.base = base
	s.writeIndex()
}

// SetFile serves content at a path such as "/index.yaml", good or bad; nil removes it.
func (s *HelmServer) SetFile(name string, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(name, content)
}

func (s *HelmServer) set(name string, content []byte) {
	if content == nil {
		delete(s.files, name)
		return
	}
	s.files[name] = content
	// A second apart, so that Last-Modified, which has no fractions, tells each version from the one before.
	s.modified[name] = cmp.Or(s.modified[name], time.Unix(1_700_000_000, 0)).Add(time.Second)
}

func archiveName(c Chart) string { return c.Name + "-" + c.Version + ".tgz" }

// writeIndex lists the charts.
func (s *HelmServer) writeIndex() {
	byName := map[string][]Chart{}
	for _, c := range s.charts {
		byName[c.Name] = append(byName[c.Name], c)
	}
	var index strings.Builder
	index.WriteString("apiVersion: v1\nentries:\n")
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		fmt.Fprintf(&index, "  %s:\n", name)
		for _, c := range byName[name] {
			sum := sha256.Sum256(s.files["/"+archiveName(c)])
			fmt.Fprintf(&index, "  - apiVersion: v2\n    created: \"2024-01-02T03:04:05Z\"\n    digest: %s\n    name: %s\n    urls:\n    - %s%s\n    version: %q\n",
				hex.EncodeToString(sum[:]), name, s.base, archiveName(c), c.Version)
		}
	}
	index.WriteString("generated: \"2024-01-02T03:04:05Z\"\n")
	s.set(indexPath, []byte(index.String()))
}

// Answer makes the next requests fail with the given status codes.
func (s *HelmServer) Answer(statuses ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = append(s.answers, statuses...)
}

// Take returns what was asked for since the last call, as "GET /index.yaml 200", and the user names that came along, "-" for none.
func (s *HelmServer) Take() (requests, logins []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests, logins = s.requests, s.logins
	s.requests, s.logins = nil, nil
	return requests, logins
}

// ServeHTTP implements http.Handler.
func (s *HelmServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	recorded := httptest.NewRecorder()
	s.mu.Lock()
	s.answer(recorded, r, user, password)
	s.requests = append(s.requests, fmt.Sprintf("%s %s %d", r.Method, r.URL.Path, recorded.Code))
	s.logins = append(s.logins, cmp.Or(user, "-"))
	s.mu.Unlock()
	maps.Copy(w.Header(), recorded.Header())
	w.WriteHeader(recorded.Code)
	_, _ = recorded.Body.WriteTo(w) // who does not read on has what it wanted
}

func (s *HelmServer) answer(w http.ResponseWriter, r *http.Request, user, password string) {
	content, ok := s.files[r.URL.Path]
	switch {
	case len(s.answers) > 0:
		http.Error(w, http.StatusText(s.answers[0]), s.answers[0])
		s.answers = s.answers[1:]
	case s.options.Username != "" && (user != s.options.Username || password != s.options.Password):
		w.Header().Set("WWW-Authenticate", `Basic realm="charts"`)
		http.Error(w, "unauthorized", http.StatusUnauthorized)
	case !ok:
		http.NotFound(w, r)
	case s.options.NoValidators:
		_, _ = w.Write(content) //nolint:gosec // a chart of the test itself; goes into memory
	default:
		sum := sha256.Sum256(content)
		w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
		http.ServeContent(w, r, path.Base(r.URL.Path), s.modified[r.URL.Path], bytes.NewReader(content))
	}
}
