// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package helmrelease

import (
	"strings"
	"testing"
)

const hexDigest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// TestCompleteVersion holds the table of the contract, section 11.3.
func TestCompleteVersion(t *testing.T) {
	cases := map[string]struct {
		reason   string
		version  string
		revision string
		want     string
		digest   string
		fault    string
	}{
		"Tag":           {reason: "A tag that names the version is fine.", version: "6.6.0", revision: "6.6.0@sha256:" + hexDigest, want: "6.6.0+0123456789ab", digest: "sha256:" + hexDigest},
		"TagPrefix":     {reason: "A leading v does not matter, and goes.", version: "v6.6.0", revision: "v6.6.0@sha256:" + hexDigest, want: "6.6.0+0123456789ab", digest: "sha256:" + hexDigest},
		"TagUnderscore": {reason: "An underscore in a tag is a plus sign; build metadata is not compared, and replaced.", version: "6.6.0+b", revision: "6.6.0_a@sha256:" + hexDigest, want: "6.6.0+0123456789ab", digest: "sha256:" + hexDigest},
		"PreRelease":    {reason: "A pre-release stays.", version: "6.6.0-rc.1", revision: "6.6.0-rc.1@sha256:" + hexDigest, want: "6.6.0-rc.1+0123456789ab", digest: "sha256:" + hexDigest},
		"Digest":        {reason: "A digest alone will do.", version: "6.6.0", revision: "sha256:" + hexDigest, want: "6.6.0+0123456789ab", digest: "sha256:" + hexDigest},
		"OtherTag":      {reason: "A tag that is no version is not compared. Quirk Q11: only the digest is recorded.", version: "6.6.0", revision: "latest@sha256:" + hexDigest, want: "6.6.0+0123456789ab", digest: "sha256:" + hexDigest},
		"Mismatch":      {reason: "Section 19: a tag that names another version is refused.", version: "6.6.0", revision: "6.6.1@sha256:" + hexDigest, fault: "artifact revision 6.6.1 does not match chart version 6.6.0"},
		"Short":         {reason: "A digest that is too short is refused.", version: "6.6.0", revision: "6.6.0@sha256:0123456789a", fault: "invalid artifact revision 6.6.0@sha256:0123456789a"},
		"Malformed":     {reason: "So is one that is not hexadecimal.", version: "6.6.0", revision: "6.6.0@sha256:zzzzzzzzzzzzzzzz", fault: "invalid artifact revision"},
		"NoDigest":      {reason: "So is a revision without.", version: "6.6.0", revision: "6.6.0", fault: "invalid artifact revision"},
		"NoVersion":     {reason: "A chart without a semantic version is refused.", version: "six", revision: "sha256:" + hexDigest, fault: "invalid chart version six"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			version, digest, err := completeVersion(tc.version, tc.revision)
			if tc.fault != "" {
				if err == nil || !strings.HasPrefix(err.Error(), tc.fault) {
					t.Fatalf("%s\ngot %v, want %s", tc.reason, err, tc.fault)
				}
				return
			}
			if err != nil || version != tc.want || digest != tc.digest {
				t.Errorf("%s\ngot %q, %q, %v", tc.reason, version, digest, err)
			}
		})
	}
}

func FuzzCompleteVersion(f *testing.F) {
	f.Add("6.6.0", "6.6.0@sha256:"+hexDigest)
	f.Add("v1", "latest@sha256:"+hexDigest)
	f.Add("", "@:")
	f.Fuzz(func(t *testing.T, version, revision string) {
		complete, digest, err := completeVersion(version, revision)
		if err != nil {
			return
		}
		if !strings.HasSuffix(revision, digest) || !strings.Contains(complete, "+") {
			t.Errorf("completeVersion(%q, %q) = %q, %q", version, revision, complete, digest)
		}
		if again, _, err := completeVersion(complete, digest); err != nil || again != complete {
			t.Errorf("a complete version has to stay: %q became %q, %v", complete, again, err)
		}
	})
}
