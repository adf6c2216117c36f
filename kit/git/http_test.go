// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/weir-gitops/weir/kit/git"
	"github.com/weir-gitops/weir/kit/testkit"
)

// resolve asks for the branch main with a fresh mirror.
func resolve(t *testing.T, address string, creds git.Credentials) error {
	t.Helper()
	m, err := git.OpenMirror(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	r, err := git.NewRemote(address, creds, git.SSHAlgorithms{})
	if err != nil {
		return err
	}
	defer r.Close()
	target, err := m.Resolve(t.Context(), r, git.Reference{Branch: "main"})
	if err != nil {
		return err
	}
	_, err = m.Fetch(t.Context(), r, target)
	return err
}

func TestHTTPAuthentication(t *testing.T) {
	server := testkit.NewGitServer(t)
	server.Auth("user", "secret")
	server.Commit(t, repoPath, "main", "first", map[string]string{"a": "1"})
	address := server.HTTP(t) + "/" + repoPath
	withUser := func(info string) string { return strings.Replace(address, "://", "://"+info+"@", 1) }

	cases := map[string]struct {
		reason   string
		address  string
		creds    git.Credentials
		mentions string
	}{
		"Basic":           {reason: "User and password open the door, also over plain http.", address: address, creds: git.Credentials{Username: "user", Password: "secret"}},
		"UserInfo":        {reason: "So do those of the URL.", address: withUser("user:secret")},
		"CredentialsWin":  {reason: "Credentials win over the URL.", address: withUser("user:wrong"), creds: git.Credentials{Username: "user", Password: "secret"}},
		"Wrong":           {reason: "A wrong password does not, and is not repeated.", address: withUser("user:hunter2"), mentions: "authentication required"},
		"Anonymous":       {reason: "Nor does none.", address: address, mentions: "authentication required"},
		"Missing":         {reason: "A repository that is not there is told apart.", address: strings.Replace(address, repoPath, "none.git", 1), creds: git.Credentials{Username: "user", Password: "secret"}, mentions: "not found"},
		"BearerAndInfo":   {reason: "A token and user information contradict each other.", address: withUser("user:hunter2"), creds: git.Credentials{BearerToken: "t"}, mentions: "bearer"},
		"RefusedBearer":   {reason: "A token is sent instead of the password.", address: address, creds: git.Credentials{BearerToken: "t", Username: "user", Password: "secret"}, mentions: "authentication required"},
		"HostUnknown":     {reason: "An unknown host is an error with its cause.", address: "http://host.invalid/app.git", mentions: "host.invalid"},
		"ConnectRefused":  {reason: "So is a refused connection.", address: "http://127.0.0.1:1/app.git", mentions: "refused"},
		"QueryIsRedacted": {reason: "A query may be secret.", address: "http://127.0.0.1:1/app.git?token=hunter2", mentions: "refused"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := resolve(t, tc.address, tc.creds)
			if tc.mentions == "" {
				if err != nil {
					t.Fatalf("%s\n%v", tc.reason, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.mentions) {
				t.Fatalf("%s\ngot %v, want mention of %q", tc.reason, err, tc.mentions)
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s\nthe error repeats a secret: %v", tc.reason, err)
			}
		})
	}
}

func TestHTTPBearer(t *testing.T) {
	server := testkit.NewGitServer(t)
	server.Commit(t, repoPath, "main", "first", map[string]string{"a": "1"})
	server.AddHTTPMiddlewares(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer token" {
				http.Error(w, "no", http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	address := server.HTTP(t) + "/" + repoPath
	if err := resolve(t, address, git.Credentials{BearerToken: "token"}); err != nil {
		t.Error(err)
	}
	withUser := strings.Replace(address, "://", "://user:hunter2@", 1)
	_, err := git.NewRemote(withUser, git.Credentials{BearerToken: "token"}, git.SSHAlgorithms{})
	if err == nil || !strings.Contains(err.Error(), "basic auth and bearer token cannot be set at the same time") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("two ways to log in: %v", err)
	}
}

func TestHTTPS(t *testing.T) {
	certs := testkit.NewCertificates(t)
	server := testkit.NewGitServer(t)
	server.Commit(t, repoPath, "main", "first", map[string]string{"a": "1"})
	address := strings.Replace(server.HTTPS(t, certs), "127.0.0.1", "localhost", 1) + "/" + repoPath
	if err := resolve(t, address, git.Credentials{CAFile: certs.CA}); err != nil {
		t.Errorf("known authority: %v", err)
	}
	err := resolve(t, address, git.Credentials{})
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); !unknown {
		t.Errorf("unknown authority: %v", err)
	}
	if err := resolve(t, address, git.Credentials{CAFile: []byte("x")}); !errors.Is(err, git.ErrCredentials) {
		t.Errorf("no certificate: %v", err)
	}
	if err := resolve(t, address, git.Credentials{ClientCert: certs.Cert}); !errors.Is(err, git.ErrCredentials) {
		t.Errorf("half a pair: %v", err)
	}
}

func TestHTTPSClientCertificate(t *testing.T) {
	certs := testkit.NewCertificates(t)
	server := testkit.NewGitServer(t)
	server.Commit(t, repoPath, "main", "first", map[string]string{"a": "1"})
	plain, err := url.Parse(server.HTTP(t))
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(certs.Cert, certs.Key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certs.CA)
	front := httptest.NewUnstartedServer(forward(plain))
	front.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12}
	front.StartTLS()
	defer front.Close()

	creds := git.Credentials{CAFile: certs.CA, ClientCert: certs.Cert, ClientKey: certs.Key}
	if err := resolve(t, front.URL+"/"+repoPath, creds); err != nil {
		t.Errorf("with certificate: %v", err)
	}
	if err := resolve(t, front.URL+"/"+repoPath, git.Credentials{CAFile: certs.CA}); err == nil {
		t.Error("without certificate the server must refuse")
	}
}

// forward passes requests on to a server.
func forward(to *url.URL) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		r.URL.Scheme, r.URL.Host, r.RequestURI = to.Scheme, to.Host, ""
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer res.Body.Close()
		maps.Copy(w.Header(), res.Header)
		w.WriteHeader(res.StatusCode)
		buf := make([]byte, 32<<10)
		for {
			n, err := res.Body.Read(buf)
			if _, werr := w.Write(buf[:n]); err != nil || werr != nil {
				return
			}
		}
	})
}

