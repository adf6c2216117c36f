// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package process runs controllers inside the process of a test. What a controller otherwise finds in its environment (cluster and namespace)
// it is handed as values, so that tests with controllers of their own may run side by side.
//
// It is apart from testkit because it needs kit/manager, whose own parts are tested with testkit.
package process
