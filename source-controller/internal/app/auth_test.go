// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"strings"
	"testing"

	"github.com/fluxcd/pkg/apis/meta"

	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
	"github.com/weir-gitops/weir/kit/testkit"
)

func TestTransports(t *testing.T) {
	cases := map[string]struct {
		reason string
		start  func(t *testing.T, s *testkit.GitServer) (string, map[string]string)
	}{
		"Basic": {
			reason: "User and password over plain HTTP.",
			start: func(t *testing.T, s *testkit.GitServer) (string, map[string]string) {
				t.Helper()
				s.Auth("user", "secret")
				return s.HTTP(t), map[string]string{"username": "user", "password": "secret"}
			},
		},
		"HTTPS": {
			reason: "HTTPS with a private authority.",
			start: func(t *testing.T, s *testkit.GitServer) (string, map[string]string) {
				t.Helper()
				certs := testkit.NewCertificates(t)
				return s.HTTPS(t, certs), map[string]string{"ca.crt": string(certs.CA)}
			},
		},
		"SSH": {
			reason: "SSH with an encrypted identity.",
			start: func(t *testing.T, s *testkit.GitServer) (string, map[string]string) {
				t.Helper()
				address, hosts := s.SSH(t)
				return address, map[string]string{"identity": string(testkit.NewIdentity(t, "p")), "password": "p", "known_hosts": string(hosts)}
			},
		},
	}
	f := newFixture(t)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f.t = t
			server := testkit.NewGitServer(t)
			hash := server.Commit(t, repoPath, "main", "first", map[string]string{"a": "1"})
			address, data := tc.start(t, server)
			secret := testkit.Secret(f.namespace, "git-"+strings.ToLower(name), data)
			f.cluster.Create(t, secret)
			repo := f.create(func(o *sourcev1.GitRepository) {
				o.Spec.URL = address + "/" + repoPath
				o.Spec.SecretRef = &meta.LocalObjectReference{Name: secret.Name}
			})
			if a := f.ready().Status.Artifact; a.Revision != "main@sha1:"+hash {
				t.Errorf("%s\nartifact %+v", tc.reason, a)
			}
			f.destroy(repo)
		})
	}
}

// destroy deletes the object and waits until it is gone.
func (f *fixture) destroy(o *sourcev1.GitRepository) {
	f.t.Helper()
	f.repositories.Remove(f.t, o.Name)
}
