// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/weir-gitops/weir/hack/bench/internal/result"
)

// maxKinds is how many kinds of requests of an identity the text lists.
const maxKinds = 12

// Text writes the scenario for a terminal.
func Text(to io.Writer, s result.Scenario) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n%s\n\n", strings.ToUpper(s.Name), setting(s))
	took := controllers(s.Steps)
	rows := [][]string{columns(took)}
	for _, step := range s.Steps {
		rows = append(rows, cells(step, took))
	}
	align(&b, rows)
	for _, step := range s.Steps {
		if step.Missed != "" {
			fmt.Fprintf(&b, "\n%s: %s\n", step.Name, step.Missed)
		}
	}
	b.WriteString("\nFigures\n")
	rows = nil
	for _, o := range s.Figures {
		rows = append(rows, []string{
			o.Work, o.Name, measured(o), "must " + withUnit(o.Must, o.Unit), "target system " + o.Target, verdict(o),
		})
	}
	align(&b, rows)
	b.WriteString("\nRequests by identity, verb and resource\n")
	rows = nil
	for _, step := range s.Steps {
		if step.Name != result.WholeRun { // the sum of the others
			rows = append(rows, requestRows(step)...)
		}
	}
	align(&b, rows)
	_, err := io.WriteString(to, b.String())
	return err
}

// requestRows lists the most frequent requests of a step.
func requestRows(step result.Step) [][]string {
	var rows [][]string
	listed := map[string]int{}
	for _, c := range step.Requests {
		listed[c.User]++
		if listed[c.User] <= maxKinds {
			rows = append(rows, []string{step.Name, identity(c.User), count(c.Requests), c.Verb, c.Resource})
		}
	}
	return rows
}

// align writes rows with their columns below each other.
func align(to io.Writer, rows [][]string) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, "  "+strings.Join(row, "\t"))
	}
	_ = w.Flush() // to is a string builder, which takes everything
}

// JSON writes the scenarios for programs.
func JSON(to io.Writer, scenarios []result.Scenario) error {
	encoder := json.NewEncoder(to)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(map[string]any{"version": 1, "scenarios": scenarios}); err != nil {
		return fmt.Errorf("write results as JSON: %w", err)
	}
	return nil
}
