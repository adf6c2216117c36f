// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// versions compares semantic versions within a range; the highest wins.
type versions struct{ constraint *semver.Constraints }

func newVersions(constraint string) (matcher, error) {
	if strings.TrimSpace(constraint) == "" {
		return nil, fmt.Errorf("unable to parse semver range '%s': it is empty", constraint)
	}
	if len(constraint) > maxTextBytes {
		return nil, fmt.Errorf("unable to parse semver range: it is longer than %d bytes", maxTextBytes)
	}
	c, err := semver.NewConstraint(constraint)
	if err != nil {
		return nil, fmt.Errorf("unable to parse semver range '%s': %w", constraint, err)
	}
	return versions{constraint: c}, nil
}

// parse skips what has not three parts at least, which the library would fill up with zeros.
func (m versions) parse(text string) (any, bool, error) {
	if strings.Count(text, ".") < 2 {
		return nil, false, nil
	}
	v, err := semver.NewVersion(text)
	if err != nil || !m.constraint.Check(v) {
		return nil, false, nil //nolint:nilerr // what is no version takes no part
	}
	return v, true, nil
}

// better prefers, of equal versions, the text that comes later in the alphabet.
func (versions) better(a, b candidate) bool {
	va, okA := a.value.(*semver.Version)
	vb, okB := b.value.(*semver.Version)
	return okA && okB && cmp.Or(va.Compare(vb), cmp.Compare(a.text, b.text)) > 0
}

// letters compares bytes.
type letters struct{ descending bool }

func (letters) parse(string) (any, bool, error) { return nil, true, nil }

func (m letters) better(a, b candidate) bool {
	if m.descending {
		return a.text < b.text
	}
	return a.text > b.text
}

// numbers compares numeric values.
type numbers struct{ descending bool }

// number is a number as it is written. Only decimals have digits, so that 20-digit time stamps, which a float cannot tell apart, are compared
// digit by digit.
type number struct {
	float   float64
	decimal bool
	// negative, whole and part are those of a decimal, without zeros that count for nothing.
	negative    bool
	whole, part string
}

var decimalPattern = regexp.MustCompile(`^([+-]?)([0-9]*)(?:\.([0-9]*))?$`)

func (numbers) parse(text string) (any, bool, error) {
	float, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(float) {
		return nil, false, fmt.Errorf("%w '%s'", ErrNumber, text)
	}
	n := number{float: float}
	if m := decimalPattern.FindStringSubmatch(text); m != nil {
		n.decimal = true
		n.whole, n.part = strings.TrimLeft(m[2], "0"), strings.TrimRight(m[3], "0")
		n.negative = m[1] == "-" && n.whole+n.part != ""
	}
	return n, true, nil
}

// better prefers, of equal numbers, the text that comes earlier in the alphabet.
func (m numbers) better(a, b candidate) bool {
	na, okA := a.value.(number)
	nb, okB := b.value.(number)
	order := compare(na, nb)
	if m.descending {
		order = -order
	}
	return okA && okB && cmp.Or(order, cmp.Compare(b.text, a.text)) > 0
}

func compare(a, b number) int {
	switch {
	case !a.decimal || !b.decimal:
		return cmp.Compare(a.float, b.float)
	case a.negative != b.negative && a.negative:
		return -1
	case a.negative != b.negative:
		return 1
	}
	order := cmp.Or(cmp.Compare(len(a.whole), len(b.whole)), cmp.Compare(a.whole, b.whole), cmp.Compare(a.part, b.part))
	if a.negative {
		return -order
	}
	return order
}
