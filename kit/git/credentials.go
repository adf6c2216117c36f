// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"

	"golang.org/x/crypto/ssh"
)

// ErrCredentials says that credentials are incomplete or cannot be parsed.
var ErrCredentials = errors.New("invalid Git credentials")

// Credentials are what a remote repository may ask for. The zero value is anonymous. Which fields
// count depends on the transport.
type Credentials struct {
	// Username and Password are for HTTP basic authentication. Empty, the user information of the
	// URL is used.
	Username, Password string
	// BearerToken replaces Username and Password.
	BearerToken string
	// CAFile holds PEM certificates that are trusted beside those of the system.
	CAFile []byte
	// ClientCert and ClientKey are the PEM pair the client shows to the server.
	ClientCert, ClientKey []byte
	// Identity is the PEM private key for SSH, Passphrase decrypts it.
	Identity   []byte
	Passphrase string
	// KnownHosts holds the keys SSH servers must have, in the format of the file of that name.
	KnownHosts []byte
	// Proxy is the proxy to use; nil means what the environment of the process says.
	Proxy *url.URL
}

// tlsConfig returns the TLS settings of HTTPS connections.
func (c Credentials) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(c.CAFile) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(c.CAFile) {
			return nil, fmt.Errorf("%w: no certificate in the CA bundle", ErrCredentials)
		}
		config.RootCAs = pool
	}
	if len(c.ClientCert) > 0 || len(c.ClientKey) > 0 {
		pair, err := tls.X509KeyPair(c.ClientCert, c.ClientKey)
		if err != nil {
			return nil, fmt.Errorf("%w: client certificate: %w", ErrCredentials, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// signer returns the private key for SSH.
func (c Credentials) signer() (ssh.Signer, error) {
	if len(c.Identity) == 0 || len(c.KnownHosts) == 0 {
		return nil, fmt.Errorf("%w: SSH needs an identity and known_hosts", ErrCredentials)
	}
	signer, err := ssh.ParsePrivateKey(c.Identity)
	if _, encrypted := errors.AsType[*ssh.PassphraseMissingError](err); encrypted {
		if c.Passphrase == "" {
			return nil, fmt.Errorf("%w: the identity is encrypted and there is no password", ErrCredentials)
		}
		signer, err = ssh.ParsePrivateKeyWithPassphrase(c.Identity, []byte(c.Passphrase))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: identity: %w", ErrCredentials, err)
	}
	return signer, nil
}
