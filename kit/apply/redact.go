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
	"strconv"
	"strings"

	"github.com/fluxcd/pkg/ssa/utils"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// mask replaces what must not be seen.
const mask = "*****"

// minSecretLen is the length from which a value is searched for in texts; shorter ones would tear ordinary words apart.
const minSecretLen = 4

// redact takes what is secret out of an error: all values of a Secret, and what the caller named of any other object. The API
// server quotes offending values in validation errors, and the decoder of server-side apply prints them as Go values.
func (it *item) redact(err error) error {
	if err == nil {
		return nil
	}
	hide := it.hider()
	status, ok := errors.AsType[*apierrors.StatusError](err)
	if !ok {
		if text := hide(err.Error()); text != err.Error() {
			return errors.New(text)
		}
		return err
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

// Go values run to the end of the line; they may hold a part of a secret, or one that was read as a number.
const goValues = `(valueUnstructured\{Value:).*`

// quotedValues are strings as %q prints them.
const quotedValues = `(Invalid value: |Unsupported value: )(?:"(?:[^"\\]|\\.)*"|[^\s:]+)`

// hider returns a function that masks what is secret in a text, plain, encoded and quoted.
func (it *item) hider() func(string) string {
	var secrets []string
	add := func(s string) {
		if len(s) >= minSecretLen {
			secrets = append(secrets, s)
		}
	}
	for _, value := range it.hide {
		if len(value) >= minSecretLen {
			add(value)
			add(strings.Trim(strconv.Quote(value), `"`))
			add(base64.StdEncoding.EncodeToString([]byte(value)))
		}
	}
	pattern := goValues
	if utils.IsSecret(it.obj) {
		pattern = quotedValues + "|" + goValues
		for _, field := range []string{"data", "stringData"} {
			for leaf := range leaves(it.obj.Object[field]) {
				add(leaf)
				if plain, err := base64.StdEncoding.DecodeString(leaf); err == nil {
					add(string(plain))
				}
			}
		}
	}
	slices.SortFunc(secrets, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	quoted, replacement := regexp.MustCompile(pattern), "${1}${2}"+mask
	return func(text string) string {
		text = quoted.ReplaceAllString(text, replacement)
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
