// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package report writes what was measured: as text for the terminal, as JSON for
// programs and as sections of docs/benchmarks.md.
package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/weir-gitops/weir/hack/bench/internal/result"
)

// absent stands for a value that was not measured or does not exist.
const absent = "–"

// controllers are those that took part in any of the steps, in the order of
// their columns.
func controllers(steps []result.Step) []string {
	all := []string{result.SourceName, result.KustomizeName, result.HelmName, result.NotificationName, result.ImageName}
	return slices.DeleteFunc(all, func(name string) bool {
		return !slices.ContainsFunc(steps, func(s result.Step) bool {
			_, took := s.Values[result.CPUOf(name)]
			return took
		})
	})
}

// quantity writes a value of a figure without its unit.
func quantity(value float64, unit result.Unit) string {
	switch unit {
	case result.Megabytes:
		return megabytes(value)
	case result.Count:
		return count(value)
	case result.Seconds, result.CPUSeconds, result.Times:
		return seconds(value)
	}
	return fmt.Sprint(value)
}

// withUnit writes a value of a figure with its unit. Requests go without: their
// figure is named after them.
func withUnit(value float64, unit result.Unit) string {
	if unit == result.Count {
		return count(value)
	}
	return quantity(value, unit) + " " + string(unit)
}

// seconds writes a time with the digits that mean something.
func seconds(value float64) string {
	digits := 2
	if value >= 10 {
		digits = 1
	}
	return trim(strconv.FormatFloat(value, 'f', digits, 64))
}

// megabytes writes a number of bytes in units of 1,000,000, to the kilobyte
// below 10.
func megabytes(bytes float64) string {
	if mb := bytes / 1e6; mb < 10 {
		return trim(strconv.FormatFloat(mb, 'f', 3, 64))
	}
	return strconv.FormatFloat(bytes/1e6, 'f', 0, 64)
}

// count writes a number with separated thousands.
func count(value float64) string {
	text := strconv.FormatFloat(value, 'f', -1, 64)
	whole, fraction, found := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if found {
		return whole + "." + fraction
	}
	return whole
}

// trim cuts zeros after the decimal point.
func trim(number string) string {
	if !strings.Contains(number, ".") {
		return number
	}
	return strings.TrimRight(strings.TrimRight(number, "0"), ".")
}

// value writes a value of a step.
func value(step result.Step, metric result.Metric, format func(float64) string) string {
	if v, ok := step.Values[metric]; ok {
		return format(v)
	}
	return absent
}

// measured and verdict write the outcome of a figure.
func measured(o result.Outcome) string {
	if o.Value == nil {
		return absent
	}
	return withUnit(*o.Value, o.Unit)
}

func verdict(o result.Outcome) string {
	if o.Reached {
		return "reached"
	}
	return "missed"
}

// aim writes what to strive for.
func aim(o result.Outcome) string {
	if o.Aim == 0 {
		return absent
	}
	return withUnit(o.Aim, o.Unit)
}

// identity shortens a service account to its name.
func identity(user string) string {
	return user[strings.LastIndexByte(user, ':')+1:]
}

// setting says what was measured, with what and on what, in one sentence.
func setting(s result.Scenario) string {
	e := s.Environment
	runs := "one run"
	if len(s.Runs) > 1 {
		runs = fmt.Sprintf("median of %d runs", len(s.Runs))
	}
	return fmt.Sprintf("%s (%s) against Kubernetes %s on %d cores of %s, %.0f GB of memory, Linux %s (%s), on %s; %s.",
		strings.TrimSpace(e.Implementation+" "+e.Version), e.Go, e.Kubernetes, e.Machine.Cores, cmp.Or(e.Machine.CPU, "an unnamed CPU"),
		float64(e.Machine.MemoryBytes)/1e9, e.Machine.Kernel, e.Machine.Arch, e.Date.UTC().Format("2006-01-02"), runs)
}

// columns are the heads of the table of steps.
func columns(controllers []string) []string {
	heads := []string{"Step", "Settled s", "CPU s", "Requests", "Git MB"}
	for _, c := range controllers {
		heads = append(heads, c+" CPU s", "resident MB", "peak MB")
	}
	return append(heads, "control plane CPU s")
}

// cells are the values of a step, one for each of the columns.
func cells(step result.Step, controllers []string) []string {
	row := []string{
		step.Name, value(step, result.Settled, seconds), value(step, result.CPU, seconds),
		value(step, result.Requests, count), value(step, result.GitBytes, megabytes),
	}
	for _, c := range controllers {
		row = append(row, value(step, result.CPUOf(c), seconds),
			value(step, result.ResidentOf(c), megabytes), value(step, result.PeakOf(c), megabytes))
	}
	return append(row, value(step, result.ControlPlaneCPU, seconds))
}
