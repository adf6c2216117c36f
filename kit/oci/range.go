// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// Range is a version constraint over tags.
type Range struct {
	// SemVer is the constraint, in the grammar of Masterminds.
	SemVer string
	// Filter is a regular expression that a tag has to match before it is read as a version; empty takes all.
	Filter string
	// Chart says that tags name charts: their "_" stands for the "+" of build metadata, which no tag can hold.
	Chart bool
}

// matcher finds the highest of the tags it is shown.
type matcher struct {
	Range
	constraint *semver.Constraints
	filter     *regexp.Regexp
	top        *semver.Version
	tag        string
}

func (g Range) matcher() (*matcher, error) {
	m := &matcher{Range: g}
	var err error
	if m.constraint, err = semver.NewConstraint(g.SemVer); err != nil {
		return nil, fmt.Errorf("%w: version constraint '%s': %w", ErrReference, g.SemVer, err)
	}
	if m.filter, err = regexp.Compile(g.Filter); err != nil {
		return nil, fmt.Errorf("%w: filter: %w", ErrReference, err)
	}
	return m, nil
}

// show lets the matcher see a tag. Of tags with equal precedence, which differ in build metadata or the letter v, the alphabetically last wins,
// whatever the order.
func (m *matcher) show(tag string) {
	if !m.filter.MatchString(tag) {
		return
	}
	text := strings.TrimPrefix(tag, "v")
	if m.Chart {
		text = strings.ReplaceAll(text, "_", "+")
	}
	v, err := semver.StrictNewVersion(text)
	if err != nil || !m.constraint.Check(v) {
		return
	}
	if m.top == nil || cmp.Or(v.Compare(m.top), cmp.Compare(tag, m.tag)) > 0 {
		m.top, m.tag = v, tag
	}
}

// result is the highest tag.
func (m *matcher) result() (string, error) {
	if m.tag == "" {
		return "", fmt.Errorf("%w the version constraint '%s'", ErrNoMatch, m.SemVer)
	}
	return m.tag, nil
}

// Select returns the highest of the tags that satisfies the constraint, as it is in the registry. The error is ErrReference or ErrNoMatch.
func (g Range) Select(tags []string) (string, error) {
	m, err := g.matcher()
	if err != nil {
		return "", err
	}
	for _, tag := range tags {
		m.show(tag)
	}
	return m.result()
}

// SelectTag lists the tags and returns the highest that satisfies the constraint, as it is in the registry.
func (r *Repository) SelectTag(ctx context.Context, g Range) (string, error) {
	m, err := g.matcher()
	if err != nil {
		return "", err
	}
	for page, err := range r.Tags(ctx, Listing{}) {
		if err != nil {
			return "", err
		}
		for _, tag := range page {
			m.show(tag)
		}
	}
	return m.result()
}
