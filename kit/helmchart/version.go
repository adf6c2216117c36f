// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmchart

import (
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// anyVersion is the constraint of whoever has none: the newest stable version.
const anyVersion = "*"

// WithBuildMetadata returns the version with that build metadata in place of its own. A leading v is dropped. The error is ErrVersion.
func WithBuildMetadata(version, metadata string) (string, error) {
	parsed, err := semver.NewVersion(version)
	if err != nil {
		return "", fmt.Errorf("%w %q: %w", ErrVersion, version, err)
	}
	marked, err := parsed.SetMetadata(metadata)
	if err != nil {
		return "", fmt.Errorf("%w: build metadata %q: %w", ErrVersion, metadata, err)
	}
	return marked.String(), nil
}

// IsVersion reports whether text is one version rather than a range: three numbers, perhaps with a leading v.
func IsVersion(text string) bool {
	_, err := parseVersion(text)
	return err == nil
}

// parseVersion reads a version of exactly three numbers. Flux: source-controller contract, "Version selection and metadata".
func parseVersion(text string) (*semver.Version, error) {
	return semver.StrictNewVersion(strings.TrimPrefix(text, "v"))
}

// Order is the place of a version among others.
type Order struct{ parsed *semver.Version }

// OrderOf returns the place of a version; what is no version comes before all others.
func OrderOf(version string) Order {
	parsed, err := semver.NewVersion(version)
	if err != nil {
		return Order{}
	}
	return Order{parsed: parsed}
}

// Compare is negative if o comes before p, that is, if it is older.
func (o Order) Compare(p Order) int {
	switch {
	case o.parsed == nil && p.parsed == nil:
		return 0
	case o.parsed == nil:
		return -1
	case p.parsed == nil:
		return 1
	}
	return o.parsed.Compare(p.parsed)
}

// Constraint says which versions of a chart are wanted.
type Constraint struct {
	parsed *semver.Constraints
}

// ParseConstraint reads a constraint; an empty one takes every stable version. The error is ErrVersion.
func ParseConstraint(text string) (Constraint, error) {
	wanted := text
	if wanted == "" {
		wanted = anyVersion
	}
	parsed, err := semver.NewConstraint(wanted)
	if err != nil {
		return Constraint{}, fmt.Errorf("%w: constraint %q: %w", ErrVersion, text, err)
	}
	return Constraint{parsed: parsed}, nil
}

// Allows reports whether the version satisfies the constraint. Pre-releases do only if the constraint names one.
func (c Constraint) Allows(version string) bool {
	parsed, err := parseVersion(version)
	return err == nil && c.parsed.Check(parsed)
}

// covers is Allows for the version of a chart that is named by its path, where two numbers are enough.
func (c Constraint) covers(version string) bool {
	parsed, err := semver.NewVersion(version)
	return err == nil && c.parsed.Check(parsed)
}
