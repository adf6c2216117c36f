// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package alert

import (
	"fmt"
	"regexp"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// maxExpressions is how many compiled expressions are kept for the next event.
	maxExpressions = 1024
	// maxKeptExpression is the longest expression, in bytes, that is kept: what it compiles to is many times as large.
	maxKeptExpression = 2 << 10
)

// expressions compiles the regular expressions of Alerts, each once.
type expressions struct {
	cache *lru.Cache[string, compiled]
}

type compiled struct {
	expression *regexp.Regexp
	err        error
}

func newExpressions() (*expressions, error) {
	cache, err := lru.New[string, compiled](maxExpressions)
	if err != nil {
		return nil, fmt.Errorf("create cache of expressions: %w", err)
	}
	return &expressions{cache: cache}, nil
}

func (e *expressions) compile(text string) (*regexp.Regexp, error) {
	if known, ok := e.cache.Get(text); ok {
		return known.expression, known.err
	}
	expression, err := regexp.Compile(text)
	if len(text) <= maxKeptExpression {
		e.cache.Add(text, compiled{expression: expression, err: err})
	}
	return expression, err
}

// listed tells whether the message matches one of the expressions. Those that do not compile are skipped and returned as problems.
func (e *expressions) listed(field string, texts []string, message string) (matches bool, problems []string) {
	for _, text := range texts {
		expression, err := e.compile(text)
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: %s", field, err))
			continue
		}
		matches = matches || expression.MatchString(message)
	}
	return matches, problems
}

// wanted applies the two lists of an Alert to a message. Flux: contract notification-controller, section 3.4: exclusion wins, and a list of
// broken expressions lets nothing through or excludes nothing.
func (e *expressions) wanted(inclusion, exclusion []string, message string) (ok bool, problems []string) {
	included, problems := e.listed("spec.inclusionList", inclusion, message)
	if len(inclusion) > 0 && !included {
		return false, problems
	}
	excluded, more := e.listed("spec.exclusionList", exclusion, message)
	return !excluded, append(problems, more...)
}
