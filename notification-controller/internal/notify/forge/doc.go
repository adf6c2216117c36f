// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package forge writes commit statuses to Git hosts, a file for each. What they have in common (the address of a repository, the commit that
// an event is about, the words of a status) is in files of its own.
package forge
