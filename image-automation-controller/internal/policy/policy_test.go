// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/image-automation-controller/internal/policy"
)

func version(constraint string) imagev1.ImagePolicyChoice {
	return imagev1.ImagePolicyChoice{SemVer: &imagev1.SemVerPolicy{Range: constraint}}
}

func alphabet(order string) imagev1.ImagePolicyChoice {
	return imagev1.ImagePolicyChoice{Alphabetical: &imagev1.AlphabeticalPolicy{Order: order}}
}

func numeric(order string) imagev1.ImagePolicyChoice {
	return imagev1.ImagePolicyChoice{Numerical: &imagev1.NumericalPolicy{Order: order}}
}

func filter(pattern, extract string) *imagev1.TagFilter {
	return &imagev1.TagFilter{Pattern: pattern, Extract: extract}
}

// stored is how the store yields tags: in descending byte order.
func stored(tags string) []string {
	list := strings.Fields(tags)
	slices.Sort(list)
	slices.Reverse(list)
	return list
}

// The vectors of the contract, and what else its rules say. Flux: image-automation-controller contract, "Selection" (both tables).
func TestSelect(t *testing.T) {
	cases := map[string]struct {
		reason string
		tags   string
		choice imagev1.ImagePolicyChoice
		filter *imagev1.TagFilter
		want   string
		err    error
	}{
		"Patch":             {"What has more or other than three parts takes no part.", "1.0.0 1.0.1 1.2.0 0.1.0 1.0.0.1 1.0.0p", version("1.0.x"), nil, "1.0.1", nil},
		"V":                 {"A v in front is fine.", "v1.2.3 v1.0.0 v0.1.0", version("1.0.x"), nil, "v1.0.0", nil},
		"NoVersions":        {"Nothing that is a version.", "b1.2.3 b1.0.0", version("1.0.x"), nil, "", policy.ErrNoVersion},
		"NotInRange":        {"Nothing in the range.", "1.2.3", version("2.x"), nil, "", policy.ErrNoVersion},
		"PreRelease":        {"Pre-releases count when the range names one.", "1.0.0-rc.1 0.9.0", version(">=0.1.0-0"), nil, "1.0.0-rc.1", nil},
		"NoPreRelease":      {"And else they do not.", "1.0.0-rc.1 0.9.0", version(">=0.1.0"), nil, "0.9.0", nil},
		"CaretPreRelease":   {"Another form of the same.", "1.1.0-rc.1 1.0.0", version("^1.x-0"), nil, "1.1.0-rc.1", nil},
		"SemverTie":         {"Of equal versions the last of the alphabet.", "v1.0.0 1.0.0", version("1.x"), nil, "v1.0.0", nil},
		"SemverTieFilter":   {"Also with a filter.", "v1.0.0 1.0.0", version("1.x"), filter(".*", "$0"), "v1.0.0", nil},
		"TwoParts":          {"Two parts are no version.", "1.0 latest 0.1.0", version(">=0.0.0"), nil, "0.1.0", nil},
		"LeadingZeros":      {"Leading zeros are forgiven.", "2024.01.09 2024.01.10", version(">=2024.0.0"), nil, "2024.01.10", nil},
		"AlphaAsc":          {"The last of the alphabet.", "xenial yakkety zesty", alphabet("asc"), nil, "zesty", nil},
		"AlphaDesc":         {"The first.", "xenial yakkety zesty", alphabet("desc"), nil, "xenial", nil},
		"AlphaDefault":      {"Ascending by default.", "xenial zesty", alphabet(""), nil, "zesty", nil},
		"AlphaUpper":        {"An order in upper case, as older objects have it.", "xenial zesty", alphabet("DESC"), nil, "xenial", nil},
		"AlphaNumbers":      {"Numbers as letters.", "2 10 9", alphabet("asc"), nil, "9", nil},
		"AlphaCase":         {"No folding of cases.", "a B", alphabet("asc"), nil, "a", nil},
		"NumAsc":            {"Numbers as numbers.", "2 10 9", numeric("asc"), nil, "10", nil},
		"NumDesc":           {"The lowest.", "2 10 9", numeric("desc"), nil, "2", nil},
		"NumNegative":       {"Below zero.", "-1 -3 1.5", numeric("desc"), nil, "-3", nil},
		"NumNegativeAsc":    {"Highest of those below zero.", "-10 -9.5 -9.25", numeric("asc"), nil, "-9.25", nil},
		"NumBad":            {"One that is no number fails all.", "1 b", numeric("asc"), nil, "", policy.ErrNumber},
		"NumNaN":            {"NaN is none.", "1 nan", numeric("asc"), nil, "", policy.ErrNumber},
		"NumHex":            {"Nor is a hexadecimal integer.", "1 0x10", numeric("asc"), nil, "", policy.ErrNumber},
		"NumBinary":         {"Nor a binary one.", "1 0b1", numeric("asc"), nil, "", policy.ErrNumber},
		"NumForms":          {"Forms of floats.", "1e5 0x1p4 5. 7", numeric("asc"), nil, "1e5", nil},
		"NumUnderscore":     {"Digits in groups.", "9 1_0", numeric("asc"), nil, "1_0", nil},
		"NumInf":            {"Infinity is the highest.", "1e5 inf", numeric("asc"), nil, "inf", nil},
		"NumTie":            {"Of equal numbers the first of the alphabet.", "1 01 1.0", numeric("asc"), nil, "01", nil},
		"NumTieDesc":        {"In either direction.", "1 01 1.0", numeric("desc"), nil, "01", nil},
		"NumZero":           {"A zero has no sign.", "-0 0 -1", numeric("asc"), nil, "-0", nil},
		"NumBig":            {"More digits than a float has.", "20240101120000000001 20240101120000000002", numeric("asc"), nil, "20240101120000000002", nil},
		"NumBigDesc":        {"In the other direction.", "20240101120000000001 20240101120000000002", numeric("desc"), nil, "20240101120000000001", nil},
		"NumTooBig":         {"More than a float can be.", "1 1e999", numeric("asc"), nil, "", policy.ErrNumber},
		"NumEmpty":          {"Nothing is no number.", "a-1 a-", numeric("asc"), filter("^a-(.*)$", "$1"), "", policy.ErrNumber},
		"Extract":           {"A part by name.", "main-abc-100 main-def-99", numeric("asc"), filter(`^main-[a-f0-9]+-(?P<ts>[0-9]+)`, "$ts"), "main-abc-100", nil},
		"ExtractVersion":    {"A version in a tag.", "1.0.0-alpine 1.1.0-alpine 2.0.0", version("1.x"), filter(`^(?P<v>.*)-alpine$`, "$v"), "1.1.0-alpine", nil},
		"Pattern":           {"A pattern alone.", "1.0.0 1.1.0 1.2.0-x", version(">=1.0.0-0"), filter(`^[0-9.]+$`, ""), "1.1.0", nil},
		"PatternAnywhere":   {"It matches anywhere.", "a-x b c", alphabet("asc"), filter("x", ""), "a-x", nil},
		"PatternEmpty":      {"An empty one matches all.", "a b", alphabet("asc"), filter("", ""), "b", nil},
		"NoneMatch":         {"None left.", "1.0.0", version("1.x"), filter("^x$", ""), "", policy.ErrNoTags},
		"NoTags":            {"None at all.", "", alphabet("asc"), nil, "", policy.ErrNoTags},
		"Collision":         {"Of two tags with one text the later one.", "a-1 b-1", numeric("asc"), filter("-([0-9]+)$", "$1"), "a-1", nil},
		"UnknownGroup":      {"An unknown group is empty: all collapse.", "a-1 b-2", alphabet("asc"), filter("[0-9]", "$9"), "a-1", nil},
		"UnknownGroupNum":   {"Which is no number.", "a-1 b-2", numeric("asc"), filter("[0-9]", "$9"), "", policy.ErrNumber},
		"GroupNamedByDigit": {"$1x is the group named 1x.", "a1 b2", alphabet("asc"), filter("([a-z])", "${1}x"), "b2", nil},
		"Dollar":            {"A dollar of its own.", "a b", alphabet("asc"), filter("^(.)$", "$$$1"), "b", nil},
		"Precedence": {"The first way to choose counts.", "1.0.0 1.1.0 z", imagev1.ImagePolicyChoice{
			SemVer: &imagev1.SemVerPolicy{Range: "1.0.x"}, Alphabetical: &imagev1.AlphabeticalPolicy{}, Numerical: &imagev1.NumericalPolicy{},
		}, nil, "1.0.0", nil},
		"PrecedenceAlpha": {"Then the second.", "1 b", imagev1.ImagePolicyChoice{
			Alphabetical: &imagev1.AlphabeticalPolicy{}, Numerical: &imagev1.NumericalPolicy{},
		}, nil, "b", nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := policy.New(tc.choice, tc.filter)
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.Select(t.Context(), slices.Values(stored(tc.tags)))
			if got != tc.want || !errors.Is(err, tc.err) {
				t.Errorf("%s\ngot %q (%v), want %q (%v)", tc.reason, got, err, tc.want, tc.err)
			}
		})
	}
}