func TestHTTPProxy(t *testing.T) {
	server := testkit.NewGitServer(t)
	server.Commit(t, repoPath, "main", "first", map[string]string{"a": "1"})
	origin, err := url.Parse(server.HTTP(t))
	if err != nil {
		t.Fatal(err)
	}
	var proxied []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxied = append(proxied, r.URL.Host)
		forward(origin).ServeHTTP(w, r)
	}))
	defer proxy.Close()
	u, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := resolve(t, "http://git.invalid/"+repoPath, git.Credentials{Proxy: u}); err != nil {
		t.Fatal(err)
	}
	if len(proxied) != 2 || proxied[0] != "git.invalid" {
		t.Errorf("requests through the proxy: %v", proxied)
	}
}

func TestHTTPRedirect(t *testing.T) {
	server := testkit.NewGitServer(t)
	server.Commit(t, repoPath, "main", "first", map[string]string{"a": "1"})
	var seen []string
	server.AddHTTPMiddlewares(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seen = append(seen, r.Method+" "+r.Header.Get("Authorization"))
			next.ServeHTTP(w, r)
		})
	})
	target := server.HTTP(t)

	cases := map[string]struct {
		reason string
		to     func(front string, r *http.Request) string
		ok     bool
		want   []string
	}{
		"OtherHost": {
			reason: "Discovery follows to another host, where the credentials do not go.",
			to:     func(_ string, r *http.Request) string { return target + r.URL.String() },
			ok:     true, want: []string{"GET ", "POST "},
		},
		"OtherRepository": {
			reason: "It does not end at a page that is no list of references.",
			to:     func(string, *http.Request) string { return target + "/login" },
			want:   []string{"GET "},
		},
		"OtherScheme": {reason: "It does not follow to other schemes.", to: func(string, *http.Request) string { return "file:///etc/passwd" }},
		"Loop":        {reason: "It does not follow for ever.", to: func(front string, r *http.Request) string { return front + r.URL.String() }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			seen = nil
			front := httptest.NewUnstartedServer(nil)
			front.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", tc.to("http://"+r.Host, r))
				w.WriteHeader(http.StatusFound)
			})
			front.Start()
			defer front.Close()
			address := strings.Replace(front.URL, "127.0.0.1", "localhost", 1) + "/" + repoPath
			err := resolve(t, address, git.Credentials{Username: "user", Password: "secret"})
			if (err == nil) != tc.ok {
				t.Fatalf("%s\n%v", tc.reason, err)
			}
			if strings.Join(seen, ",") != strings.Join(tc.want, ",") {
				t.Errorf("%s\nthe other host saw %q, want %q", tc.reason, seen, tc.want)
			}
		})
	}
}

