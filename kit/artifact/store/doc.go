// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package store keeps the artifacts of source objects in a directory: it writes them atomically, checks
// them, removes what is no longer needed and knows the address under which they are served.
//
// Every object has a directory <kind>/<namespace>/<name> below the root, whose content is public: the
// artifact server hands it out. Beside them lies .state, which is private and holds what makes the next
// artifact cheaper (mirrors, indexes). Everything in .state may be lost at any time.
//
// All access goes through an os.Root: no name, whatever it contains, leads outside.
package store
