// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package oci reads registries: which manifest a tag names, which tags there are, and the layers of an artifact. It is the one owner of
// go-containerregistry, of which it takes names, manifests and the exchange of credentials; the requests are its own, so that each has a limit.
//
// A Client keeps transports, one for each pair of TLS settings and proxy, and logins: a repository that is opened again with the same
// credentials goes on with the token it has, so that a look at a tag that did not move is a single HEAD request.
//
// What comes from a registry is somebody else's: sizes and counts are limited, digests checked while reading, redirects kept from private
// addresses, and credentials sent to the host they are for and nowhere else. Errors repeat no credential, query or local port.
package oci
