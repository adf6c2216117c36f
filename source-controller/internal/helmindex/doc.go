// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package helmindex turns the index of a Helm repository, which may be as large as its owner likes, into two files in memory that does not
// grow with it: the index again, as normalised JSON, and a table in which the versions of one chart are found without reading the rest.
//
// A YAML index is cut into single versions by the indentation of its lines, and only these go through the YAML parser. That a cut is in the
// wrong place cannot go unnoticed: up to it the parser sees what it would see of the whole, so that whatever a cut goes through (a text in
// quotes, a list in brackets) is unfinished in the piece before it, which is an error. What cannot be cut is read as a whole if it is small,
// and refused otherwise. Versions in the usual layout do not even need the parser (kit/helmchart, plain.go), so that 50 MB cost about a second.
package helmindex
