// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package tags keeps the tags that scans found, one set for each ImageRepository, in files.
//
// A set is a text with a tag in each line, in descending byte order, without duplicates; from a certain size on it is compressed. Files are
// replaced as a whole, so that a process that is killed leaves the old set or the new one. The store is a cache: a set that is lost, or is not
// what was written, is as good as none and costs one scan.
//
// In memory there are a checksum and a count for each set, nothing of the sets themselves.
//
// Layout below the directory: imagerepository/<namespace>/<name>/tags.txt or tags.txt.gz, and .storage-version. Files of another layout are
// removed at first use. Flux: image-automation-controller contract, "Scan and tag store".
package tags
