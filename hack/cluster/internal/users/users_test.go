// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	cases := map[string]struct {
		reason string
		text   string
		want   User
		bad    bool
	}{
		"Groups":     {reason: "All that follows the uid is groups.", text: "t,ann,1,a,b", want: User{"t", "ann", "1", []string{"a", "b"}}},
		"NoGroups":   {reason: "Groups are optional.", text: "t,ann,1", want: User{"t", "ann", "1", []string{}}},
		"TooFew":     {reason: "The uid is not optional.", text: "t,ann", bad: true},
		"EmptyToken": {reason: "An empty token would let everybody in.", text: ",ann,1", bad: true},
		"EmptyGroup": {reason: "A trailing comma is a slip.", text: "t,ann,1,", bad: true},
		"Quote":      {reason: "The server's parser of the file knows no quotes inside fields.", text: `t,a"nn,1`, bad: true},
		"Newline":    {reason: "A second line would be a second user.", text: "t,ann,1\nu,eve,2", bad: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(tc.text)
			if (err != nil) != tc.bad {
				t.Fatalf("%s: error %v", tc.reason, err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: %s", tc.reason, diff)
			}
		})
	}
}

// FuzzParse holds that every user that is accepted survives the file through which the API server learns of it.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"t,ann,1,a,b", "t,ann,1", ",,", "t, ann ,1,#", "\ufeff,x,y", `t,a\b,1`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		user, err := Parse(text)
		if err != nil {
			return
		}
		data, err := Marshal([]User{user})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "users.csv")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]User{user}, got); diff != "" {
			t.Error(diff)
		}
	})
}
