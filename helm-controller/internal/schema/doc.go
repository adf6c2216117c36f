// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package schema checks values against the values.schema.json of a chart and of the charts in it, with the validator of Helm and in its words. What
// is different is where a schema may refer to: never to files, which are those of the process and not of the chart, and to URLs within bounds.
package schema
