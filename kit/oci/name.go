// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// scheme is that of repository addresses.
const scheme = "oci://"

// defaultTag is what a reference without tag and digest means.
const defaultTag = "latest"

// Name is a repository in its canonical form: registry host and path. It can be compared.
type Name struct {
	repository name.Repository
}

// ParseURL reads the address of a repository, oci://host/path. The error is ErrName.
func ParseURL(address string) (Name, error) {
	bare, ok := strings.CutPrefix(address, scheme)
	if !ok {
		return Name{}, fmt.Errorf("%w: URL must be in the form 'oci://<host>/<path>'", ErrName)
	}
	bare = strings.TrimRight(bare, "/")
	if tag, ok := suffix(bare); ok {
		return Name{}, fmt.Errorf("%w: URL must not contain a tag or digest; remove '%s'", ErrName, tag)
	}
	return parse(bare)
}

// ParseImage reads the name of an image, host/path without scheme, tag and digest. The error is ErrName.
// Flux: image-automation-controller contract, "Reconcile", row 3.
func ParseImage(image string) (Name, error) {
	if before, _, ok := strings.Cut(image, "://"); ok {
		return Name{}, &textError{
			text: fmt.Sprintf("image '%s' should not include URL scheme; remove '%s://'", withoutUser(image), before), kinds: []error{ErrName},
		}
	}
	if tag, ok := suffix(image); ok {
		return Name{}, &textError{text: fmt.Sprintf("image '%s' should not include a tag; remove '%s'", image, tag), kinds: []error{ErrName}}
	}
	return parse(image)
}

// ParseReference reads an image with its tag or digest, host/path[:tag][@digest], and returns which of them counts: the digest, else the tag,
// "latest" if there is neither. The error is ErrName or ErrReference.
func ParseReference(image string) (Name, string, error) {
	bare, digest, hasDigest := strings.Cut(image, "@")
	tag := defaultTag
	if s, ok := suffix(bare); ok {
		bare, tag = strings.TrimSuffix(bare, s), s[1:]
	}
	n, err := parse(bare)
	if err != nil {
		return Name{}, "", err
	}
	if hasDigest {
		return n, digest, checkReference(digest)
	}
	return n, tag, checkReference(tag)
}

// suffix returns the tag or digest at the end of an address, with the colon or at sign before it. A port is neither.
func suffix(bare string) (string, bool) {
	path := strings.LastIndex(bare, "/") + 1
	if path == 0 && looksLikeHost(bare) {
		return "", false
	}
	if i := strings.IndexAny(bare[path:], "@:"); i >= 0 {
		return bare[path+i:], true
	}
	return "", false
}

// looksLikeHost reports whether text without a slash is host:port rather than image:tag.
func looksLikeHost(text string) bool {
	host, _, ok := strings.Cut(text, ":")
	return ok && (host == "localhost" || strings.Contains(host, "."))
}

// withoutUser takes the user information out of a URL.
func withoutUser(address string) string {
	before, after, _ := strings.Cut(address, "://")
	host, _, _ := strings.Cut(after, "/")
	return before + "://" + after[strings.LastIndex(host, "@")+1:]
}

func parse(bare string) (Name, error) {
	if host, _, ok := strings.Cut(bare, "/"); ok && strings.Contains(host, "@") {
		// The text of the error would repeat it.
		return Name{}, fmt.Errorf("%w: user information does not belong into it", ErrName)
	}
	repository, err := name.NewRepository(bare)
	if err != nil {
		return Name{}, fmt.Errorf("%w: %w", ErrName, err)
	}
	if slices.ContainsFunc(strings.Split(repository.RepositoryStr(), "/"), func(s string) bool { return strings.Trim(s, ".") == "" }) {
		return Name{}, fmt.Errorf("%w: '%s' has an empty or dotted path element", ErrName, bare)
	}
	// The long form, so that names of one repository are equal.
	return Name{repository: repository.Repo(repository.RepositoryStr())}, nil
}

// String returns "host/path", with the host and the path that short names of the Docker hub stand for.
func (n Name) String() string { return n.repository.Name() }

// Host returns the registry, with its port if the name has one.
func (n Name) Host() string { return n.repository.RegistryStr() }

// Path returns the repository below the host.
func (n Name) Path() string { return n.repository.RepositoryStr() }

var (
	// OCI distribution specification, "Pulling manifests".
	tagPattern    = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
	digestPattern = regexp.MustCompile(`^sha256:[a-f0-9]{64}$`)
)

// isDigest tells a digest, well-formed or not, from a tag, which has no colon.
func isDigest(reference string) bool { return strings.Contains(reference, ":") }

// checkReference refuses what is neither a tag nor a digest.
func checkReference(reference string) error {
	switch {
	case isDigest(reference) && !digestPattern.MatchString(reference):
		return fmt.Errorf("%w: '%s' is no digest of the form sha256:<64 hex>", ErrReference, clean(reference))
	case !isDigest(reference) && !tagPattern.MatchString(reference):
		return fmt.Errorf("%w: '%s' is no tag", ErrReference, clean(reference))
	}
	return nil
}
