// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package render turns a Kustomization into what is applied for it: its fields become options of the build, variables, labels and rules in
// this one place. kustomize-controller and the command line call the same functions, so that what the one shows is what the other applies.
//
// The order is [Options] for kustomize.Builder, [Read] for the variables, [Substitute], [Unstructured], and [Prepare] for the engine.
package render
