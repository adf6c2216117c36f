// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

// proveHarbor takes requests whose Authorization header is the token, without a scheme.
func proveHarbor(r request, token []byte) error {
	return equal(r.header.Get("Authorization"), token)
}
