// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package alert

import (
	"fmt"
	"regexp"
	"regexp/syntax"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// maxExpressions is how many compiled expressions are kept for the next event.
	maxExpressions = 1024
	// maxExpressionBytes bounds an expression, maxExpressionSteps what it compiles to, which repetitions multiply: 40 bytes each.
	maxExpressionBytes = 4 << 10
	maxExpressionSteps = 10_000
	// maxKeptSteps is the largest expression that is kept.
	maxKeptSteps = 300
	// maxMatchSteps bounds the steps of the expressions of one Alert times the length of a message, in bytes: about a second, in which nobody else
	// is told of anything.
	maxMatchSteps = 100_000_000
)

// expressions compiles the regular expressions of Alerts, each once.
type expressions struct {
	cache *lru.Cache[string, compiled]
}

type compiled struct {
	expression *regexp.Regexp
	steps      int
	err        error
}

func newExpressions() (*expressions, error) {
	cache, err := lru.New[string, compiled](maxExpressions)
	if err != nil {
		return nil, fmt.Errorf("create cache of expressions: %w", err)
	}
	return &expressions{cache: cache}, nil
}

func (e *expressions) compile(text string) compiled {
	if known, ok := e.cache.Get(text); ok {
		return known
	}
	c := compile(text)
	if len(text) <= maxExpressionBytes && c.steps <= maxKeptSteps {
		e.cache.Add(text, c)
	}
	return c
}

func compile(text string) compiled {
	if len(text) > maxExpressionBytes {
		return compiled{err: fmt.Errorf("expression of more than %d bytes", maxExpressionBytes)}
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return compiled{err: err}
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return compiled{err: err}
	}
	if len(program.Inst) > maxExpressionSteps {
		return compiled{err: fmt.Errorf("expression of more than %d steps: %.100s", maxExpressionSteps, text)}
	}
	expression, err := regexp.Compile(text)
	return compiled{expression: expression, steps: len(program.Inst), err: err}
}

// listed tells whether the message matches one of the expressions, and takes what that may cost from left. Those that do not compile, or cost too
// much, are skipped and returned as problems.
func (e *expressions) listed(field string, texts []string, message string, left *int) (matches bool, problems []string) {
	for _, text := range texts {
		c := e.compile(text)
		if c.err != nil {
			problems = append(problems, fmt.Sprintf("%s: %s", field, c.err))
			continue
		}
		if matches {
			continue
		}
		if *left -= c.steps * len(message); *left < 0 {
			return false, append(problems, fmt.Sprintf("%s: the expressions take too long for a message of %d bytes", field, len(message)))
		}
		matches = c.expression.MatchString(message)
	}
	return matches, problems
}

// wanted applies the two lists of an Alert to a message. Flux: contract notification-controller, section 3.4: exclusion wins, and a list of
// broken expressions lets nothing through or excludes nothing.
func (e *expressions) wanted(inclusion, exclusion []string, message string) (ok bool, problems []string) {
	left := maxMatchSteps
	included, problems := e.listed("spec.inclusionList", inclusion, message, &left)
	if len(inclusion) > 0 && !included {
		return false, problems
	}
	excluded, more := e.listed("spec.exclusionList", exclusion, message, &left)
	return !excluded, append(problems, more...)
}
