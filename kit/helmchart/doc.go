// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package helmchart reads and writes Helm charts: archives and directories of hostile origin become helm's chart type within limits, values
// files are merged, dependencies are completed, and a chart is packaged so that equal input gives equal bytes. It also knows how charts are
// listed: the entries of a repository index and the choice among versions.
//
// It owns the chart half of the Helm library; releases belong to helm-controller. Nothing here renders a template or talks to a network.
package helmchart
