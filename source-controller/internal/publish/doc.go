// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package publish is what all kinds of sources have in common: what their reconcilers need and how they are registered, the files of an object
// (look whether the artifact that status names is still in storage, store another one, link it, keep notes about it, remove all), and what
// status and events tell of them. A kind adds what its upstream is like. The suite in publishtest is for every kind.
package publish
