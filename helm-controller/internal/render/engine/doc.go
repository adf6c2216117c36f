// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package engine executes the templates of a chart as Helm does, within limits.
//
// A chart belongs to somebody else, and Helm's own engine puts no bounds to it: a template that calls itself through tpl, or prints a map that
// holds itself, overflows the stack, and one that doubles a text forty times asks for a terabyte. Go ends the process for either, and with it the
// work on all other releases. Here functions are counted, what they take and make is measured before it is made, and nesting is bounded, so that
// such a chart fails like any other. Functions, objects and the words of errors are those of Helm 3; a test compares the two.
package engine
