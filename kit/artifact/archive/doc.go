// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package archive writes a tree of files as the tar.gz of the artifact protocol: the same tree under
// the same rules always yields the same bytes.
//
// The gzip file consists of many members. Consecutive entries form a group, each group is one member,
// and where a group ends depends on the paths and sizes of its entries only. A member is a pure function
// of its entries, so the compressed bytes of a group that did not change are taken from the previous
// archive instead of being produced again; the result is the same to the byte either way. What makes
// that possible is the Index, a by-product of Write that the caller keeps next to the archive. An index
// is a cache: without one, everything is compressed again.
package archive
