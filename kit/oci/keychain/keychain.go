// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package keychain

import (
	"cmp"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"
)

// Credential is what one registry gets. The zero value is anonymous.
type Credential struct {
	// Username and Password are for basic authentication and for asking a token service.
	Username, Password string
	// IdentityToken is exchanged for access tokens in place of a password.
	IdentityToken string
	// RegistryToken is sent to the registry as it is.
	RegistryToken string
}

// IsZero reports whether the credential is that of nobody.
func (c Credential) IsZero() bool { return c == Credential{} }

// entry is a credential and what it is for.
type entry struct {
	// host may hold the wildcard * in its labels, port and path are empty for any.
	host, port, path string
	credential       Credential
}

// Keychain finds the credential for a repository. The zero value knows none. It never changes and may be shared.
type Keychain struct {
	entries []entry
}

// Single returns a keychain with one credential for a registry: a host, with port and path where they matter.
func Single(address string, c Credential) Keychain {
	var k Keychain
	k.add(address, c)
	return k
}

// IsEmpty reports whether there is no credential for anybody.
func (k Keychain) IsEmpty() bool { return len(k.entries) == 0 }

// Join returns a keychain that looks into k first, then into the others in their order.
func (k Keychain) Join(others ...Keychain) Keychain {
	joined := Keychain{entries: slices.Clone(k.entries)}
	for _, other := range others {
		joined.entries = append(joined.entries, other.entries...)
	}
	joined.sort()
	return joined
}

// Find returns the credential for a repository, "host/path" or a "host" alone, the host in its canonical form (that of the Docker hub is
// index.docker.io). The longest key that fits wins, among equals the first one. Flux: image-automation-controller contract, "Registry
// credentials", row "matching".
func (k Keychain) Find(repository string) (Credential, bool) {
	authority, below, _ := strings.Cut(repository, "/")
	host, port := splitHost(authority)
	for _, e := range k.entries {
		if e.port == port && matchHost(e.host, host) && strings.HasPrefix("/"+below, e.path) {
			return e.credential, true
		}
	}
	return Credential{}, false
}

// Knows reports whether any entry is for that registry, "host" or "host:port", or for a part of it.
func (k Keychain) Knows(registry string) bool {
	host, port := splitHost(registry)
	return slices.ContainsFunc(k.entries, func(e entry) bool { return e.port == port && matchHost(e.host, host) })
}

// add takes in one entry of a docker config; its key is a host, or a URL as older clients wrote it. A key that is neither, or says nothing, is for nobody.
func (k *Keychain) add(key string, c Credential) {
	if c.IsZero() {
		return
	}
	if !strings.Contains(key, "://") {
		key = "https://" + key
	}
	u, err := url.Parse(key)
	if err != nil || u.Host == "" {
		return
	}
	// Clients of the first version wrote the path of its API into the key.
	p := u.Path
	for _, version := range []string{"/v1", "/v2"} {
		if p == version || strings.HasPrefix(p, version+"/") {
			p = strings.TrimPrefix(p, version)
			break
		}
	}
	host, port := splitHost(u.Host)
	k.entries = append(k.entries, entry{host: host, port: port, path: strings.TrimSuffix(p, "/"), credential: c})
}

// sort puts the longest key first; equals stay in their order.
func (k *Keychain) sort() {
	slices.SortStableFunc(k.entries, func(a, b entry) int {
		return cmp.Compare(len(b.host)+len(b.port)+len(b.path), len(a.host)+len(a.port)+len(a.path))
	})
}

func splitHost(authority string) (host, port string) {
	host, port, err := net.SplitHostPort(authority)
	if err != nil {
		return strings.ToLower(authority), ""
	}
	return strings.ToLower(host), port
}

// matchHost reports whether a host is what the pattern says, label by label.
func matchHost(pattern, host string) bool {
	patterns, labels := strings.Split(pattern, "."), strings.Split(host, ".")
	if len(patterns) != len(labels) {
		return false
	}
	for i, p := range patterns {
		if ok, err := path.Match(p, labels[i]); err != nil || !ok {
			return false
		}
	}
	return true
}
