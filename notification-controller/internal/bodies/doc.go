// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package bodies reads the bodies of requests within a bound on what all of them take together: a sender that opens many connections costs no
// more memory than a few large bodies. Nearly all bodies are small and know nothing of each other; of the large ones only some are read at once.
package bodies