func TestInvalid(t *testing.T) {
	cases := map[string]struct {
		reason string
		choice imagev1.ImagePolicyChoice
		filter *imagev1.TagFilter
		want   string
	}{
		"None":        {"No way to choose.", imagev1.ImagePolicyChoice{}, nil, "invalid policy: given ImagePolicyChoice object is invalid"},
		"Letter":      {"A range that is none.", version("1.0.0p"), nil, "invalid policy: "},
		"LetterX":     {"A range that is none.", version("1x"), nil, "invalid policy: "},
		"XDigit":      {"A range that is none.", version("x1"), nil, "invalid policy: "},
		"Negative":    {"A range that is none.", version("-1"), nil, "invalid policy: "},
		"Word":        {"A range that is none.", version("a"), nil, "invalid policy: "},
		"Empty":       {"An empty range.", version(""), nil, "invalid policy: "},
		"Stars":       {"A range that is none.", version("*-*"), nil, "invalid policy: "},
		"Order":       {"An order that is none.", alphabet("up"), nil, "invalid policy: "},
		"OrderNumber": {"The same for numbers.", numeric("up"), nil, "invalid policy: "},
		"RangeLong":   {"A range nobody would write.", version(strings.Repeat("1.x || ", 1000) + "2.x"), nil, "invalid policy: unable to parse semver range: it is longer"},
		"PatternLong": {"Nor a pattern of which every tag keeps a core busy.", alphabet("asc"), filter(strings.Repeat("(a|b){1000}", 100), ""), "failed to filter tags: "},
		"ExtractLong": {"Or what would make much of little.", alphabet("asc"), filter("(.*)", strings.Repeat("$1", 4000)), "failed to filter tags: what to extract"},
		"Pattern":     {"A pattern that does not compile.", alphabet("asc"), filter("(", ""), "failed to filter tags: invalid regular expression pattern '(': "},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := policy.New(tc.choice, tc.filter); err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("%s\ngot %v, want %s…", tc.reason, err, tc.want)
			}
		})
	}
}

