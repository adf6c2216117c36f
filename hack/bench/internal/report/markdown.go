// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"strings"

	"github.com/weir-gitops/weir/hack/bench/internal/result"
)

// intro is the beginning of docs/benchmarks.md.
const intro = `# Benchmarks

Written by ` + "`hack/bench`" + `; run ` + "`make bench SCENARIO=fanout|chain|wait|monorepo|helm|push|image`" + ` to measure again. Each section says what it was
measured with; a run replaces only the sections of its scenarios.

The controllers run as processes with their default flags and under their own service accounts against a real control plane
(` + "`hack/cluster`" + `: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, and kwok for nodes and pods) on the same machine. Requests come from
the API server's audit log and are exact; dry-runs are counted apart. Times and CPU depend on the machine. CPU and requests are those of the
controllers that take part, up to the moment when none of them has asked anything for a second; the control plane's CPU is given for orientation. Memory is the
resident set; its peak is that of the step alone, and that of the whole life of the process in the row "whole run". "Target system" is what the
compatibility target needs for the same work on the 2-core development machine; it comes from the design and is not part of the run.
`

// Page returns the report with the sections of the given scenarios replaced and
// those of others kept. The old page may be empty.
func Page(old string, scenarios []result.Scenario) string {
	sections := map[string]string{}
	for _, name := range result.Scenarios() {
		if section, found := cut(old, name); found {
			sections[name] = section
		}
	}
	for _, s := range scenarios {
		sections[s.Name] = section(s)
	}
	var b strings.Builder
	b.WriteString(intro)
	for _, name := range result.Scenarios() {
		if text, found := sections[name]; found {
			fmt.Fprintf(&b, "\n%s\n%s%s\n", begin(name), text, end(name))
		}
	}
	return b.String()
}

func begin(name string) string { return "<!-- bench:" + name + " -->" }
func end(name string) string   { return "<!-- /bench:" + name + " -->" }

// cut finds what is between the marks of a scenario.
func cut(page, name string) (string, bool) {
	_, rest, found := strings.Cut(page, begin(name)+"\n")
	if !found {
		return "", false
	}
	text, _, found := strings.Cut(rest, end(name))
	return text, found
}

// section writes a scenario.
func section(s result.Scenario) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n%s\n\n", s.Name, setting(s))
	rows := [][]string{{"Work", "Figure", "Target system", "Must reach", "Aim", "Measured", ""}}
	work := ""
	for _, o := range s.Figures {
		first := o.Work
		if first == work {
			first = ""
		}
		work = o.Work
		rows = append(rows, []string{first, o.Name, orAbsent(o.Target), "≤ " + withUnit(o.Must, o.Unit), aim(o), measured(o), verdict(o)})
	}
	table(&b, rows)
	b.WriteString("\n### " + s.Name + ": steps\n\n")
	took := controllers(s.Steps)
	rows = [][]string{columns(took)}
	for _, step := range s.Steps {
		rows = append(rows, cells(step, took))
	}
	table(&b, rows)
	for _, step := range s.Steps {
		if step.Missed != "" {
			fmt.Fprintf(&b, "\n%s: %s.\n", step.Name, strings.SplitN(step.Missed, "\n", 2)[0])
		}
	}
	b.WriteString("\n### " + s.Name + ": requests\n\n")
	rows = [][]string{{"Step", "Identity", "Verb", "Resource", "Requests"}}
	for _, step := range s.Steps {
		if step.Name == result.WholeRun {
			continue // the sum of the others
		}
		for _, c := range step.Requests {
			rows = append(rows, []string{step.Name, identity(c.User), c.Verb, c.Resource, count(c.Requests)})
		}
	}
	table(&b, rows)
	return b.String()
}

func orAbsent(text string) string {
	if text == "" {
		return absent
	}
	return text
}

// table writes rows as a table, the first as its head.
func table(b *strings.Builder, rows [][]string) {
	for i, row := range rows {
		fmt.Fprintf(b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			b.WriteString("|" + strings.Repeat("---|", len(row)) + "\n")
		}
	}
}
