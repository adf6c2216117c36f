// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Command image-automation-controller will scan registries, select tags and write them back to Git, as ImageRepository, ImagePolicy and
// ImageUpdateAutomation objects say. It comes in a later version of Weir. Until then the binary only says so.
package main
