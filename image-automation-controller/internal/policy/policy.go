// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"regexp"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/image-automation-controller/internal/pattern"
)

var (
	// ErrChoice says that no way to choose is given.
	ErrChoice = errors.New("given ImagePolicyChoice object is invalid")
	// ErrNoTags says that no tag takes part.
	ErrNoTags = errors.New("version list argument cannot be empty")
	// ErrNoVersion says that no tag is a version within the range.
	ErrNoVersion = errors.New("unable to determine latest version from provided list")
	// ErrNumber says that what is to be compared as a number is none.
	ErrNumber = errors.New("failed to parse invalid numeric value")
)

// maxTextBytes bounds what is extracted of a tag. A template that repeats a group often would make much of little.
const maxTextBytes = 4096

// Policy chooses. It can be used any number of times, also at the same time.
type Policy struct {
	pattern *regexp.Regexp // nil: all tags take part
	extract string         // empty: the whole tag is compared
	match   matcher
}

// matcher says which of the texts that take part can win, and which of two wins.
type matcher interface {
	// parse reads a text. ok is false for one that cannot win; an error ends the choice.
	parse(text string) (value any, ok bool, err error)
	// better reports whether a wins over b.
	better(a, b candidate) bool
}

// candidate is a tag that takes part.
type candidate struct {
	tag string
	// text is what of it is compared.
	text  string
	value any
}

// New reads a policy. Every error is one of the object, which trying again does not cure.
func New(choice imagev1.ImagePolicyChoice, filter *imagev1.TagFilter) (*Policy, error) {
	p := &Policy{}
	var err error
	if p.match, err = newMatcher(choice); err != nil {
		return nil, fmt.Errorf("invalid policy: %w", err)
	}
	if filter == nil {
		return p, nil
	}
	if p.extract = filter.Extract; len(p.extract) > maxTextBytes {
		return nil, fmt.Errorf("failed to filter tags: what to extract takes more than %d bytes to tell", maxTextBytes)
	}
	if filter.Pattern == "" && filter.Extract == "" {
		return p, nil
	}
	if p.pattern, err = pattern.Compile(filter.Pattern); err != nil {
		return nil, fmt.Errorf("failed to filter tags: invalid regular expression pattern '%s': %w", filter.Pattern, err)
	}
	return p, nil
}

// newMatcher takes the first way to choose that is given.
func newMatcher(choice imagev1.ImagePolicyChoice) (matcher, error) {
	switch {
	case choice.SemVer != nil:
		return newVersions(choice.SemVer.Range)
	case choice.Alphabetical != nil:
		descending, err := descends(choice.Alphabetical.Order)
		return letters{descending: descending}, err
	case choice.Numerical != nil:
		descending, err := descends(choice.Numerical.Order)
		return numbers{descending: descending}, err
	}
	return nil, ErrChoice
}

// descends reads an order. The schema admits lower case only, older objects have others.
func descends(order string) (bool, error) {
	switch order {
	case imagev1.OrderDesc, "DESC":
		return true, nil
	case "", imagev1.OrderAsc, "ASC":
		return false, nil
	}
	return false, fmt.Errorf("invalid order argument provided: '%s', must be one of: asc, desc", order)
}

// Select chooses one of the tags, which come in descending byte order. It ends with the cause of ctx when that ends: patterns and ranges belong to
// somebody else, and tags may be many.
func (p *Policy) Select(ctx context.Context, tags iter.Seq[string]) (string, error) {
	var best candidate
	found, seen := false, false
	for tag := range tags {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		text, ok, err := p.text(tag)
		if err != nil {
			return "", err
		}
		if !ok {
			continue
		}
		seen = true
		if found && text == best.text {
			best.tag = tag // of two with the same text the later one counts
			continue
		}
		value, ok, err := p.match.parse(text)
		if err != nil {
			return "", err
		}
		if c := (candidate{tag: tag, text: text, value: value}); ok && (!found || p.match.better(c, best)) {
			best, found = c, true
		}
	}
	switch {
	case !seen:
		return "", ErrNoTags
	case !found:
		return "", ErrNoVersion
	}
	return best.tag, nil
}

// text returns what of a tag is compared, and whether the tag takes part.
func (p *Policy) text(tag string) (string, bool, error) {
	if p.pattern == nil {
		return tag, true, nil
	}
	if p.extract == "" {
		return tag, p.pattern.MatchString(tag), nil
	}
	at := p.pattern.FindStringSubmatchIndex(tag)
	if at == nil {
		return "", false, nil
	}
	text := p.pattern.ExpandString(nil, p.extract, tag, at)
	if len(text) > maxTextBytes {
		return "", false, fmt.Errorf("failed to filter tags: what is extracted of '%s' is longer than %d bytes", tag, maxTextBytes)
	}
	return string(text), true, nil
}
