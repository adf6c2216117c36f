// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package version

import (
	"runtime/debug"
	"testing"
)

func TestDescribe(t *testing.T) {
	const revision = "0123456789abcdef0123456789abcdef01234567"
	cases := map[string]struct {
		reason   string
		released string
		info     *debug.BuildInfo
		want     string
	}{
		"Released": {
			reason:   "The version that the linker set wins.",
			released: "v1.2.3",
			info:     settings("vcs.revision", revision),
			want:     "v1.2.3",
		},
		"Commit": {
			reason: "A development build names its commit.",
			info:   settings("vcs.revision", revision, "vcs.modified", "false"),
			want:   "devel-0123456789ab",
		},
		"Dirty": {
			reason: "A development build says when files were changed after the commit.",
			info:   settings("vcs.revision", revision, "vcs.modified", "true"),
			want:   "devel-0123456789ab+dirty",
		},
		"Unknown": {
			reason: "A build outside a repository still has a name.",
			info:   settings(),
			want:   "devel",
		},
		"NoInfo": {
			reason: "A binary without build information still has a name.",
			want:   "devel",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := describe(tc.released, tc.info); got != tc.want {
				t.Errorf("%s\ndescribe() = %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
	if String() == "" {
		t.Error("String() is empty")
	}
}

func settings(kv ...string) *debug.BuildInfo {
	info := &debug.BuildInfo{}
	for i := 0; i+1 < len(kv); i += 2 {
		info.Settings = append(info.Settings, debug.BuildSetting{Key: kv[i], Value: kv[i+1]})
	}
	return info
}
