// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package version tells which version of Weir a binary is. It links nothing, so that every program can afford it.
package version

import (
	"cmp"
	"runtime/debug"
)

// version is set by the linker in release builds: -X github.com/weir-gitops/weir/kit/manager/version.version=v1.2.3.
var version string

// shortHash is how many characters of a commit hash are shown.
const shortHash = 12

// String returns the released version, else the commit that the binary was built from, else "devel".
func String() string {
	info, _ := debug.ReadBuildInfo()
	return describe(version, info)
}

func describe(released string, info *debug.BuildInfo) string {
	if released != "" || info == nil {
		return cmp.Or(released, "devel")
	}
	var revision, modified string
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value[:min(shortHash, len(s.Value))]
		case "vcs.modified":
			if s.Value == "true" {
				modified = "+dirty"
			}
		}
	}
	if revision == "" {
		return "devel"
	}
	return "devel-" + revision + modified
}