func TestHTTPRedirectSameHostKeepsCredentials(t *testing.T) {
	server := testkit.NewGitServer(t)
	server.Auth("user", "secret")
	server.Commit(t, repoPath, "main", "first", map[string]string{"a": "1"})
	server.AddHTTPMiddlewares(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if rest, old := strings.CutPrefix(r.URL.Path, "/old/"); old {
				http.Redirect(w, r, "/"+rest+"?"+r.URL.RawQuery, http.StatusMovedPermanently)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	if err := resolve(t, server.HTTP(t)+"/old/"+repoPath, git.Credentials{Username: "user", Password: "secret"}); err != nil {
		t.Error(err)
	}
}

func TestHTTPServerMisbehaves(t *testing.T) {
	cases := map[string]struct {
		reason  string
		handler http.HandlerFunc
	}{
		"HTML": {"A web page is no Git server.", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<html>"))
		}},
		"Broken": {"Nor is an internal error.", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }},
		"Garbage": {"Garbage under the right type is found.", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
			_, _ = w.Write([]byte("001e# service=git-upload-pack\nXXXXgarbage"))
		}},
		"Error": {"An error of the protocol is passed on.", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
			_, _ = w.Write([]byte("001e# service=git-upload-pack\n00000011ERR no way\n"))
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tc.handler)
			defer server.Close()
			if err := resolve(t, server.URL+"/app.git", git.Credentials{}); err == nil || errors.Is(err, git.ErrEmpty) {
				t.Errorf("%s\ngot %v", tc.reason, err)
			}
		})
	}
}

func TestHTTPDeadline(t *testing.T) {
	released := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-released:
		}
	}))
	defer server.Close()
	defer close(released)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	m, err := git.OpenMirror(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Resolve(ctx, remote(t, server.URL+"/app.git", git.Credentials{}), git.Reference{})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
}

// A server that stops in the middle of a pack must not hold the fetch beyond its deadline.
func TestFetchDeadline(t *testing.T) {
	f := newFixture(t)
	f.commit(t, "main", "first", noise(200))
	target, err := f.mirror.Resolve(t.Context(), f.remote, git.Reference{Branch: "main"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	begun := "0034shallow " + target.Commit.String() + "00000008NAK\n"
	stall := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
			_, _ = io.WriteString(w, begun)
			w.(http.Flusher).Flush()
			cancel(context.DeadlineExceeded) // the time is over now, and not before the response has begun
			<-r.Context().Done()
			return
		}
		origin, _ := url.Parse(f.server.HTTPAddress())
		forward(origin).ServeHTTP(w, r)
	}))
	defer stall.Close()
	slow := remote(t, stall.URL+"/"+repoPath, git.Credentials{})
	if target, err = f.mirror.Resolve(ctx, slow, git.Reference{Branch: "main"}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.mirror.Fetch(ctx, slow, target); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
}

func TestNewRemoteURL(t *testing.T) {
	for name, address := range map[string]string{
		"Space":  "http://bad host/app.git",
		"Scheme": "file:///etc/repo.git",
		"NoHost": "https:///app.git",
		"NoPath": "https://host",
		"SCP":    "git@host:org/repo",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := git.NewRemote(address, git.Credentials{}, git.SSHAlgorithms{}); !errors.Is(err, git.ErrURL) {
				t.Errorf("%s: got %v, want ErrURL", address, err)
			}
		})
	}
	_, err := git.NewRemote("https://user:hunter2@bad host/x", git.Credentials{}, git.SSHAlgorithms{})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error repeats the password: %v", err)
	}
}

func FuzzNewRemote(f *testing.F) {
	f.Add("https://user:pw@host/path?x=y")
	f.Add("ssh://git@[::1]:22/~/x")
	f.Fuzz(func(_ *testing.T, address string) {
		r, err := git.NewRemote(address, git.Credentials{}, git.SSHAlgorithms{})
		if err == nil {
			r.Close()
		}
	})
}
