// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package git

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
)

// ErrRefspec says that a refspec cannot be used for a push.
var ErrRefspec = errors.New("invalid refspec")

// Refspec says where in a remote repository references go that are pushed.
type Refspec struct {
	// Force lets a reference go where its history does not lead: the refspec begins with a plus sign.
	Force bool

	spec config.RefSpec
}

// ParseRefspec reads [+]<source>:<destination>. Names that do not begin with refs/ are those of branches; HEAD is what was
// checked out. A refspec that deletes is refused.
func ParseRefspec(text string) (Refspec, error) {
	source, destination, _ := strings.Cut(strings.TrimPrefix(text, "+"), ":")
	spec := config.RefSpec(fullName(source) + ":" + fullName(destination))
	switch {
	case strings.Count(text, ":") != 1 || source == "" || destination == "":
		return Refspec{}, fmt.Errorf("%w '%s': it is not of the form <source>:<destination>", ErrRefspec, text)
	case controlCharacters().MatchString(text) || strings.ContainsAny(text, " ~^?[\\"):
		return Refspec{}, fmt.Errorf("%w '%s': it holds characters that no reference has", ErrRefspec, serverText([]byte(text)))
	}
	if err := spec.Validate(); err != nil {
		return Refspec{}, fmt.Errorf("%w '%s': %w", ErrRefspec, text, err)
	}
	return Refspec{Force: strings.HasPrefix(text, "+"), spec: spec}, nil
}

// fullName returns the full name of what may be the short one of a branch.
func fullName(name string) string {
	if name == "" || name == headName || strings.HasPrefix(name, "refs/") {
		return name
	}
	return branchPrefix + name
}

// Destination returns where the reference goes, false if the refspec is not about it.
func (s Refspec) Destination(ref string) (string, bool) {
	name := plumbing.ReferenceName(ref)
	if !s.spec.Match(name) {
		return "", false
	}
	return s.spec.Dst(name).String(), true
}
