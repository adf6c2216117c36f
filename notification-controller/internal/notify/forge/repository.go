// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package forge

import (
	"net/url"
	"slices"
	"strings"

	"github.com/weir-gitops/weir/notification-controller/internal/notify/delivery"
)

// repository is where commits are.
type repository struct {
	base *url.URL // scheme and host
	path string   // without leading slash and .git
}

// parseRepository reads the address of a repository: a URL, or user@host:path. Flux: notification-controller contract, "Git providers".
func parseRepository(address string) (repository, error) {
	u, err := parseGitURL(strings.TrimSpace(address))
	if err != nil {
		return repository{}, err
	}
	scheme := u.Scheme
	if scheme == "ssh" {
		scheme = "https"
	}
	if scheme != "http" && scheme != "https" || u.Host == "" {
		return repository{}, delivery.Invalid("address is no URL of a Git repository")
	}
	path := strings.TrimSuffix(strings.Trim(u.Path, "/"), ".git")
	if path == "" {
		return repository{}, delivery.Invalid("address names no repository")
	}
	if slices.ContainsFunc(strings.Split(path, "/"), func(part string) bool { return part == "" || part == "." || part == ".." }) {
		return repository{}, delivery.Invalid("address: invalid repository id '%s'", path)
	}
	return repository{base: &url.URL{Scheme: scheme, Host: u.Host}, path: path}, nil
}

func parseGitURL(address string) (*url.URL, error) {
	if address == "" {
		return nil, delivery.Invalid("address is empty")
	}
	if !strings.Contains(address, "://") {
		host, path, ok := strings.Cut(address, ":")
		if _, after, user := strings.Cut(host, "@"); user {
			host = after
		}
		if !ok || host == "" || strings.ContainsAny(host, "/@") {
			return nil, delivery.Invalid("address is no URL of a Git repository")
		}
		return &url.URL{Scheme: "ssh", Host: host, Path: path}, nil
	}
	u, err := url.Parse(address)
	if err != nil {
		// The text of the error would repeat the address, which may hold a password.
		return nil, delivery.Invalid("address is no URL of a Git repository")
	}
	return u, nil
}

// pair returns owner and name of a repository that has just these.
func (r repository) pair() (owner, name string, err error) {
	owner, name, ok := strings.Cut(r.path, "/")
	if !ok || strings.Contains(name, "/") {
		return "", "", delivery.Invalid("address: invalid repository id '%s', want owner and name", r.path)
	}
	return owner, name, nil
}

// Public reports whether an address is on the public GitHub.
func Public(address string) bool {
	repo, err := parseRepository(address)
	return err == nil && strings.EqualFold(repo.base.Host, publicGitHub)
}
