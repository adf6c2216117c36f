// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	"golang.org/x/net/proxy"
)

const (
	defaultSSHPort = "22"
	// defaultSSHUser is who we are if the URL does not say. Flux: source-controller contract, "ssh user".
	defaultSSHUser = "git"
	// maxTailBytes is how much of the error output is kept, more than what is quoted of it.
	maxTailBytes = 4 << 10
)

// sshTransport runs the commands of Git on a server. Every request is a connection of its own.
type sshTransport struct {
	url    *url.URL
	addr   string
	proxy  *url.URL
	config *ssh.ClientConfig
}

// newSSHTransport returns a transport for the repository at u.
func newSSHTransport(u *url.URL, creds Credentials, algorithms SSHAlgorithms) (*sshTransport, error) {
	signer, err := creds.signer()
	if err != nil {
		return nil, err
	}
	hosts, err := knownHosts(creds.KnownHosts)
	if err != nil {
		return nil, err
	}
	if creds.Proxy != nil && !strings.HasPrefix(creds.Proxy.Scheme, "socks5") {
		return nil, fmt.Errorf("%w: SSH cannot go through a proxy of scheme %q, only socks5", ErrCredentials, creds.Proxy.Scheme)
	}
	t := &sshTransport{url: u, proxy: creds.Proxy}
	port := u.Port()
	if port == "" {
		port = defaultSSHPort
	}
	t.addr = net.JoinHostPort(u.Hostname(), port)
	user := u.User.Username()
	if user == "" {
		user = defaultSSHUser
	}
	t.config = &ssh.ClientConfig{
		User:              user,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback:   hosts.HostKeyCallback(),
		HostKeyAlgorithms: algorithms.HostKeys,
	}
	t.config.KeyExchanges = algorithms.KeyExchanges
	if len(algorithms.HostKeys) == 0 {
		t.config.HostKeyAlgorithms = hosts.HostKeyAlgorithms(t.addr)
	}
	return t, nil
}

// knownHosts parses the keys servers must have. The parser reads files only.
func knownHosts(text []byte) (db *knownhosts.HostKeyDB, err error) {
	f, err := os.CreateTemp("", "known_hosts-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	if _, err := f.Write(text); err != nil {
		return nil, err
	}
	db, err = knownhosts.NewDB(f.Name())
	if err != nil {
		// The text names our temporary file and differs from run to run.
		return nil, fmt.Errorf("%w: known_hosts: %s", ErrCredentials, strings.ReplaceAll(err.Error(), f.Name(), "file"))
	}
	return db, nil
}

// close implements transport; nothing is kept open.
func (t *sshTransport) close() {}

// list implements transport.
func (t *sshTransport) list(ctx context.Context, service string) (*advertisement, error) {
	var adv *advertisement
	err := t.run(ctx, service, func(c *sshCommand) error {
		refs, err := c.advertisement()
		if err != nil {
			return err
		}
		adv = &advertisement{AdvRefs: refs}
		return pktline.NewEncoder(c.stdin).Flush()
	})
	return adv, err
}

// fetch implements transport. The server lists its references again before it takes a request.
func (t *sshTransport) fetch(ctx context.Context, _ *advertisement, req *packp.UploadPackRequest, receive func(*packp.UploadPackResponse) error) error {
	return t.run(ctx, uploadPack, func(c *sshCommand) error {
		if _, err := c.advertisement(); err != nil {
			return err
		}
		if err := encodeRequest(c.stdin, req); err != nil {
			return c.explain(err)
		}
		return decodeResponse(io.NopCloser(c.stdout), req, receive)
	})
}

// push implements transport.
func (t *sshTransport) push(ctx context.Context, decide decideFunc, receive func(io.Reader) error) error {
	return t.run(ctx, receivePack, func(c *sshCommand) error {
		refs, err := c.advertisement()
		if err != nil {
			return err
		}
		req, err := decide(&advertisement{AdvRefs: refs})
		if err != nil {
			return errors.Join(err, pktline.NewEncoder(c.stdin).Flush())
		}
		if err := req.Encode(c.stdin); err != nil {
			return c.explain(err)
		}
		err = receive(c.stdout)
		if err == nil || errors.Is(err, ErrRejected) {
			return err
		}
		return c.explain(err)
	})
}

// run connects, starts the command on the server and lets talk speak with it. Whatever happens, the
// connection is closed at the end, and at once when ctx ends.
func (t *sshTransport) run(ctx context.Context, service string, talk func(*sshCommand) error) (err error) {
	conn, err := t.dial(ctx)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() {
		stop()
		_ = conn.Close()
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
	}()
	sc, channels, requests, err := ssh.NewClientConn(conn, t.addr, t.config)
	if err != nil {
		return err
	}
	client := ssh.NewClient(sc, channels, requests)
	defer client.Close()
	c, err := start(client, t.url, service)
	if err != nil {
		return err
	}
	return talk(c)
}

// dial connects to the server, through a proxy if there is one.
func (t *sshTransport) dial(ctx context.Context) (net.Conn, error) {
	if t.proxy == nil {
		return proxy.Dial(ctx, "tcp", t.addr)
	}
	dialer, err := proxy.FromURL(t.proxy, proxy.Direct)
	if err != nil {
		return nil, err
	}
	contextual, ok := dialer.(proxy.ContextDialer)
	if !ok {
		return nil, fmt.Errorf("proxy of scheme %q cannot be interrupted", t.proxy.Scheme)
	}
	return contextual.DialContext(ctx, "tcp", t.addr)
}

// sshCommand is a command of Git running on a server.
type sshCommand struct {
	session *ssh.Session
	stdin   io.Writer
	stdout  io.Reader
	stderr  *tail
}

// start runs the command of a service for the repository of u.
func start(client *ssh.Client, u *url.URL, service string) (*sshCommand, error) {
	session, err := client.NewSession()
	if err != nil {
		return nil, err
	}
	c := &sshCommand{session: session, stderr: &tail{}}
	session.Stderr = c.stderr
	if c.stdin, err = session.StdinPipe(); err != nil {
		return nil, err
	}
	if c.stdout, err = session.StdoutPipe(); err != nil {
		return nil, err
	}
	return c, session.Start(service + " " + quote(sshPath(u)))
}

// sshPath is the path as the server expects it: a home directory comes without the leading slash.
func sshPath(u *url.URL) string {
	if strings.HasPrefix(u.Path, "/~") {
		return u.Path[1:]
	}
	return u.Path
}

// quote makes one word for the shell on the server.
func quote(word string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "!", `'\!'`).Replace(word) + "'"
}

// advertisement reads what the server says first.
func (c *sshCommand) advertisement() (*packp.AdvRefs, error) {
	refs, err := decodeAdvertisement(c.stdout)
	if err != nil && !errors.Is(err, ErrEmpty) {
		return nil, c.explain(err)
	}
	return refs, err
}

// explain adds what the server wrote to its error output, where servers say why they refuse.
func (c *sshCommand) explain(err error) error {
	if errors.Is(err, packp.ErrEmptyInput) || errors.Is(err, io.EOF) {
		// The command is over; its last words may still be on the way.
		_ = c.session.Wait()
	}
	if text := c.stderr.String(); text != "" {
		return fmt.Errorf("remote: %s", text)
	}
	return err
}

// tail keeps the beginning of what is written to it, despite concurrent use by the SSH library.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer and never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(p[:min(len(p), maxTailBytes-min(maxTailBytes, t.buf.Len()))])
	return len(p), nil
}

// String returns what was kept as one line.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(serverText(t.buf.Bytes()))
}
