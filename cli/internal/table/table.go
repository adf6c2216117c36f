// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package table prints rows the way scripts that cut columns expect: upper-case headers, cells padded with blanks, one TAB after each.
package table

import (
	"io"

	"github.com/olekukonko/tablewriter"
)

// Print writes rows below a header; without a header only the rows.
func Print(out io.Writer, header []string, rows [][]string) {
	t := tablewriter.NewWriter(out)
	t.SetHeader(header)
	t.SetAutoWrapText(false)
	t.SetAutoFormatHeaders(true)
	t.SetHeaderAlignment(tablewriter.ALIGN_LEFT)
	t.SetAlignment(tablewriter.ALIGN_LEFT)
	t.SetCenterSeparator("")
	t.SetColumnSeparator("")
	t.SetRowSeparator("")
	t.SetHeaderLine(false)
	t.SetBorder(false)
	t.SetTablePadding("\t")
	t.SetNoWhiteSpace(true)
	t.AppendBulk(rows)
	t.Render()
}
