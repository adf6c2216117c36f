// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package pattern_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/weir-gitops/weir/image-automation-controller/internal/pattern"
)

func TestCompile(t *testing.T) {
	cases := map[string]struct {
		reason, text string
		ok           bool
		large        bool
	}{
		"Usual":      {"What people write.", `^main-[a-f0-9]+-(?P<ts>[0-9]+)$`, true, false},
		"Empty":      {"Nothing matches everything.", ``, true, false},
		"Classes":    {"Large classes are small programs.", `^\pL+[^\pL]*$`, true, false},
		"Repeated":   {"Some repetition is fine.", `^(?:[a-z0-9]{1,63}\.){1,8}[a-z]{2,63}$`, true, false},
		"Malformed":  {"What is no expression.", `(`, false, false},
		"Long":       {"A long text.", strings.Repeat("a|", 4<<10), false, true},
		"Multiplied": {"Repetitions in a row.", strings.Repeat(`[ab]{1000}`, 2), false, true},
		"Nested":     {"The library refuses those within each other.", `((a{100}){100}){100}`, false, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := pattern.Compile(tc.text)
			if (err == nil) != tc.ok || errors.Is(err, pattern.ErrTooLarge) != tc.large || tc.ok && got.String() != tc.text {
				t.Errorf("%s\ngot %v, %v", tc.reason, got, err)
			}
			if err != nil && len(err.Error()) > 100 {
				t.Errorf("%s\n%v", tc.reason, err)
			}
		})
	}
}

// FuzzCompile holds that what is compiled is what the library compiles, and ends soon.
func FuzzCompile(f *testing.F) {
	f.Add(`^v(?P<x>[0-9]+)`, "v1")
	f.Add(`(x{50}){20}|\pL*`, "xx")
	f.Fuzz(func(t *testing.T, text, tag string) {
		got, err := pattern.Compile(text)
		if err != nil {
			return
		}
		if want := regexp.MustCompile(text).MatchString(tag); got.MatchString(tag) != want {
			t.Errorf("%q matches %q: %t", text, tag, !want)
		}
	})
}
