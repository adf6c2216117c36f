// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"golang.org/x/crypto/ssh"
)

// Certificates are PEM documents of a private authority and what it signed, valid for localhost and 127.0.0.1.
type Certificates struct {
	// CA is the certificate of the authority.
	CA []byte
	// Cert and Key serve as server or as client.
	Cert, Key []byte
}

// NewCertificates makes an authority and a certificate signed by it.
func NewCertificates(tb testing.TB) Certificates {
	tb.Helper()
	authority := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "test authority"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	authorityKey := newKey(tb)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: "test"},
		NotBefore:    authority.NotBefore,
		NotAfter:     authority.NotAfter,
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	leafKey := newKey(tb)
	keyBytes, err := x509.MarshalPKCS8PrivateKey(leafKey)
	if err != nil {
		tb.Fatalf("encode key: %v", err)
	}
	return Certificates{
		CA:   sign(tb, authority, authority, authorityKey, authorityKey),
		Cert: sign(tb, leaf, authority, leafKey, authorityKey),
		Key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyBytes}),
	}
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatalf("generate key: %v", err)
	}
	return key
}

func sign(tb testing.TB, cert, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) []byte {
	tb.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, key.Public(), parentKey)
	if err != nil {
		tb.Fatalf("sign certificate: %v", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// NewIdentity makes an SSH private key in PEM, encrypted when there is a passphrase.
func NewIdentity(tb testing.TB, passphrase string) []byte {
	tb.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatalf("generate key: %v", err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	}
	if err != nil {
		tb.Fatalf("encode key: %v", err)
	}
	return pem.EncodeToMemory(block)
}

// NewOpenPGPKey makes a private key in armor that was made at that time and is valid that long; 0 is forever.
func NewOpenPGPKey(tb testing.TB, made time.Time, valid time.Duration) []byte {
	tb.Helper()
	var out bytes.Buffer
	w, err := armor.Encode(&out, openpgp.PrivateKeyType, nil)
	if err != nil {
		tb.Fatalf("encode key: %v", err)
	}
	// Seconds as RFC 9580 has them, which a uint32 holds.
	config := &packet.Config{
		Time: func() time.Time { return made }, KeyLifetimeSecs: uint32(valid.Seconds()), Algorithm: packet.PubKeyAlgoEdDSA,
	}
	key, err := openpgp.NewEntity("test", "", "test@example.com", config)
	if err == nil {
		err = key.SerializePrivateWithoutSigning(w, nil)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		tb.Fatalf("make key: %v", err)
	}
	return out.Bytes()
}
