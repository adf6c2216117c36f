// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSymbolPackage(t *testing.T) {
	cases := map[string]struct {
		reason string
		symbol string
		want   string
	}{
		"Function":  {"A function's package ends at the dot.", "net/http.Get", "net/http"},
		"Method":    {"The receiver is not part of the path.", "k8s.io/api/core/v1.(*Pod).Reset", "k8s.io/api/core/v1"},
		"DotInLast": {"The linker escapes dots of the last element.", "gopkg.in/inf%2ev0.(*Dec).Add", "gopkg.in/inf.v0"},
		"Generic":   {"Type arguments carry paths of their own.", "slices.SortFunc[go.shape.*a.com/b.T]", "slices"},
		"NoPackage": {"Symbols of the linker belong to no package.", "type:*", "type:*"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := symbolPackage(tc.symbol); got != tc.want {
				t.Errorf("%s\nsymbolPackage(%q) = %q, want %q", tc.reason, tc.symbol, got, tc.want)
			}
		})
	}
}

func TestModuleSizes(t *testing.T) {
	pkgs := packages{byPath: map[string]goPackage{"net/http": {ImportPath: "net/http"}}}
	sizes, rest := moduleSizes([]symbol{{"net/http.Get", 10}, {"net/http.page", 5}, {"type:*", 7}}, pkgs)
	if diff := cmp.Diff(map[string]int64{standard: 15}, sizes); diff != "" {
		t.Errorf("symbols count for the module of their package\n%s", diff)
	}
	if rest != 7 {
		t.Errorf("not attributed: %d, want 7", rest)
	}
}

func TestChain(t *testing.T) {
	type module = struct{ Path string }
	pkgs := packages{main: ours + "app", byPath: map[string]goPackage{
		ours + "app":    {ImportPath: ours + "app", Imports: []string{ours + "kit/a", "x.io/far"}, Module: &module{ours + "app"}},
		ours + "kit/a":  {ImportPath: ours + "kit/a", Imports: []string{"y.io/big/one"}, Module: &module{ours + "kit"}},
		"x.io/far":      {ImportPath: "x.io/far", Module: &module{"x.io"}},
		"y.io/big/one":  {ImportPath: "y.io/big/one", Imports: []string{"y.io/big/two"}, Module: &module{"y.io/big"}},
		"y.io/big/two":  {ImportPath: "y.io/big/two", Imports: []string{"z.io/end/deep"}, Module: &module{"y.io/big"}},
		"z.io/end/deep": {ImportPath: "z.io/end/deep", Module: &module{"z.io/end"}},
	}}
	if got, want := chain(pkgs, "z.io/end"), "kit/a > y.io/big/one > z.io/end/deep"; got != want {
		t.Errorf("One package for each module on the way.\ngot  %s\nwant %s", got, want)
	}
	if got := chain(pkgs, "not.linked"); got != "" {
		t.Errorf("A module that is not linked has no way in, got %q", got)
	}
}