// However many tags there are, a choice ends when its time does.
func TestSelectEnds(t *testing.T) {
	late := errors.New("late")
	for name, choice := range map[string]imagev1.ImagePolicyChoice{"Versions": version(">=9"), "Letters": alphabet("asc"), "Numbers": numeric("asc")} {
		t.Run(name, func(t *testing.T) {
			p, err := policy.New(choice, filter("^[0-9.]+$", "$0"))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			endless := func(yield func(string) bool) {
				for i := 0; yield(strconv.Itoa(i)); i++ {
					if i == 1000 {
						cancel(late)
					}
				}
			}
			if got, err := p.Select(ctx, endless); !errors.Is(err, late) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func FuzzSelect(f *testing.F) {
	f.Add("1.0.0 2.0.0", ">=1.0.0", "", "", byte(0))
	f.Add("a-1 b-2", "", "^[a-z]-(?P<n>[0-9]+)$", "$n", byte(1))
	f.Add("1e5 -3 .5 0x1p4 inf", "", "", "", byte(2))
	f.Fuzz(func(t *testing.T, tags, constraint, pattern, extract string, kind byte) {
		choice := []imagev1.ImagePolicyChoice{version(constraint), alphabet("desc"), numeric("asc"), numeric("desc")}[kind%4]
		p, err := policy.New(choice, filter(pattern, extract))
		if err != nil {
			return
		}
		list := stored(tags)
		got, err := p.Select(t.Context(), slices.Values(list))
		if err == nil && !slices.Contains(list, got) {
			t.Fatalf("%q is none of %q", got, list)
		}
		again, err2 := p.Select(t.Context(), slices.Values(list))
		if again != got || (err == nil) != (err2 == nil) {
			t.Fatalf("chose %q and then %q", got, again)
		}
	})
}
