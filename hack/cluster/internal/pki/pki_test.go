// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEnsure(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pki")
	if err := Ensure(dir, []Identity{{File: "ann", User: "ann", Groups: []string{"devs"}}}); err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		t.Fatal("ca.crt holds no certificate")
	}

	server := leaf(t, dir, "apiserver")
	for _, host := range []string{"127.0.0.1", "10.96.0.1", "localhost", "kubernetes.default.svc"} {
		options := x509.VerifyOptions{Roots: pool, DNSName: host, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
		if _, err := server.Verify(options); err != nil {
			t.Errorf("as %s: %v", host, err)
		}
	}
	client := leaf(t, dir, "ann")
	if _, err := client.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"ann", "devs"}, append([]string{client.Subject.CommonName}, client.Subject.Organization...)); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"ca.key", "sa.key", "ann.key", TokenFile} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
}

// TestEnsureKeeps holds that a second start changes no key: kubeconfigs and tokens that were handed out stay good.
func TestEnsureKeeps(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pki")
	var before []byte
	for range 2 {
		if err := Ensure(dir, nil); err != nil {
			t.Fatal(err)
		}
		key, err := os.ReadFile(filepath.Join(dir, "sa.key"))
		if err != nil {
			t.Fatal(err)
		}
		if before != nil && string(before) != string(key) {
			t.Error("the key has changed")
		}
		before = key
	}
	entries, err := os.ReadDir(filepath.Dir(dir))
	if err != nil || len(entries) != 1 {
		t.Errorf("something was left beside the keys: %v, %v", entries, err)
	}
}

func leaf(t *testing.T, dir, file string) *x509.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, file+".crt"), filepath.Join(dir, file+".key"))
	if err != nil {
		t.Fatal(err)
	}
	return pair.Leaf
}
