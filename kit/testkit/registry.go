// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// registryToken is what the token service of a Registry hands out.
const registryToken = "token-of-the-test-registry" //nolint:gosec // opens nothing but a test's own registry

// RegistryOptions say how a registry serves.
type RegistryOptions struct {
	// Certificates make it serve HTTPS; nil means plain HTTP.
	Certificates *Certificates
	// Username and Password are required of every request when they are set.
	Username, Password string
	// Token has them exchanged for a token at a service on the same host, instead of basic authentication.
	Token bool
	// PageSize is how many tags a page has at most, with links from one to the next. 0 means as many as asked for.
	PageSize int
}

// Registry is a registry with everything in memory.
type Registry struct {
	// Host is where it listens, host:port, URL the same with the scheme oci.
	Host, URL string

	options RegistryOptions
	handler http.Handler

	mu       sync.Mutex
	requests []string
	statuses []int
}

// NewRegistry starts a registry.
func NewRegistry(tb testing.TB, o RegistryOptions) *Registry {
	tb.Helper()
	r := &Registry{options: o, handler: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
	server := httptest.NewUnstartedServer(r)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if o.Certificates == nil {
		server.Start()
	} else {
		pair, err := tls.X509KeyPair(o.Certificates.Cert, o.Certificates.Key)
		if err != nil {
			tb.Fatalf("certificate of the registry: %v", err)
		}
		server.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
		server.StartTLS()
	}
	tb.Cleanup(server.Close)
	r.Host = server.Listener.Addr().String()
	r.URL = "oci://" + r.Host
	return r
}

// ServeHTTP implements http.Handler.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	status := r.note(req)
	switch {
	case status != 0:
		http.Error(w, http.StatusText(status), status)
	case req.URL.Path == "/token":
		r.serveToken(w, req)
	case !r.admits(req):
		r.challenge(w)
	case strings.HasSuffix(req.URL.Path, "/tags/list"):
		r.serveTags(w, req)
	default:
		r.handler.ServeHTTP(w, req)
	}
}

// note records a request and returns the status it is to fail with, 0 if it is not.
func (r *Registry) note(req *http.Request) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, req.Method+" "+req.URL.Path)
	if len(r.statuses) == 0 {
		return 0
	}
	status := r.statuses[0]
	r.statuses = r.statuses[1:]
	return status
}

func (r *Registry) admits(req *http.Request) bool {
	if r.options.Username == "" && !r.options.Token {
		return true
	}
	if r.options.Token {
		return req.Header.Get("Authorization") == "Bearer "+registryToken
	}
	return r.knows(req)
}

// knows reports whether a request has the right user and password.
func (r *Registry) knows(req *http.Request) bool {
	user, password, _ := req.BasicAuth()
	return user == r.options.Username && password == r.options.Password
}

func (r *Registry) challenge(w http.ResponseWriter) {
	challenge := `Basic realm="test"`
	if r.options.Token {
		scheme := "http"
		if r.options.Certificates != nil {
			scheme = "https"
		}
		challenge = fmt.Sprintf(`Bearer realm="%s://%s/token",service="test"`, scheme, r.Host)
	}
	w.Header().Set("WWW-Authenticate", challenge)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = io.WriteString(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
}

func (r *Registry) serveToken(w http.ResponseWriter, req *http.Request) {
	if !r.knows(req) {
		r.challenge(w)
		return
	}
	_, _ = io.WriteString(w, `{"token":"`+registryToken+`"}`)
}

// serveTags lists tags as registries do: sorted, in pages, with a link to the next one.
func (r *Registry) serveTags(w http.ResponseWriter, req *http.Request) {
	all := httptest.NewRecorder()
	plain := req.Clone(req.Context())
	plain.URL.RawQuery = ""
	r.handler.ServeHTTP(all, plain)
	var list struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}
	if all.Code != http.StatusOK || json.Unmarshal(all.Body.Bytes(), &list) != nil {
		maps.Copy(w.Header(), all.Header())
		w.WriteHeader(all.Code)
		_, _ = w.Write(all.Body.Bytes())
		return
	}
	last := req.URL.Query().Get("last")
	slices.Sort(list.Tags)
	list.Tags = slices.DeleteFunc(list.Tags, func(tag string) bool { return tag <= last })
	size, _ := strconv.Atoi(req.URL.Query().Get("n"))
	if size == 0 || r.options.PageSize > 0 && size > r.options.PageSize {
		size = cmp.Or(r.options.PageSize, len(list.Tags))
	}
	if len(list.Tags) > size {
		list.Tags = list.Tags[:size]
		w.Header().Set("Link", fmt.Sprintf(`<%s?n=%d&last=%s>; rel="next"`, req.URL.Path, size, list.Tags[size-1]))
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(list); err != nil {
		panic(http.ErrAbortHandler) // nobody listens any more
	}
}

// Take returns the requests since the last call, as "GET /v2/app/tags/list". What Push and its like do is not among them.
func (r *Registry) Take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	requests := r.requests
	r.requests = nil
	return requests
}

// Answer makes the next requests fail with the given status codes.
func (r *Registry) Answer(statuses ...int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.statuses = append(r.statuses, statuses...)
}

// DockerConfig returns a docker config with the credentials of the registry.
func (r *Registry) DockerConfig() string {
	return DockerConfig(r.Host, r.options.Username, r.options.Password)
}

// DockerConfig returns a docker config with one entry.
func DockerConfig(host, username, password string) string {
	return fmt.Sprintf(`{"auths":{%q:{"username":%q,"password":%q}}}`, host, username, password)
}

// DockerSecret builds a Secret that holds a docker config.
func DockerSecret(namespace, name, config string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Type:       corev1.SecretTypeDockerConfigJson,
		Data:       map[string][]byte{corev1.DockerConfigJsonKey: []byte(config)},
	}
}

// store writes into the registry past its front door.
func (r *Registry) store(tb testing.TB, method, path, contentType string, content []byte) {
	tb.Helper()
	req := httptest.NewRequestWithContext(tb.Context(), method, path, bytes.NewReader(content))
	req.Header.Set("Content-Type", contentType)
	res := httptest.NewRecorder()
	r.handler.ServeHTTP(res, req)
	if res.Code >= http.StatusMultipleChoices {
		tb.Fatalf("%s %s: %d %s", method, path, res.Code, res.Body)
	}
}
