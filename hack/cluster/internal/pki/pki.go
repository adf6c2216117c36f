// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package pki makes the keys and certificates of one cluster: an authority, the API server's serving certificate, a
// client certificate for each identity, the service account signing key and the administrator's bearer token.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// validity of every certificate: longer than any data folder of a development cluster is kept.
const validity = 10 * 365 * 24 * time.Hour

// TokenFile holds the administrator's bearer token.
const TokenFile = "admin.token"

// Identity is a client that authenticates by certificate.
type Identity struct {
	// File is the base name of its .crt and .key.
	File string
	// User and Groups as the API server will see them.
	User   string
	Groups []string
}

// Ensure fills dir unless it exists. The folder appears complete or not at all, so a start that was killed half-way
// leaves nothing that the next one would trust.
func Ensure(dir string, clients []Identity) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".pki-*")
	if err != nil {
		return fmt.Errorf("make keys: %w", err)
	}
	defer func() { _ = os.RemoveAll(tmp) }() // gone already when all went well
	if err := generate(tmp, clients); err != nil {
		return fmt.Errorf("make keys: %w", err)
	}
	if err := os.Rename(tmp, dir); err != nil {
		return fmt.Errorf("make keys: %w", err)
	}
	return nil
}

func generate(dir string, clients []Identity) error {
	ca, err := newAuthority(dir)
	if err != nil {
		return err
	}
	if err := ca.issue("apiserver", serving()); err != nil {
		return err
	}
	for _, c := range clients {
		if err := ca.issue(c.File, client(c)); err != nil {
			return err
		}
	}
	if err := serviceAccountKeys(dir); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, TokenFile), []byte(rand.Text()), 0o600)
}

// authority signs certificates and writes them to dir.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  crypto.Signer
}

func newAuthority(dir string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "weir-cluster"},
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	a := &authority{dir: dir, cert: template, key: key}
	return a, a.sign("ca", template, key)
}

// issue writes a new key and its certificate.
func (a *authority) issue(file string, template *x509.Certificate) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return a.sign(file, template, key)
}

func (a *authority) sign(file string, template *x509.Certificate, key crypto.Signer) error {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return err
	}
	template.SerialNumber = serial
	template.NotBefore = time.Now().Add(-time.Hour) // clocks of containers and laptops jump
	template.NotAfter = template.NotBefore.Add(validity)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return err
	}
	if err := a.write(file+".crt", "CERTIFICATE", der); err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return a.write(file+".key", "PRIVATE KEY", private)
}

func (a *authority) write(name, kind string, der []byte) error {
	block := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	return os.WriteFile(filepath.Join(a.dir, name), block, 0o600)
}

// serving is valid for every name by which the API server is reached from this machine or from inside the cluster.
func serving() *x509.Certificate {
	return &x509.Certificate{
		Subject:     pkix.Name{CommonName: "kube-apiserver"},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 96, 0, 1)},
		DNSNames: []string{
			"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
		},
	}
}

func client(c Identity) *x509.Certificate {
	return &x509.Certificate{
		Subject:     pkix.Name{CommonName: c.User, Organization: c.Groups},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
}

// serviceAccountKeys writes sa.key, which signs tokens, and sa.pub, which checks them.
func serviceAccountKeys(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	a := &authority{dir: dir}
	if err := a.write("sa.key", "PRIVATE KEY", private); err != nil {
		return err
	}
	return a.write("sa.pub", "PUBLIC KEY", public)
}
