// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package setters writes chosen images into the fields of YAML files that a comment marks:
//
//	image: ghcr.io/org/app:1.0.0 # {"$imagepolicy": "apps:web"}
//
// Only the bytes of the marked values change. The parser of YAML says where a value begins and which comment belongs to it; what is written is
// the file as it was with other bytes in these places, so that comments, quotes, indentation, line endings and everything that the parser does
// not keep stay as they are. Every result is parsed again and compared before anybody sees it.
//
// Files belong to somebody else: they are bounded in size, never executed and, when they are not YAML, left alone.
package setters
