// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/ssa/utils"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// mask replaces what must not be seen.
const mask = "*****"

// minSecretLen is the length from which a value is searched for in texts; shorter ones would tear ordinary words apart.
const minSecretLen = 4

// redact takes the values of a Secret out of an error. The API server quotes offending values in validation errors, and the
// decoder of server-side apply prints them as Go values.
func (it *item) redact(err error) error {
	if err == nil || !utils.IsSecret(it.obj) {
		return err
	}
	hide := it.hider()
	status, ok := errors.AsType[*apierrors.StatusError](err)
	if !ok {
		return errors.New(hide(err.Error()))
	}
	s := status.Status()
	s.Message = hide(s.Message)
	if s.Details != nil {
		d := s.Details.DeepCopy()
		for i := range d.Causes {
			d.Causes[i].Message = hide(d.Causes[i].Message)
		}
		s.Details = d
	}
	return &apierrors.StatusError{ErrStatus: s}
}

// hider returns a function that masks every value of the Secret, plain and encoded.
func (it *item) hider() func(string) string {
	var secrets []string
	add := func(s string) {
		if len(s) >= minSecretLen {
			secrets = append(secrets, s)
		}
	}
	for _, field := range []string{"data", "stringData"} {
		for leaf := range leaves(it.obj.Object[field]) {
			add(leaf)
			if plain, err := base64.StdEncoding.DecodeString(leaf); err == nil {
				add(string(plain))
			}
		}
	}
	slices.SortFunc(secrets, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	// Strings as %q prints them, and Go values to the end of the line.
	quoted := regexp.MustCompile(`(Invalid value: |Unsupported value: )("(?:[^"\\]|\\.)*"|[^\s:]+)|(valueUnstructured\{Value:).*`)
	return func(text string) string {
		text = quoted.ReplaceAllString(text, "${1}${3}"+mask)
		for _, s := range secrets {
			text = strings.ReplaceAll(text, s, mask)
		}
		return text
	}
}

// leaves yields every scalar of a value, whatever its shape: malformed Secrets are quoted in errors too.
func leaves(v any) iter.Seq[string] {
	return func(yield func(string) bool) { walkLeaves(v, yield) }
}

func walkLeaves(v any, yield func(string) bool) bool {
	switch n := v.(type) {
	case nil:
		return true
	case map[string]any:
		for _, sub := range n {
			if !walkLeaves(sub, yield) {
				return false
			}
		}
		return true
	case []any:
		for _, sub := range n {
			if !walkLeaves(sub, yield) {
				return false
			}
		}
		return true
	default:
		return yield(fmt.Sprint(n))
	}
}
